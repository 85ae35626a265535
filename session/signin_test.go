package session_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/session"
)

func TestSignInKeepsTheCartAndClosesTheOldCookie(t *testing.T) {
	m := newManager(t, newStore(), session.Options{})
	b := newBrowser(t, serve(t, m, newShop()))
	b.want("/set?v=cart", 200, "ok")
	old := b.request("GET", "/who")
	before := b.cookie()
	b.want("/login?u=alice", 200, "ok")
	if b.cookie() == before || b.cookie()[:16] != before[:16] {
		t.Error("a sign-in keeps the selector and changes the verifier")
	}
	b.want("/get", 200, "cart")
	b.want("/who", 200, "alice")
	after := b.cookie()
	if got := b.send(old); got.body != "nobody" || len(got.cookies) != 0 {
		t.Errorf("the old cookie: %q, %d cookies", got.body, len(got.cookies))
	}
	if b.cookie() != after {
		t.Error("a superseded request changed the cookie")
	}
	b.want("/login?u=alice", 200, "ok") // again
	b.want("/get", 200, "cart")
}

func TestSignInWithoutASession(t *testing.T) {
	b := newBrowser(t, serve(t, newManager(t, newStore(), session.Options{}), newShop()))
	b.want("/login?u=alice", 200, "ok")
	b.want("/who", 200, "alice")
}

func TestSignInAsAnotherPrincipal(t *testing.T) {
	shop := newShop()
	shop.HandleFunc("/switch", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if err := errors.Join(shop.name.Set(s, "staged by alice"), s.SignIn("bob")); err != nil {
			t.Error(err)
		}
		if _, found, err := shop.name.Get(s); found || err != nil {
			t.Errorf("an attribute crossed: %v %v", found, err)
		}
		if s.Principal() != "bob" {
			t.Errorf("principal is %q", s.Principal())
		}
		try(w, r, shop.flash.Set(s, "hello bob"))
	})
	m := newManager(t, newStore(), session.Options{})
	b := newBrowser(t, serve(t, m, shop))
	b.want("/login?u=alice", 200, "ok")
	b.want("/set?v=secret", 200, "ok")
	alice := b.cookie()
	old := b.request("GET", "/gone")
	if got := b.get("/switch"); got.code != 200 || len(got.cookies) != 1 {
		t.Fatalf("%d with %d cookies", got.code, len(got.cookies))
	}
	if b.cookie()[:16] == alice[:16] {
		t.Error("the same session for another principal")
	}
	b.want("/who", 200, "bob")
	b.want("/get", 200, "none")
	if got := b.send(old); got.body != string(session.ReasonSignOut) {
		t.Errorf("the old session is gone for %q", got.body)
	}
	if st := m.Stats(); st.Ended != 1 || st.Started != 2 {
		t.Errorf("stats are %+v", st)
	}
}

func TestSignInAsAnotherPrincipalWhoseSecondStepFails(t *testing.T) {
	store := &faulty{Store: newStore()}
	shop := newShop()
	b := newBrowser(t, serve(t, newManager(t, store, session.Options{}), shop))
	b.want("/login?u=alice", 200, "ok")
	b.want("/set?v=hers", 200, "ok")
	cookie := b.cookie()
	store.set(nil, func(_ context.Context, c session.Change, do func() (session.Result, error)) (session.Result, error) {
		if c.Invalidate != "" {
			return session.Result{}, errDown
		}
		return do()
	})
	if got := b.want("/login?u=bob", 503, "Service Unavailable"); len(got.cookies) != 0 {
		t.Error("the failed sign-in sent a cookie")
	}
	store.up()
	if b.cookie() != cookie {
		t.Error("the cookie has changed")
	}
	b.want("/who", 200, "alice")
	b.want("/get", 200, "hers")
}

func TestSignInRefusesBadPrincipals(t *testing.T) {
	b := newBrowser(t, serve(t, newManager(t, newStore(), session.Options{}), newShop()))
	if got := b.get("/login?u="); got.code != 500 {
		t.Errorf("no principal: %d", got.code)
	}
	if got := b.get("/login?u=" + strings.Repeat("x", 513)); got.code != 413 {
		t.Errorf("a long principal: %d", got.code)
	}
}

// A response that never arrived must not lock anybody out.
func TestSupersededRequestMaySignIn(t *testing.T) {
	b := newBrowser(t, serve(t, newManager(t, newStore(), session.Options{}), newShop()))
	b.want("/set?v=a", 200, "ok")
	lost := &browser{t: t, url: b.url, jar: map[string]string{}}
	lost.jar[cookieName] = b.cookie()
	b.want("/login?u=alice", 200, "ok")
	if got := lost.get("/set?v=b"); got.code != 409 || len(got.cookies) != 0 {
		t.Errorf("an implicit start under a superseded cookie: %d with %d cookies", got.code, len(got.cookies))
	}
	if got := lost.get("/logout"); got.code != 409 || len(got.cookies) != 0 {
		t.Errorf("a logout under a superseded cookie: %d with %d cookies", got.code, len(got.cookies))
	}
	lost.want("/login?u=alice", 200, "ok")
	lost.want("/who", 200, "alice")
	b.want("/get", 200, "a")
}

func TestSignOutIsFinal(t *testing.T) {
	shop := newShop()
	arrived, release := make(chan struct{}), make(chan struct{})
	shop.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		err := shop.name.Set(session.From(r.Context()), "late")
		arrived <- struct{}{}
		<-release
		try(w, r, err)
	})
	m := newManager(t, newStore(), session.Options{})
	b := newBrowser(t, serve(t, m, shop))
	b.want("/login?u=alice", 200, "ok")
	dead := b.cookie()
	const writers = 10
	done := make(chan response)
	for range writers {
		r := b.request("GET", "/slow")
		go func() { done <- b.send(r) }()
		<-arrived
	}
	b.want("/logout", 200, "ok")
	close(release)
	for range writers {
		if got := <-done; got.code != 409 || len(got.cookies) != 0 {
			t.Errorf("a write after the logout: %d with %d cookies", got.code, len(got.cookies))
		}
	}
	if b.cookie() != "" {
		t.Error("somebody gave the cookie back")
	}
	b.jar[cookieName] = dead
	b.want("/who", 200, "nobody")
	b.want("/gone", 200, "logout")
	if got := b.want("/set?v=new", 200, "ok"); len(got.cookies) != 1 || b.cookie()[:16] == dead[:16] {
		t.Error("after a logout there is another session, of another name")
	}
	b.want("/who", 200, "nobody")
}

func TestSignOutThenSignInInOneRequest(t *testing.T) {
	shop := newShop()
	shop.HandleFunc("/both", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if try(w, r, s.SignOut()) && try(w, r, s.SignIn("alice")) {
			io.WriteString(w, s.Principal())
		}
	})
	shop.HandleFunc("/reset", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		// An immediate write between two ends: neither is forgotten.
		_, add := shop.hits.Add(r.Context(), s, 1)
		out := s.SignOut()
		_, again := shop.hits.Add(r.Context(), s, 1)
		try(w, r, errors.Join(add, out, again, s.SignOut()))
	})
	m := newManager(t, newStore(), session.Options{})
	b := newBrowser(t, serve(t, m, shop))
	b.want("/login?u=alice", 200, "ok")
	b.want("/set?v=old", 200, "ok")
	old := b.request("GET", "/gone")
	b.want("/both", 200, "alice")
	b.want("/get", 200, "none")
	b.want("/who", 200, "alice")
	if got := b.send(old); got.body != "logout" {
		t.Errorf("the session before is gone for %q", got.body)
	}
	ended := m.Stats().Ended
	if got := b.get("/reset"); got.code != 200 || b.cookie() != "" {
		t.Errorf("%d, cookie %q", got.code, b.cookie())
	}
	if n := m.Stats().Ended - ended; n != 2 {
		t.Errorf("%d sessions ended, want 2", n)
	}
}

// What a sign-in set, and what is privileged, is closed to requests that were
// loaded before it; the rest is not lost.
func TestSignInFences(t *testing.T) {
	role := session.NewAttribute[string]("role", session.Privileged())
	free := session.NewSet[string]("seen")
	shop := newShop()
	arrived, release := make(chan struct{}), make(chan struct{})
	slow := func(f func(*session.Session) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			err := f(session.From(r.Context()))
			arrived <- struct{}{}
			<-release
			try(w, r, err)
		}
	}
	shop.HandleFunc("/privileged", slow(func(s *session.Session) error { return role.Set(s, "admin") }))
	shop.HandleFunc("/fenced", slow(func(s *session.Session) error { return shop.flash.Set(s, "stale") }))
	shop.HandleFunc("/free", slow(func(s *session.Session) error { return free.Add(s, "page") }))
	shop.HandleFunc("/clear", slow(func(s *session.Session) error { return s.Clear() }))
	shop.HandleFunc("/out", slow(func(s *session.Session) error { return s.SignOut() }))
	shop.HandleFunc("/in", slow(func(s *session.Session) error { return s.SignIn("mallory") }))
	shop.HandleFunc("/enter", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		try(w, r, errors.Join(s.SignIn("alice"), shop.flash.Set(s, "welcome")))
	})
	shop.HandleFunc("/show", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		_, admin, err1 := role.Get(s)
		flash, _, err2 := shop.flash.Get(s)
		seen, err3 := free.Values(s)
		if try(w, r, errors.Join(err1, err2, err3)) && !admin {
			io.WriteString(w, s.Principal()+" "+flash+" "+strings.Join(seen, ","))
		}
	})
	b := newBrowser(t, serve(t, newManager(t, newStore(), session.Options{}), shop))
	b.want("/set?v=a", 200, "ok")
	want := map[string]int{"/privileged": 409, "/fenced": 409, "/clear": 409, "/out": 409, "/in": 409, "/free": 200}
	done := make(chan string)
	for path, code := range want {
		r := b.request("GET", path)
		go func() {
			got := b.send(r)
			if got.code != code || len(got.cookies) != 0 {
				t.Errorf("%s: %d with %d cookies, want %d and none", path, got.code, len(got.cookies), code)
			}
			done <- path
		}()
		<-arrived
	}
	if got := b.get("/enter"); got.code != 200 {
		t.Fatalf("sign-in: %d", got.code)
	}
	cookie := b.cookie()
	close(release)
	for range want {
		<-done
	}
	if b.cookie() != cookie {
		t.Error("an older request changed the cookie")
	}
	b.want("/show", 200, "alice welcome page")
}

func TestIssue(t *testing.T) {
	m := newManager(t, newStore(), session.Options{})
	shop := newShop()
	cookie, err := m.Issue(t.Context(), "alice", func(s *session.Session) error { return shop.name.Set(s, "faked") })
	if err != nil {
		t.Fatal(err)
	}
	if got := bodyOf(t, record(m, shop, cookie.Value, "GET", "/who")); got != "alice" {
		t.Errorf("who: %s", got)
	}
	if got := bodyOf(t, record(m, shop, cookie.Value, "GET", "/get")); got != "faked" {
		t.Errorf("get: %s", got)
	}
	if _, err := m.Issue(t.Context(), "", nil); !errors.Is(err, session.ErrMalformed) {
		t.Errorf("no principal: %v", err)
	}
	broken := errors.New("broken")
	if _, err := m.Issue(t.Context(), "a", func(*session.Session) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("failing f: %v", err)
	}
}

func TestClearAndKeys(t *testing.T) {
	shop := newShop()
	shop.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if r.FormValue("clear") != "" {
			try(w, r, errors.Join(s.Clear(), shop.flash.Set(s, "x")))
		}
		keys, err := s.Keys()
		if try(w, r, err) {
			io.WriteString(w, strings.Join(keys, ","))
		}
	})
	b := newBrowser(t, serve(t, newManager(t, newStore(), session.Options{}), shop))
	b.want("/keys", 200, "")
	b.want("/login?u=alice", 200, "ok")
	b.want("/set?v=a", 200, "ok")
	b.want("/keys", 200, "name")
	b.want("/keys?clear=1", 200, "flash")
	b.want("/keys", 200, "flash")
	b.want("/who", 200, "alice")
	if names := []string{shop.hits.Name(), shop.cart.Name(), shop.tags.Name(), shop.name.Name()}; !slices.Equal(names, []string{"hits", "cart", "tags", "name"}) {
		t.Errorf("names are %v", names)
	}
}
