package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/memstore"
)

// directory is a store with the abilities, whose calls about a principal fail
// on demand.
type directory struct {
	*memstore.Store
	before func(context.Context) error
	shown  func(*session.Record) // what an inspection has found
}

func (d *directory) ask(ctx context.Context) error {
	if d.before == nil {
		return nil
	}
	return d.before(ctx)
}

func (d *directory) Sessions(ctx context.Context, principal string) ([]session.Listed, error) {
	if err := d.ask(ctx); err != nil {
		return nil, err
	}
	return d.Store.Sessions(ctx, principal)
}

func (d *directory) Revoke(ctx context.Context, principal string, r session.Revocation) (int, error) {
	if err := d.ask(ctx); err != nil {
		return 0, err
	}
	return d.Store.Revoke(ctx, principal, r)
}

func (d *directory) Inspect(ctx context.Context, key session.Key) (*session.Record, error) {
	if err := d.ask(ctx); err != nil {
		return nil, err
	}
	rec, err := d.Store.Inspect(ctx, key)
	if err == nil && d.shown != nil {
		d.shown(rec)
	}
	return rec, err
}

func newDirectory() *directory { return &directory{Store: newStore()} }

// device is a browser with a User-Agent.
type device struct {
	*visit
	agent string
}

func (d *device) get(target string) (int, string) {
	d.t.Helper()
	r := httptest.NewRequest("GET", target, nil)
	r.Header.Set("User-Agent", d.agent)
	if d.cookie != "" {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: d.cookie})
	}
	w := httptest.NewRecorder()
	d.m.Handler(d.h).ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.Name == cookieName {
			d.cookie = c.Value
		}
	}
	return w.Code, strings.TrimSpace(w.Body.String())
}

func (d *device) want(target string, code int, body string) {
	d.t.Helper()
	if got, text := d.get(target); got != code || text != body {
		d.t.Errorf("%s of %s: %d %q, want %d %q", target, d.agent, got, text, code, body)
	}
}

// withRevoke adds the end of all other sessions to a shop.
func withRevoke(shop *shop) *shop {
	others := func(w http.ResponseWriter, r *http.Request) {
		n, err := session.From(r.Context()).RevokeOthers(r.Context())
		if try(w, r, err) {
			fmt.Fprint(w, n)
		}
	}
	shop.HandleFunc("/others", others)
	shop.HandleFunc("/password", func(w http.ResponseWriter, r *http.Request) {
		if try(w, r, session.From(r.Context()).SignIn(r.FormValue("u"))) {
			others(w, r)
		}
	})
	return shop
}

func devices(t *testing.T, m *session.Manager, h http.Handler, agents ...string) []*device {
	var all []*device
	for _, a := range agents {
		all = append(all, &device{&visit{t: t, m: m, h: h}, a})
	}
	return all
}

func agentsOf(t *testing.T, m *session.Manager, principal string) string {
	t.Helper()
	list, err := m.Sessions(t.Context(), principal)
	if err != nil {
		t.Fatal(err)
	}
	var agents []string
	for _, l := range list {
		agents = append(agents, l.Device)
	}
	return strings.Join(agents, " ")
}

func TestSessionsOfAPrincipal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, newDirectory(), session.Options{})
		all := devices(t, m, withRevoke(newShop()), "phone", "laptop", "tablet", "bobs")
		for i, d := range all {
			time.Sleep(time.Second)
			d.want([]string{"/login?u=alice", "/login?u=bob"}[i/3], 200, "ok")
			d.get("/who")
		}
		phone, laptop, tablet, bobs := all[0], all[1], all[2], all[3]
		if got := agentsOf(t, m, "alice"); got != "phone laptop tablet" {
			t.Errorf("alice is signed in on %s", got)
		}
		list, err := m.Sessions(t.Context(), "alice")
		if err != nil || string(list[1].Key) != laptop.cookie[:16] {
			t.Fatalf("%v %v", list, err)
		}
		if n, err := m.Revoke(t.Context(), "alice", session.Revocation{Only: list[1].Key}); n != 1 || err != nil {
			t.Errorf("one revoked: %d, %v", n, err)
		}
		laptop.want("/gone", 200, "revoked")
		laptop.want("/who", 200, "nobody")
		if n, err := m.Revoke(t.Context(), "bob", session.Revocation{Only: session.Key(phone.cookie[:16])}); n != 0 || err != nil {
			t.Errorf("another principal's: %d, %v", n, err)
		}
		laptop.want("/login?u=alice", 200, "ok")
		tablet.want("/others", 200, "2")
		for _, d := range []*device{phone, laptop} {
			d.want("/gone", 200, "revoked")
		}
		tablet.want("/who", 200, "alice")
		bobs.want("/who", 200, "bob")
		if n, err := m.Revoke(t.Context(), "bob", session.Revocation{Reason: "account closed"}); n != 1 || err != nil {
			t.Errorf("all revoked: %d, %v", n, err)
		}
		bobs.want("/gone", 200, "account closed")
		if n := m.Stats().Revoked; n != 4 {
			t.Errorf("%d revoked, want 4", n)
		}
	})
}

func TestRevokeOthersOfWhom(t *testing.T) {
	m := newManager(t, newDirectory(), session.Options{})
	all := devices(t, m, withRevoke(newShop()), "phone", "laptop", "stranger")
	phone, laptop, stranger := all[0], all[1], all[2]
	phone.want("/login?u=alice", 200, "ok")
	laptop.want("/login?u=alice", 200, "ok")
	stranger.want("/others", 403, "Forbidden")
	stranger.want("/set?v=a", 200, "ok")
	stranger.want("/others", 403, "Forbidden")
	phone.want("/who", 200, "alice")

	// A staged sign-in counts, with a session and without one.
	stranger.want("/password?u=alice", 200, "2")
	phone.want("/gone", 200, "revoked")
	stranger.want("/who", 200, "alice")
	stranger.want("/get", 200, "a")
	laptop.cookie = ""
	laptop.want("/password?u=alice", 200, "1")
	laptop.want("/who", 200, "alice")
	stranger.want("/gone", 200, "revoked")
	// One that is expired, or gone, is not in the way of it.
	stranger.want("/password?u=alice", 200, "1")
	stranger.want("/who", 200, "alice")
	stranger.want("/password?u=bob", 200, "0")
	stranger.want("/who", 200, "bob")
}

// A request whose session has been revoked since it was loaded revokes nobody.
func TestRevokedSessionRevokesNobody(t *testing.T) {
	for name, bounded := range map[string]session.CacheMode{"bounded": session.CacheBounded, "validated": session.CacheValidated} {
		t.Run(name, func(t *testing.T) {
			m := newManager(t, newDirectory(), session.Options{Cache: bounded})
			shop := newShop()
			var n int
			var err error
			shop.HandleFunc("/late", func(w http.ResponseWriter, r *http.Request) {
				s := session.From(r.Context())
				s.Principal()
				if _, err := m.Revoke(r.Context(), "alice", session.Revocation{Only: session.Key(r.FormValue("key"))}); err != nil {
					t.Error(err)
				}
				n, err = s.RevokeOthers(r.Context())
			})
			all := devices(t, m, shop, "thief", "owner")
			all[0].want("/login?u=alice", 200, "ok")
			all[1].want("/login?u=alice", 200, "ok")
			all[0].get("/late?key=" + all[0].cookie[:16])
			if n != 0 || !errors.As(err, new(session.ErrGone)) {
				t.Errorf("%d revoked, %v", n, err)
			}
			all[1].want("/who", 200, "alice")
		})
	}
}

func TestRevokeOthersAfterTheHandler(t *testing.T) {
	m := newManager(t, newDirectory(), session.Options{})
	var kept *session.Session
	cookie := within(t, m, "", func(s *session.Session) { try(nil, nil, s.SignIn("alice")) })
	within(t, m, cookie, func(s *session.Session) { kept = s; s.Principal() })
	if _, err := kept.RevokeOthers(t.Context()); !errors.Is(err, session.ErrDone) {
		t.Errorf("after the handler: %v", err)
	}
}

func TestMaxSessions(t *testing.T) {
	m := newManager(t, newDirectory(), session.Options{Sessions: session.PrincipalOptions{Max: 2}})
	all := devices(t, m, newShop(), "a", "b", "c")
	for _, d := range all {
		d.want("/login?u=alice", 200, "ok")
	}
	all[0].want("/gone", 200, "evicted")
	all[1].want("/login?u=alice", 200, "ok") // again
	if got := agentsOf(t, m, "alice"); got != "c b" {
		t.Errorf("signed in on %s", got)
	}

	m = newManager(t, newDirectory(), session.Options{Sessions: session.PrincipalOptions{Max: 1, Refuse: true}})
	all = devices(t, m, newShop(), "a", "b", "c")
	all[0].want("/login?u=alice", 200, "ok")
	all[1].want("/login?u=alice", 409, "Conflict")
	if all[1].cookie != "" {
		t.Error("a refused sign-in sent a cookie")
	}
	all[2].want("/login?u=bob", 200, "ok")
	all[2].want("/set?v=bobs", 200, "ok")
	all[2].want("/login?u=alice", 409, "Conflict")
	all[2].want("/who", 200, "bob")
	all[2].want("/get", 200, "bobs")
	all[0].want("/who", 200, "alice")
}

func TestDeviceIsCleanAndBounded(t *testing.T) {
	long := strings.Repeat("ü", 300)
	for _, c := range []struct{ agent, want string }{
		{"Firefox", "Firefox"},
		{"", ""},
		{"a\tb\x00c\x7fd", "abcd"},
		{"evil\u202egnp.exe\u200b\u2028", "evilgnp.exe"},
		{"broken \xff\xc3", "broken "},
		{"😀 phone", "😀 phone"},
		{"x" + long, "x" + long[:254]},
		{strings.Repeat("\x01", 2000) + "hidden", ""},
	} {
		for _, custom := range []bool{false, true} {
			opt := session.PrincipalOptions{}
			if custom {
				opt.Device = func(r *http.Request) string { return r.Header.Get("User-Agent") }
			}
			m := newManager(t, newDirectory(), session.Options{Sessions: opt})
			d := devices(t, m, newShop(), c.agent)[0]
			d.want("/login?u=alice", 200, "ok")
			got := agentsOf(t, m, "alice")
			if got != c.want || len(got) > session.MaxDeviceBytes || !utf8.ValidString(got) {
				t.Errorf("%q became %q, want %q", c.agent, got, c.want)
			}
		}
	}
}

// Without the ability nothing is asked for, and calls about principals say so.
func TestStoreWithoutTheAbility(t *testing.T) {
	plain := &asked{Store: newStore()}
	for want, opt := range map[string]session.PrincipalOptions{
		"keeps no list": {Max: 3}, "is negative": {Max: -1}, "needs a Max": {Refuse: true},
	} {
		if _, err := session.New(plain, session.Options{Sessions: opt}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", opt, err)
		}
	}
	m := newManager(t, plain, session.Options{Sessions: session.PrincipalOptions{Device: func(*http.Request) string { panic("asked") }}})
	d := devices(t, m, withRevoke(newShop()), "a")[0]
	d.want("/login?u=alice", 200, "ok")
	if in := plain.commits[0].SignIn; in.Device != "" || in.MaxSessions != 0 || in.Refuse {
		t.Errorf("the store is told %+v", in)
	}
	d.want("/others", 500, "Internal Server Error")
	_, list := m.Sessions(t.Context(), "alice")
	_, revoke := m.Revoke(t.Context(), "alice", session.Revocation{})
	_, export := m.Export(t.Context(), "alice")
	for _, err := range []error{list, revoke, export} {
		if !errors.Is(err, session.ErrUnsupported) {
			t.Errorf("got %v", err)
		}
	}
}

func TestCallsAboutAPrincipalThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newDirectory()
		m := newManager(t, store, session.Options{Budget: 100 * time.Millisecond})
		calls := map[string]func(context.Context, string) error{
			"Sessions": func(ctx context.Context, p string) error { _, err := m.Sessions(ctx, p); return err },
			"Revoke": func(ctx context.Context, p string) error {
				_, err := m.Revoke(ctx, p, session.Revocation{})
				return err
			},
			"Export": func(ctx context.Context, p string) error { _, err := m.Export(ctx, p); return err },
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		for name, call := range calls {
			store.before = nil
			if err := call(t.Context(), ""); !errors.Is(err, session.ErrMalformed) {
				t.Errorf("%s of nobody: %v", name, err)
			}
			if err := call(over, "alice"); !errors.Is(err, context.Canceled) {
				t.Errorf("%s for nobody who waits: %v", name, err)
			}
			store.before = func(context.Context) error { return session.ErrUnavailable{RetryAfter: time.Second, Cause: errDown} }
			if err := call(t.Context(), "alice"); session.Status(err) != 503 || !errors.As(err, new(session.ErrUnavailable)) {
				t.Errorf("%s of a store that is down: %v", name, err)
			}
			store.before = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
			begin := time.Now()
			if err := call(t.Context(), "alice"); session.Status(err) != 503 {
				t.Errorf("%s of a store that hangs: %v", name, err)
			}
			if took := time.Since(begin); took != 2*time.Second {
				t.Errorf("%s of a store that hangs took %v, want 20 budgets", name, took)
			}
		}
		if n := m.Stats().Unavailable; n != 3 {
			t.Errorf("%d unavailable", n)
		}
		store.before = nil
		_, err := m.Revoke(t.Context(), "alice", session.Revocation{Only: "a", Except: "b"})
		if !errors.Is(err, session.ErrMalformed) {
			t.Errorf("a contradiction: %v", err)
		}
	})
}

// A revocation that has begun does not end with who asked for it.
func TestRevokeGoesOnWithoutItsCaller(t *testing.T) {
	store := newDirectory()
	m := newManager(t, store, session.Options{})
	d := devices(t, m, newShop(), "a")[0]
	d.want("/login?u=alice", 200, "ok")
	ctx, cancel := context.WithCancel(t.Context())
	store.before = func(context.Context) error { cancel(); return nil }
	if n, err := m.Revoke(ctx, "alice", session.Revocation{}); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	d.want("/gone", 200, "revoked")
}
