package gateway

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/internal/target"
)

// shareOf is how many of n unbound requests go to a target.
func shareOf(g *Gateway, id string, n int) float64 {
	got := 0
	for range n {
		if record(g, "GET", "/", "").Header().Get("X-Instance") == id {
			got++
		}
	}
	return float64(got) / float64(n)
}

func TestSlowStart(t *testing.T) {
	const n = 1500
	for _, p := range []Policy{RoundRobin, LeastOutstanding, PowerOfTwo} {
		synctest.Test(t, func(t *testing.T) {
			grp := shop()
			grp.Policy, grp.SlowStart = p, 100*time.Second
			g, _ := bubble(t, grp)
			g.check = unanswered
			near := func(what string, share float64) {
				t.Helper()
				// Two of three draws are compared by power of two: a target
				// that is denied is missing from both.
				if got := shareOf(g, "c", n); got < share*0.7-0.01 || got > share*1.4+0.02 {
					t.Errorf("%v, %s: c has %.3f, want about %.3f", p, what, got, share)
				}
			}
			register(t, g, "a", "b", "c") // all are new
			near("at the start", 1./3)
			g.DeregisterAndWait(t.Context(), "shop", "c")
			register(t, g, "c")
			near("at once", 0.1/3)
			time.Sleep(50 * time.Second)
			near("half way", 0.55/3)
			time.Sleep(50 * time.Second)
			near("warm", 1./3)
			table := g.groups()[0].table.Load()
			if table.first.warming == nil || !table.first.warming.done.Load() {
				t.Errorf("%v: the slow start has no end", p)
			}

			// Again after it was unhealthy; bound requests do not ask.
			force(g, "c", target.Unhealthy)
			force(g, "c", target.Healthy)
			near("again", 0.1/3)
			// Nobody is warmer: all are equal.
			force(g, "a", target.Unhealthy)
			force(g, "b", target.Unhealthy)
			if got := shareOf(g, "c", 20); got != 1 {
				t.Errorf("%v: alone it has %v", p, got)
			}
			force(g, "a", target.Healthy)
			near("as warm as the other", 0.5)
		})
	}
}

// Bound requests go to a new target as ever.
func TestSlowStartIsForUnbound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		grp := hashed(target.Move)
		grp.SlowStart = time.Hour
		g, _ := bubble(t, grp)
		g.check = unanswered
		register(t, g, "a", "b")
		places(t, g, 1)
		register(t, g, "c")
		if g.groups()[0].table.Load().first.warming == nil {
			t.Fatal("no slow start")
		}
		got := 0
		for _, at := range places(t, g, 300) {
			if at == "c" {
				got++
			}
		}
		if got < 60 || got > 140 {
			t.Errorf("%d of 300 keys at the new target", got)
		}
	})
}

// While targets of a gateway that starts are found healthy one after the
// other, none of them is a late one.
func TestSlowStartNotAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		grp := shop()
		grp.SlowStart, grp.Health = time.Hour, checked().Health
		g, _ := bubble(t, grp)
		g.check = unanswered
		for i := range 3 {
			if err := g.Register("shop", target.Target{ID: fmt.Sprint(i), Address: fmt.Sprint(i, ":1")}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 3 {
			force(g, fmt.Sprint(i), target.Healthy)
			record(g, "GET", "/", "")
			time.Sleep(time.Second)
		}
		if g.groups()[0].table.Load().first.warming != nil {
			t.Error("a slow start at the gateway's start")
		}
		if err := g.Register("shop", target.Target{ID: "late", Address: "late:1"}); err != nil {
			t.Fatal(err)
		}
		force(g, "late", target.Healthy)
		if g.groups()[0].table.Load().first.warming == nil {
			t.Error("no slow start of a late target")
		}
	})
}
