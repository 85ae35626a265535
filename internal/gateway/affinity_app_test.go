package gateway

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway/affinity"
	"github.com/evenkeel/evenkeel/internal/target"
	"github.com/evenkeel/evenkeel/internal/upstream"
)

// following is a gateway of targets a, b and c with app_cookie, which answer
// with the Set-Cookie that the request asks for.
func following(t *testing.T, p target.OnDraining) *Gateway {
	t.Helper()
	grp := shop()
	grp.OnDraining = p
	grp.Affinity = AffinityOptions{Mode: AffinityAppCookie, Cookie: "ek", AppCookie: "app"}
	g, err := New(options(grp))
	if err != nil {
		t.Fatal(err)
	}
	g.newPool = func(addr string) pool {
		return engine(func(_ context.Context, r *upstream.Request) (*upstream.Response, error) {
			h := http.Header{"X-Instance": {addr[:1]}}
			if set := r.Header.Get("Ask"); set != "" {
				h["Set-Cookie"] = strings.Split(set, "|")
			}
			return &upstream.Response{StatusCode: 200, Header: h, Body: http.NoBody}, nil
		})
	}
	for _, id := range []string{"a", "b", "c"} {
		if err := g.Register("shop", target.Target{ID: id, Address: id + ":1"}); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// ask sends a request with these cookies; the answer sets what set says. It
// returns the target and the whole of the gateway's Set-Cookie.
func ask(t *testing.T, g *Gateway, cookies, set string) (at, ours string) {
	t.Helper()
	w := record(g, "GET", "/", "", "Cookie: "+cookies, "Ask: "+set)
	if w.Code != 200 {
		t.Fatalf("got %d", w.Code)
	}
	theirs := 0
	for _, line := range w.Header()["Set-Cookie"] {
		if strings.HasPrefix(line, "ek=") {
			if ours != "" {
				t.Errorf("two cookies: %q", w.Header()["Set-Cookie"])
			}
			ours = line
		} else {
			theirs++
		}
	}
	if set != "" && theirs != len(strings.Split(set, "|")) {
		t.Errorf("the application's cookies: %q", w.Header()["Set-Cookie"])
	}
	return w.Header().Get("X-Instance"), ours
}

func pair(setCookie string) string {
	v, _, _ := strings.Cut(setCookie, ";")
	return v
}

func boundAt(g *Gateway, id string) int {
	for _, s := range g.Stats().Groups[0].Targets {
		if s.ID == id {
			return s.BoundSessions
		}
	}
	return -1
}

func TestAppCookie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := following(t, target.Move)
		// Nothing is bound before the application says so.
		seen := map[string]bool{}
		for range 6 {
			at, ours := ask(t, g, "x=y", "other=1")
			seen[at] = true
			if ours != "" {
				t.Fatalf("bound without the application's cookie: %q", ours)
			}
		}
		if len(seen) != 3 || boundAt(g, "a")+boundAt(g, "b")+boundAt(g, "c") != 0 {
			t.Errorf("unbound requests at %v", seen)
		}

		const expires = "Expires=Thu, 01 Jan 2099 00:00:00 GMT"
		home, ours := ask(t, g, "", "app=1; Path=/; Max-Age=60; "+expires+"; HttpOnly")
		if !strings.HasSuffix(ours, "; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; "+expires) || boundAt(g, home) != 1 {
			t.Fatalf("got %q, %d bound", ours, boundAt(g, home))
		}
		mine := pair(ours)
		for range 4 {
			if at, ours := ask(t, g, "app=1; "+mine, ""); at != home || ours != "" {
				t.Fatalf("at %s, want %s; set %q", at, home, ours)
			}
		}
		// With each new word of the application's the life is renewed, and the
		// binding stays.
		at, again := ask(t, g, "app=1; "+mine, "app=2; Max-Age=90")
		if at != home || pair(again) != mine || !strings.HasSuffix(again, "; Max-Age=90") {
			t.Errorf("at %s: %q", at, again)
		}
		if _, again = ask(t, g, "app=1; "+mine, "app=3"); pair(again) != mine || strings.Contains(again, "Max-Age") {
			t.Errorf("until the end of the browser: %q", again)
		}
		// Without the application's cookie the gateway's is nothing.
		seen = map[string]bool{}
		for range 6 {
			at, _ := ask(t, g, mine, "")
			seen[at] = true
		}
		if len(seen) != 3 {
			t.Errorf("bound without the application's cookie: %v", seen)
		}
		// And without the gateway's, the application's is none of ours.
		if _, ours := ask(t, g, "app=1", ""); ours != "" {
			t.Errorf("bound by an old cookie of the application's: %q", ours)
		}
		if n := boundAt(g, home); n != 1 {
			t.Errorf("%d bound", n)
		}
		// The application's end is the binding's.
		for _, set := range []string{"app=; Max-Age=0", "app=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "app="} {
			if at, ours := ask(t, g, "app=1; "+mine, set); at != home || ours != "ek=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0" || boundAt(g, home) != 0 {
				t.Errorf("%s: at %s: %q, %d bound", set, at, ours, boundAt(g, home))
			}
		}
		if s := g.Stats().Groups[0]; s.MovesDraining+s.MovesFailed+s.MovesGone+s.MovesUnhealthy != 0 {
			t.Errorf("moves: %+v", s)
		}
	})
}

// A binding moves when its target leaves, with the application's life if it
// says so in the same answer; it is renewed when the key changes.
func TestAppCookieMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := following(t, target.Move)
		home, ours := ask(t, g, "", "app=1; Max-Age=60")
		mine := pair(ours)
		if _, _, err := g.startDrain(g.groups()[0], home, false); err != nil {
			t.Fatal(err)
		}
		at, moved := ask(t, g, "app=1; "+mine, "")
		if at == home || moved == "" || strings.Contains(moved, "Max-Age") || pair(moved)[len(mine)-16:] != mine[len(mine)-16:] {
			t.Errorf("at %s: %q after %q", at, moved, mine)
		}
		if next, again := ask(t, g, "app=1; "+mine, "app=2; Max-Age=5"); next != at || pair(again) != pair(moved) || !strings.HasSuffix(again, "; Max-Age=5") {
			t.Errorf("at %s, then at %s: %q", at, next, again)
		}
		mine = pair(moved)
		g.SetKeys(affinity.RandomRing()) // nobody knows the old cookie now
		g.SetKeys(affinity.RandomRing())
		if _, renewed := ask(t, g, "app=1; "+mine, ""); renewed == "" || pair(renewed) == mine {
			t.Errorf("by a lost key: %q", renewed)
		}
		if s := g.Stats().Groups[0]; s.MovesDraining != 2 || s.MovesGone != 1 {
			t.Errorf("moves: %+v", s)
		}
	})
}

func TestAppCookieFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := following(t, target.Finish)
		home, ours := ask(t, g, "", "app=1")
		mine := "app=1; " + pair(ours)
		ask(t, g, mine, "")
		done := make(chan error, 1)
		go func() { _, err := g.Drain(t.Context(), "shop", home); done <- err }()
		synctest.Wait()
		time.Sleep(2 * time.Minute)
		if at, ours := ask(t, g, mine, ""); at != home || ours != "" || len(done) != 0 {
			t.Errorf("at %s, want %s; set %q", at, home, ours)
		}
		ask(t, g, mine, "app=; Max-Age=0") // signed out: nothing holds the target
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(done) != 1 {
			t.Fatal("an ended session holds the target")
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// With an application that signs people in and out, over sockets: everybody
// who is signed in stays where that was, a stream too, and nobody else does.
func TestAppCookieOverSockets(t *testing.T) {
	serve := func(id string) target.Target {
		return app(t, id, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/in":
				http.SetCookie(w, &http.Cookie{Name: "app", Value: id, MaxAge: 600})
			case "/out":
				http.SetCookie(w, &http.Cookie{Name: "app", MaxAge: -1})
			case "/events":
				w.Header().Set("Content-Type", "text/event-stream")
			}
			io.WriteString(w, id)
		})
	}
	grp := sticky(target.Move, serve("a"), serve("b"), serve("c"))
	grp.Affinity.Mode, grp.Affinity.AppCookie = AffinityAppCookie, "app"
	f := start(t, options(grp))
	for range 12 {
		in := once(t, f.addr, "GET", "/in", "")
		in.want(t, 200, "")
		mine := in.cookie() + "; app=" + in.body
		for _, path := range []string{"/", "/events", "/", "/"} {
			once(t, f.addr, "GET", path, "", mine).want(t, 200, in.body)
		}
		out := once(t, f.addr, "GET", "/out", "", mine)
		out.want(t, 200, in.body)
		if got := out.cookie(); got != "Cookie: ek=" {
			t.Errorf("signed out with %q", got)
		}
	}
	for _, s := range f.Stats().Groups[0].Targets {
		if s.BoundSessions != 0 {
			t.Errorf("%d bound at %s after all have signed out", s.BoundSessions, s.ID)
		}
	}
	// The control: who is not signed in goes round, with the gateway's cookie too.
	in := once(t, f.addr, "GET", "/in", "")
	seen := map[string]bool{}
	for range 6 {
		seen[once(t, f.addr, "GET", "/", "", in.cookie()).body] = true
	}
	if len(seen) != 3 {
		t.Errorf("without the application's cookie at %v", seen)
	}
}
