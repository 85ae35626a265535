package gateway

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/target"
)

func spread(g *Gateway, n int) map[string]int {
	got := map[string]int{}
	for range n {
		got[record(g, "GET", "/", "").Header().Get("X-Instance")]++
	}
	return got
}

func TestPanicThreshold(t *testing.T) {
	const h, u, i, d = target.Healthy, target.Unhealthy, target.Initial, target.Draining
	for _, tc := range []struct {
		threshold int
		states    []target.State // of a, b, c, d
		want      string         // who is chosen
	}{
		{0, []target.State{h, u, u, u}, "a"},
		{0, []target.State{u, u, u, u}, "abcd"},
		{50, []target.State{h, u, u, u}, "abcd"},
		{50, []target.State{h, h, u, u}, "ab"},
		{51, []target.State{h, h, u, u}, "abcd"},
		{50, []target.State{h, i, i, i}, "a"}, // new ones are no sign
		{50, []target.State{h, u, u, i}, "abc"},
		{50, []target.State{h, d, d, d}, "a"},
		{100, []target.State{h, h, h, u}, "abcd"},
		{100, []target.State{h, h, h, h}, "abcd"},
		{100, []target.State{h, h, h, d}, "abc"},
	} {
		synctest.Test(t, func(t *testing.T) {
			grp := shop()
			grp.PanicThreshold = tc.threshold
			g, _ := bubble(t, grp)
			g.check = unanswered
			register(t, g, "a", "b", "c", "d")
			for k, s := range tc.states {
				id := "abcd"[k : k+1]
				if s == target.Draining {
					if _, err := g.Drain(t.Context(), "shop", id); err != nil {
						t.Fatal(err)
					}
					continue
				}
				force(g, id, s)
			}
			want := map[string]int{}
			for _, id := range tc.want {
				want[string(id)] = 12 / len(tc.want)
			}
			if d := cmp.Diff(want, spread(g, 12)); d != "" {
				t.Errorf("%d %%, %v: %s", tc.threshold, tc.states, d)
			}
		})
	}
}

// While the health checks are doubted, sessions stay where they are, but not
// at a target that cannot be connected to.
func TestPanicKeepsSessions(t *testing.T) {
	for _, p := range []target.OnDraining{target.Move, target.Finish, target.Strict} {
		synctest.Test(t, func(t *testing.T) {
			grp := hashed(p)
			grp.PanicThreshold = 50
			g, _ := bubble(t, grp)
			g.check = unanswered
			register(t, g, "a", "b", "c")
			before := places(t, g, 60)
			force(g, "a", target.Unhealthy)
			force(g, "b", target.Unhealthy)
			if d := cmp.Diff(before, places(t, g, 60)); d != "" {
				t.Errorf("%v: %s", p, d)
			}
			force(g, "c", target.Unhealthy) // all
			if d := cmp.Diff(before, places(t, g, 60)); d != "" {
				t.Errorf("%v, all: %s", p, d)
			}
			force(g, "c", target.Healthy)
			force(g, "b", target.Healthy)
			force(g, "a", target.Healthy)
			e := g.groups()[0].entries["b"]
			g.groups()[0].transition(e, func(s target.State) target.State { return e.health.ConnectFailed(s, time.Now()) })
			force(g, "a", target.Unhealthy)
			for i, at := range places(t, g, 60) {
				if at == "b" || before[i] != "b" && at != before[i] {
					t.Errorf("%v: user of %s at %s", p, before[i], at)
				}
			}
			moves := g.Stats().Groups[0].MovesUnhealthy
			places(t, g, 60)
			if again := g.Stats().Groups[0].MovesUnhealthy; again != moves {
				t.Errorf("%v: %d moves, then %d: who has moved does so again", p, moves, again)
			}
			if got := spread(g, 12); got["b"] != 0 || got["a"] == 0 {
				t.Errorf("%v: unbound requests at %v", p, got)
			}
		})
	}
}

// The same with a cookie.
func TestPanicKeepsBindings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := bubble(t, sticky(target.Strict))
		g.check = unanswered
		register(t, g, "a", "b")
		w := record(g, "GET", "/", "")
		at, cookie := w.Header().Get("X-Instance"), answer{Response: w.Result()}.cookie()
		force(g, "a", target.Unhealthy)
		force(g, "b", target.Unhealthy)
		for range 4 {
			w := record(g, "GET", "/", "", cookie)
			if w.Code != 200 || w.Header().Get("X-Instance") != at || len(w.Header()["Set-Cookie"]) != 0 {
				t.Errorf("%d at %s, want %s", w.Code, w.Header().Get("X-Instance"), at)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		grp := sticky(target.Move)
		grp.PanicThreshold = 50
		g, _ := bubble(t, grp)
		g.check = unanswered
		register(t, g, "a", "b", "c")
		w := record(g, "GET", "/", "")
		at, cookie := w.Header().Get("X-Instance"), answer{Response: w.Result()}.cookie()
		e := g.groups()[0].entries[at]
		g.groups()[0].transition(e, func(s target.State) target.State { return e.health.ConnectFailed(s, time.Now()) })
		force(g, map[bool]string{true: "b", false: "a"}[at == "a"], target.Unhealthy)
		w = record(g, "GET", "/", "", cookie)
		if w.Header().Get("X-Instance") == at || (answer{Response: w.Result()}).cookie() == "" {
			t.Errorf("stays at %s, which cannot be connected to", at)
		}
	})
}
