package session_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/memstore"
)

// remember is what a check box makes of a sign-in.
var remember = session.SignInOptions{IdleTimeout: 10 * 24 * time.Hour, AbsoluteTimeout: 30 * 24 * time.Hour, Persistent: true}

// withLogins adds sign-ins with options to a shop.
func withLogins(t *testing.T, shop *shop) *shop {
	for path, opt := range map[string]session.SignInOptions{
		"/remember": remember,
		"/forever":  {AbsoluteTimeout: -1, Persistent: true},
		"/short":    {IdleTimeout: time.Minute, AbsoluteTimeout: 10 * time.Minute},
	} {
		shop.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if try(w, r, session.From(r.Context()).SignInWith(r.FormValue("u"), opt)) {
				io.WriteString(w, "ok")
			}
		})
	}
	return shop
}

func TestSignInOptionsThatAreRefused(t *testing.T) {
	within(t, newManager(t, newStore(), session.Options{}), "", func(s *session.Session) {
		for _, d := range []time.Duration{-1, -time.Hour, 1, time.Millisecond - 1} {
			if err := s.SignInWith("alice", session.SignInOptions{IdleTimeout: d}); !errors.Is(err, session.ErrMalformed) {
				t.Errorf("idle timeout %v: %v", d, err)
			}
		}
		if s.Principal() != "" {
			t.Error("a refused sign-in is staged")
		}
	})
}

func TestSignInWithTimeoutsOfItsOwn(t *testing.T) {
	for name, c := range map[string]struct {
		login string
		alive []time.Duration // waits after which the session is there
		ended time.Duration   // and then after this it is not
	}{
		"the manager's":      {"/login?u=alice", []time.Duration{29 * time.Minute, 29 * time.Minute}, 34 * time.Minute},
		"remembered":         {"/remember?u=alice", []time.Duration{9 * 24 * time.Hour, 9 * 24 * time.Hour}, 12 * 24 * time.Hour},
		"remembered, ends":   {"/remember?u=alice", []time.Duration{9 * 24 * time.Hour, 9 * 24 * time.Hour, 9 * 24 * time.Hour}, 3*24*time.Hour + time.Second},
		"short":              {"/short?u=alice", []time.Duration{time.Minute, time.Minute}, 70 * time.Second},
		"without a limit":    {"/forever?u=alice", []time.Duration{29 * time.Minute, 29 * time.Minute}, 34 * time.Minute},
		"back to the usual ": {"/login?u=alice", nil, 34 * time.Minute},
	} {
		for _, before := range []string{"", "/set?v=a", "/remember?u=alice"} {
			t.Run(name+" after "+before, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := newManager(t, newStore(), session.Options{RenewEvery: -1})
					v := &visit{t: t, m: m, h: withLogins(t, newShop())}
					if before != "" {
						v.want(before, "ok", true)
						v.get("/get")
					}
					v.want(c.login, "ok", true)
					v.want("/who", "alice", false)
					for _, wait := range c.alive {
						time.Sleep(wait)
						v.want("/who", "alice", false)
					}
					time.Sleep(c.ended)
					v.want("/who", "nobody", false)
				})
			})
		}
	}
}

// The cookie lives as long as the session, at each time that it is sent.
func TestPersistentCookie(t *testing.T) {
	day := 24 * 60 * 60
	for name, c := range map[string]struct {
		opt   session.Options
		login string
		age   int // of the cookie at the sign-in; 0 is as long as the browser
		later int // and a day later
	}{
		"plain":      {session.Options{}, "/login?u=alice", 0, 0},
		"remembered": {session.Options{}, "/remember?u=alice", 30 * day, 29 * day},
		"without a limit": {session.Options{}, "/forever?u=alice",
			400 * day, 400 * day},
		"all are":             {session.Options{Cookie: session.CookieOptions{Persistent: true}, AbsoluteTimeout: 3 * 24 * time.Hour}, "/login?u=alice", 3 * day, 2 * day},
		"all are, and longer": {session.Options{Cookie: session.CookieOptions{Persistent: true}}, "/remember?u=alice", 30 * day, 29 * day},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.opt.IdleTimeout, c.opt.RenewEvery, c.opt.Cache = 100*24*time.Hour, 20*time.Hour, session.CacheBounded
				if c.opt.AbsoluteTimeout == 0 {
					c.opt.AbsoluteTimeout = 10 * 24 * time.Hour
				}
				m := newManager(t, newStore(), c.opt)
				shop := withLogins(t, newShop())
				age := func(cookie, path string, want int) string {
					t.Helper()
					res := record(m, shop, cookie, "GET", path)
					if n := len(res.Cookies()); n != 2 {
						t.Errorf("%s: %d cookies", path, n)
					}
					for _, k := range res.Cookies() {
						if k.MaxAge > want || k.MaxAge < want-1 {
							t.Errorf("%s: Max-Age of %s is %d, want %d", path, k.Name, k.MaxAge, want)
						}
					}
					return cookieOf(t, res)
				}
				cookie := age("", c.login, c.age)
				record(m, shop, cookie, "GET", "/who")
				time.Sleep(24 * time.Hour)
				cookie = age(cookie, "/who", c.later) // renewed by time
				cookie = age(cookie, "/renew", c.later)
				// A sign-in that is not remembered takes it back.
				if !c.opt.Cookie.Persistent {
					age(cookie, "/login?u=alice", 0)
				}
			})
		})
	}
}

// What the browser holds after a sign-in of unknown outcome lives as the
// sign-in wanted.
func TestPersistentCookieOfUnknownOutcome(t *testing.T) {
	for path, persistent := range map[string]bool{"/remember?u=alice": true, "/login?u=alice": false} {
		store := &faulty{Store: newStore()}
		m := newManager(t, store, session.Options{})
		shop := withLogins(t, newShop())
		cookie := cookieOf(t, record(m, shop, "", "GET", "/remember?u=alice"))
		store.set(nil, loseReplies(3, all))
		res := record(m, shop, cookie, "GET", path)
		if got := res.Cookies(); res.StatusCode != 503 || len(got) != 1 || (got[0].MaxAge > 0) != persistent {
			t.Errorf("%s: %d %v", path, res.StatusCode, got)
		}
	}
}

func TestAuthenticated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ahead = 7 * time.Hour // of the store's clock
		store := memstore.New(memstore.Options{Now: func() time.Time { return time.Now().Add(ahead) }})
		m := newManager(t, store, session.Options{})
		shop := newShop()
		var at time.Time
		var fresh [3]error // within a minute, an hour, and by any sign-in
		note := func(r *http.Request) {
			s := session.From(r.Context())
			at = s.Authenticated()
			fresh = [3]error{s.RequireFresh(time.Minute), s.RequireFresh(time.Hour), s.RequireFresh(1 << 62)}
		}
		shop.HandleFunc("/at", func(w http.ResponseWriter, r *http.Request) { note(r) })
		shop.HandleFunc("/staged", func(w http.ResponseWriter, r *http.Request) {
			if try(w, r, session.From(r.Context()).SignIn("alice")) {
				note(r)
			}
		})
		check := func(what string, want time.Time, stale ...bool) {
			t.Helper()
			if !at.Equal(want) {
				t.Errorf("%s: signed in at %v, want %v", what, at, want)
			}
			for i, err := range fresh {
				if errors.Is(err, session.ErrNotFresh) != stale[i] || !stale[i] && err != nil {
					t.Errorf("%s: freshness %d: %v, want stale %v", what, i, err, stale[i])
				}
			}
		}
		v := &visit{t: t, m: m, h: shop}
		v.get("/at")
		check("a stranger", time.Time{}, true, true, true)
		v.get("/set?v=a")
		v.get("/at")
		check("an anonymous session", time.Time{}, true, true, true)

		signedIn := time.Now().Add(ahead)
		v.get("/staged")
		check("a staged sign-in", signedIn, false, false, false)
		time.Sleep(time.Minute)
		v.get("/at")
		check("a minute later", signedIn, false, false, false)
		time.Sleep(time.Millisecond)
		v.get("/renew")
		v.get("/at")
		check("more than a minute later", signedIn, true, false, false)
		for range 3 {
			time.Sleep(20 * time.Minute)
			v.get("/at")
		}
		check("more than an hour later", signedIn, true, true, false)
		signedIn = time.Now().Add(ahead)
		v.get("/staged")
		check("signed in again", signedIn, false, false, false)
		v.get("/logout")
		v.get("/at")
		check("after the logout", time.Time{}, true, true, true)
	})
}

func TestNotFreshIsForbidden(t *testing.T) {
	m := newManager(t, newStore(), session.Options{})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		try(w, r, session.From(r.Context()).RequireFresh(time.Hour))
	})
	if code := record(m, h, "", "GET", "/").StatusCode; code != 403 {
		t.Errorf("status %d", code)
	}
	store := &faulty{Store: newStore()}
	m = newManager(t, store, session.Options{})
	cookie := cookieOf(t, record(m, newShop(), "", "GET", "/login?u=alice"))
	store.down()
	if code := record(m, h, cookie, "GET", "/").StatusCode; code != 503 {
		t.Errorf("unknown, not stale: status %d", code)
	}
}

// Who cannot be asked when they signed in has not signed in, and the response
// says so.
func TestAuthenticatedOfAnUnreadableSession(t *testing.T) {
	store := &faulty{Store: newStore()}
	m := newManager(t, store, session.Options{})
	cookie := cookieOf(t, record(m, newShop(), "", "GET", "/login?u=alice"))
	store.down()
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: cookieName, Value: cookie})
	m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if at := session.From(r.Context()).Authenticated(); !at.IsZero() {
			t.Errorf("signed in at %v", at)
		}
		io.WriteString(w, "stale")
	})).ServeHTTP(w, r)
	if w.Code != 503 || strings.Contains(w.Body.String(), "stale") {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}
