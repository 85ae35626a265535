package gateway

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/gateway/balance"
	"github.com/evenkeel/evenkeel/internal/gateway/health"
	"github.com/evenkeel/evenkeel/internal/target"
)

// hashed is shop with affinity by the header X-User.
func hashed(p target.OnDraining, targets ...target.Target) GroupOptions {
	g := shop(targets...)
	g.OnDraining = p
	g.Affinity = AffinityOptions{Mode: AffinityHeader, Header: "x-user"}
	return g
}

func user(i int) string { return fmt.Sprint("X-User: user ", i) }

// places returns where the requests of so many users go, and fails the test if
// one is refused or gets a cookie.
func places(t *testing.T, g *Gateway, users int) []string {
	t.Helper()
	at := make([]string, users)
	for i := range at {
		w := record(g, "GET", "/", "", user(i))
		if w.Code != 200 || len(w.Header()["Set-Cookie"]) != 0 {
			t.Fatalf("user %d: %d, cookies %q", i, w.Code, w.Header()["Set-Cookie"])
		}
		at[i] = w.Header().Get("X-Instance")
	}
	return at
}

// In the modes that hash bound requests meet the same as with a cookie, but
// for targets that were removed, of which nobody knows any more.
func TestKeyedRequests(t *testing.T) {
	leave := map[string]func(t *testing.T, g *Gateway){
		"draining": func(t *testing.T, g *Gateway) {
			if _, _, err := g.startDrain(g.groups()[0], "b", false); err != nil {
				t.Error(err)
			}
		},
		"unhealthy": func(_ *testing.T, g *Gateway) { force(g, "b", target.Unhealthy) },
		"ejected": func(_ *testing.T, g *Gateway) {
			grp := g.groups()[0]
			e := grp.entries["b"]
			grp.transition(e, func(s target.State) target.State { return e.health.ConnectFailed(s, time.Now()) })
		},
		"initial": func(_ *testing.T, g *Gateway) { force(g, "b", target.Initial) },
		"removed": func(t *testing.T, g *Gateway) {
			if _, err := g.DeregisterAndWait(t.Context(), "shop", "b"); err != nil {
				t.Error(err)
			}
		},
	}
	const stays, moves, refused, forgotten = "stays", "moves", "refused", "forgotten"
	want := map[target.OnDraining]map[string]string{
		// Nothing is in flight, so a drain that holds nothing is over at once,
		// and the target has forgotten its sessions.
		target.Move:   {"draining": forgotten, "unhealthy": moves, "ejected": moves, "initial": stays, "removed": forgotten},
		target.Finish: {"draining": stays, "unhealthy": stays, "ejected": moves, "initial": stays},
		target.Strict: {"draining": forgotten, "unhealthy": refused, "ejected": moves, "initial": stays, "removed": forgotten},
	}
	for p, ways := range want {
		for way, what := range ways {
			synctest.Test(t, func(t *testing.T) {
				g, _ := bubble(t, hashed(p))
				g.check = unanswered
				register(t, g, "a", "b", "c")
				const users = 60
				before := places(t, g, users)
				leave[way](t, g)
				moved := 0
				for i, was := range before {
					for range 2 {
						w := record(g, "GET", "/", "", user(i))
						switch at := w.Header().Get("X-Instance"); {
						case what == refused && was == "b":
							if w.Code != 503 || at != "b" || w.Header().Get("Retry-After") == "" {
								t.Errorf("%v, %s: %d at %q", p, way, w.Code, at)
							}
						case w.Code != 200 || (at != was) != (was == "b" && what != stays):
							t.Errorf("%v, %s: user %d of %s: %d at %s", p, way, i, was, w.Code, at)
						case at != was:
							moved++
						}
					}
				}
				// Who was not there before is not sent there now.
				for i := range users {
					w := record(g, "GET", "/", "", fmt.Sprint("X-User: new ", i))
					if at := w.Header().Get("X-Instance"); w.Code != 200 || at == "b" {
						t.Errorf("%v, %s: a new user: %d at %s", p, way, w.Code, at)
					}
				}
				s := g.Stats().Groups[0]
				counted := s.MovesDraining + s.MovesUnhealthy + s.MovesGone + s.MovesFailed
				if what == moves && 2*int(counted) != moved || what != moves && counted != 0 || (what == moves || what == forgotten) != (moved > 0) {
					t.Errorf("%v, %s: %d requests moved, %d moves counted", p, way, moved, counted)
				}
			})
		}
	}
}

// force puts a target into a state, as a health check would.
func force(g *Gateway, id string, s target.State) {
	grp := g.groups()[0]
	grp.transition(grp.entries[id], func(target.State) target.State { return s })
}

// While a request is in flight the drain goes on, and strict and move differ.
func TestKeyedWhileDraining(t *testing.T) {
	for p, what := range map[target.OnDraining]string{target.Move: "moves", target.Strict: "refused"} {
		synctest.Test(t, func(t *testing.T) {
			g, _ := bubble(t, hashed(p))
			g.check = unanswered
			register(t, g, "a", "b", "c")
			before := places(t, g, 60)
			e := g.groups()[0].entries["b"]
			x := &exchange{}
			if !e.acquire(x, unbound, p) {
				t.Fatal("not acquired")
			}
			if _, _, err := g.startDrain(g.groups()[0], "b", false); err != nil {
				t.Fatal(err)
			}
			moved := 0
			for i, was := range before {
				w := record(g, "GET", "/", "", user(i))
				at := w.Header().Get("X-Instance")
				switch {
				case was != "b":
					if w.Code != 200 || at != was {
						t.Errorf("%v: a needless move from %s to %s", p, was, at)
					}
				case what == "refused":
					if w.Code != 503 || at != "b" {
						t.Errorf("%d at %s", w.Code, at)
					}
				case w.Code != 200 || at == "b":
					t.Errorf("%d at %s", w.Code, at)
				default:
					moved++
				}
			}
			if s := g.Stats().Groups[0]; int(s.MovesDraining) != moved {
				t.Errorf("%v: %d moved, %d counted", p, moved, s.MovesDraining)
			}
			e.release(x)
			synctest.Wait()
			places(t, g, 60) // nobody is refused after the end
		})
	}
}

// Under finish the users of a draining target stay until they are idle, and
// hold it.
func TestKeyedFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		grp := hashed(target.Finish)
		grp.Affinity.IdleTimeout = 10 * time.Minute
		grp.DeregistrationDelay = 3 * time.Hour
		g, _ := bubble(t, grp)
		g.check = unanswered
		register(t, g, "a", "b")
		before := places(t, g, 20)
		mine := 0
		for before[mine] != "a" {
			mine++
		}
		done := make(chan DrainResult, 1)
		go func() {
			r, err := g.Drain(t.Context(), "shop", "a")
			if err != nil {
				t.Error(err)
			}
			done <- r
		}()
		synctest.Wait()
		at := func() string { return record(g, "GET", "/", "", user(mine)).Header().Get("X-Instance") }
		for range 5 {
			if id := at(); id != "a" {
				t.Errorf("a user of a goes to %s", id)
			}
			time.Sleep(9 * time.Minute)
		}
		synctest.Wait()
		if s, err := g.status("shop", "a"); err != nil || s.BoundSessions != 1 || len(done) != 0 {
			t.Errorf("got %+v, %v", s, err)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if len(done) != 1 {
			t.Fatal("an idle user holds the target")
		}
		if d := cmp.Diff(DrainResult{Empty: true}, <-done); d != "" {
			t.Error(d)
		}
		if id := at(); id != "b" {
			t.Errorf("an idle user came back to %s", id)
		}
	})
}

// A target that joins takes its own keys when it is healthy, and no others; a
// restarted gateway moves nobody while its checks are under way.
func TestKeyedJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		grp := hashed(target.Move)
		grp.Health = checked().Health
		const users = 200
		g, _ := bubble(t, grp)
		g.check = unanswered
		register(t, g, "a", "b", "c")
		// Nobody is healthy yet: all are equally likely.
		first := places(t, g, users)
		force(g, "a", target.Healthy) // the first check that is answered
		if d := cmp.Diff(first, places(t, g, users)); d != "" {
			t.Errorf("moved while the gateway starts: %s", d)
		}
		again, _ := bubble(t, grp)
		again.check = unanswered
		register(t, again, "a", "b", "c")
		force(again, "a", target.Healthy)
		if d := cmp.Diff(first, places(t, again, users)); d != "" {
			t.Errorf("moved by a restart: %s", d)
		}
		force(g, "b", target.Healthy)
		force(g, "c", target.Healthy)
		if d := cmp.Diff(first, places(t, g, users)); d != "" {
			t.Errorf("moved when the gateway had started: %s", d)
		}
		e := target.Target{ID: "d", Address: "d:1"}
		if err := g.Register("shop", e); err != nil {
			t.Fatal(err)
		}
		force(g, "d", target.Initial)
		if d := cmp.Diff(first, places(t, g, users)); d != "" {
			t.Errorf("moved to a target that has not started: %s", d)
		}
		force(g, "d", target.Healthy)
		moved := 0
		for i, at := range places(t, g, users) {
			if at != first[i] {
				moved++
				if at != "d" {
					t.Errorf("a needless move from %s to %s", first[i], at)
				}
			}
		}
		if moved < users/8 || moved > users*3/8 {
			t.Errorf("%d of %d moved to the fourth target", moved, users)
		}
	})
}

// unanswered is a check that comes to no end, so that the test says what is
// healthy.
func unanswered(ctx context.Context, _ string, _ health.Options) error {
	<-ctx.Done()
	return ctx.Err()
}

// The load is bounded where sessions may move, and only there.
func TestKeyedBound(t *testing.T) {
	for p, factor := range map[target.OnDraining]float64{target.Move: 0, target.Finish: 0, target.Strict: 4} {
		synctest.Test(t, func(t *testing.T) {
			grp := hashed(p)
			grp.Affinity.LoadFactor = factor
			g, _ := bubble(t, grp)
			g.check = unanswered
			register(t, g, "a", "b", "c")
			own := record(g, "GET", "/", "", user(1)).Header().Get("X-Instance")
			e := g.groups()[0].entries[own]
			for range balance.NeverOver - 1 {
				e.acquire(&exchange{}, unbound, p)
			}
			if at := record(g, "GET", "/", "", user(1)).Header().Get("X-Instance"); at != own {
				t.Errorf("%v: left %s for %s below the bound", p, own, at)
			}
			e.acquire(&exchange{}, unbound, p)
			at := record(g, "GET", "/", "", user(1)).Header().Get("X-Instance")
			if (at != own) != (p == target.Move) {
				t.Errorf("%v: at %s with %s over the bound", p, at, own)
			}
			clear(e.live)
			if at := record(g, "GET", "/", "", user(1)).Header().Get("X-Instance"); at != own {
				t.Errorf("%v: did not come back from %s", p, at)
			}
		})
	}
}

// What of a request is its key. Requests without one are unbound, and go to
// each target in turn.
func TestAffinityKeys(t *testing.T) {
	const one = "AAAAAAAAAAAAAAAA"
	verifier := func(s string) string { return "." + strings.Repeat(s, verifierLen) }
	for name, tc := range map[string]struct {
		opt     AffinityOptions
		same    [][]string // requests of one key each
		unbound []string
	}{
		"session cookie": {
			AffinityOptions{Mode: AffinitySession, AppCookie: "sid"},
			[][]string{
				{"Cookie: sid=" + one + verifier("1"), "Cookie: a=b; sid=" + one + verifier("2"), "Cookie: sid=" + one + verifier("3") + verifier("1")},
				{"Cookie: sid=BBBBBBBBBBBBBBBB" + verifier("1")},
				{"Cookie: sid=" + one + ".1"}, {"Cookie: sid=" + one + ".2"}, // of another form: all of it
				{"Cookie: sid=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x"}, {"Cookie: sid=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIyIn0.x"},
			},
			[]string{"Cookie: other=1", "X: y", "Cookie: sid=", `Cookie: sid=""`},
		},
		"session header": {
			AffinityOptions{Mode: AffinitySession, Header: "x-session"},
			[][]string{{"X-Session: " + one + verifier("1"), "X-Session: " + one + verifier("2")}, {"X-Session: 7"}},
			[]string{"X: y", "X-Session: "},
		},
		"header": {
			AffinityOptions{Mode: AffinityHeader, Header: "x-tenant"},
			[][]string{{"X-Tenant: 1", "x-tenant: 1"}, {"X-Tenant: " + one + verifier("1")}, {"X-Tenant: " + one + verifier("2")}},
			[]string{"X: y"},
		},
		"client address": {
			AffinityOptions{Mode: AffinityClientIP},
			[][]string{
				{"X-Forwarded-For: 198.51.100.1", "X-Forwarded-For: 9.9.9.9, 198.51.100.1", "X-Forwarded-For: 198.51.100.1, 192.0.2.77", "X-Forwarded-For: ::ffff:198.51.100.1"},
				{"X-Forwarded-For: 198.51.100.2"},
				{"X-Forwarded-For: 2001:db8:1:2::1", "X-Forwarded-For: 2001:db8:1:2:ffff::9"},
				{"X-Forwarded-For: 2001:db8:1:3::1"},
				{"X: y", "X-Forwarded-For: 192.0.2.1"}, // nobody before us, or the hop itself
			},
			[]string{"X-Forwarded-For: unknown"},
		},
	} {
		grp := shop()
		grp.Affinity = tc.opt
		opt := options(grp)
		opt.Traffic.Trusted = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} // httptest's requests come from there
		g, err := New(opt)
		if err != nil {
			t.Fatal(err)
		}
		keys := map[string]int{}
		read := func(field string) string {
			r := httptest.NewRequest("GET", "/", nil)
			k, v, _ := strings.Cut(field, ": ")
			r.Header.Set(k, v)
			x := &exchange{g: g, r: r, w: httptest.NewRecorder(), group: g.groups()[0], table: g.groups()[0].table.Load()}
			x.prepare()
			x.readAffinity()
			if x.known != (x.affinityKey() != "") {
				t.Errorf("%s: %s: known %v", name, field, x.known)
			}
			return x.affinityKey()
		}
		for i, fields := range tc.same {
			for _, field := range fields {
				key := read(field)
				if first, ok := keys[key]; key == "" || ok && first != i {
					t.Errorf("%s: %s has the key %q, as request %d", name, field, key, first)
				}
				keys[key] = i
			}
		}
		if len(keys) != len(tc.same) {
			t.Errorf("%s: %d keys, want %d: %v", name, len(keys), len(tc.same), keys)
		}
		for _, field := range tc.unbound {
			if key := read(field); key != "" {
				t.Errorf("%s: %s has the key %q", name, field, key)
			}
		}
	}
}

// An untrusted client cannot choose its address.
func TestClientAddressIsNotClaimed(t *testing.T) {
	grp := shop()
	grp.Affinity = AffinityOptions{Mode: AffinityClientIP}
	synctest.Test(t, func(t *testing.T) {
		g, _ := bubble(t, grp)
		g.check = unanswered
		register(t, g, "a", "b", "c")
		at := record(g, "GET", "/", "").Header().Get("X-Instance")
		for i := range 30 {
			if got := record(g, "GET", "/", "", fmt.Sprintf("X-Forwarded-For: 198.51.100.%d", i)).Header().Get("X-Instance"); got != at {
				t.Fatalf("at %s, then at %s", at, got)
			}
		}
	})
}

func TestUnboundInHashModes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := bubble(t, hashed(target.Move))
		g.check = unanswered
		register(t, g, "a", "b", "c")
		got := map[string]int{}
		for range 30 {
			got[record(g, "GET", "/", "").Header().Get("X-Instance")]++
		}
		if d := cmp.Diff(map[string]int{"a": 10, "b": 10, "c": 10}, got); d != "" {
			t.Error(d)
		}
		for _, s := range g.Stats().Groups[0].Targets {
			if s.BoundSessions != 0 {
				t.Errorf("%d bound at %s", s.BoundSessions, s.ID)
			}
		}
	})
}

// Only a selector is cut out, and renewals do not change it.
func FuzzSessionName(f *testing.F) {
	f.Add(strings.Repeat("s", selectorLen) + "." + strings.Repeat("v", verifierLen))
	f.Add("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x")
	f.Add("")
	f.Fuzz(func(t *testing.T, id string) {
		switch name := sessionName(id); {
		case name == id:
		case len(name) != selectorLen || !strings.HasPrefix(id, name+".") || sessionName(name+"."+strings.Repeat("v", verifierLen)) != name:
			t.Errorf("%q has the name %q", id, name)
		}
	})
}

// Under load a target leaves, another one joins, and only users of the first,
// or of the second then, are somewhere else afterwards. The control has no
// affinity, and must be found to move others.
func TestKeyedUnderLoad(t *testing.T) {
	for _, mode := range []AffinityMode{AffinityHeader, AffinityNone} {
		grp := hashed(target.Move, three(t)...)
		if mode == AffinityNone {
			grp.Affinity = AffinityOptions{}
		}
		f := start(t, options(grp))
		late := app(t, "d", nil)
		const users = 24
		var failed, needless atomic.Int64
		var rounds [users]atomic.Int64
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for i := range users {
			c := dial(t, f.addr)
			wg.Go(func() {
				was := ""
				for {
					select {
					case <-stop:
						return
					default:
					}
					a := c.do("GET", "/", "", user(i))
					switch {
					case a.err != nil || a.StatusCode != 200:
						failed.Add(1)
						return
					case was != "" && a.body != was && was != "b" && a.body != "d":
						needless.Add(1)
					}
					was = a.body
					rounds[i].Add(1)
				}
			})
		}
		further := func() {
			var before [users]int64
			for i := range rounds {
				before[i] = rounds[i].Load()
			}
			eventually(t, "requests of all users", func() bool {
				for i := range rounds {
					if rounds[i].Load() < before[i]+5 {
						return failed.Load() > 0
					}
				}
				return true
			})
		}
		further()
		if r, err := f.Drain(t.Context(), "shop", "b"); err != nil || !r.Empty || r.Cut != 0 {
			t.Errorf("%+v, %v", r, err)
		}
		further()
		if err := f.Register("shop", late); err != nil {
			t.Error(err)
		}
		further()
		close(stop)
		wg.Wait()
		if failed.Load() != 0 || (needless.Load() == 0) != (mode == AffinityHeader) {
			t.Errorf("%v: %d failed, %d needless moves", mode, failed.Load(), needless.Load())
		}
	}
}
