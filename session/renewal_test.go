package session_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// visit is a browser in a synctest bubble.
type visit struct {
	t      *testing.T
	m      *session.Manager
	h      http.Handler
	cookie string
}

func (v *visit) get(target string) (code int, body string, sent bool) {
	v.t.Helper()
	res := record(v.m, v.h, v.cookie, "GET", target)
	for _, c := range res.Cookies() {
		sent = true
		v.cookie = c.Value
	}
	return res.StatusCode, bodyOf(v.t, res), sent
}

func (v *visit) want(target, body string, sent bool) {
	v.t.Helper()
	if code, got, cookie := v.get(target); code != 200 || got != body || cookie != sent {
		v.t.Errorf("%s: %d %q, cookie %v, want %q and %v", target, code, got, cookie, body, sent)
	}
}

func TestPeriodicRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := newShop()
		m := newManager(t, newStore(), session.Options{RenewEvery: 10 * time.Minute})
		v := &visit{t: t, m: m, h: shop}
		v.want("/set?v=a", "ok", true)
		v.want("/get", "a", false)
		time.Sleep(10 * time.Minute)
		v.want("/static", "static", false) // untouched
		old := v.cookie
		v.want("/get", "a", true)
		v.want("/get", "a", false)
		// The old one still opens the session for a while, and renews nothing.
		stale := &visit{t: t, m: m, h: shop, cookie: old}
		stale.want("/get", "a", false)
		stale.want("/set?v=b", "ok", false)
		v.want("/get", "b", false)
		time.Sleep(11 * time.Second)
		stale.want("/get", "none", false)
		if code, _, sent := stale.get("/set?v=c"); code != 409 || sent {
			t.Errorf("a superseded write: %d, cookie %v", code, sent)
		}
		v.want("/get", "b", false)
		if n := m.Stats().Renewed; n != 1 {
			t.Errorf("%d renewals", n)
		}
	})
}

// A browser that never received the new cookie is not logged out.
func TestLostPeriodicRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := newShop()
		v := &visit{t: t, m: newManager(t, newStore(), session.Options{RenewEvery: 10 * time.Minute}), h: shop}
		v.want("/login?u=alice", "ok", true)
		v.want("/who", "alice", false)
		old := v.cookie
		for range session.MaxSuperseded {
			time.Sleep(10 * time.Minute)
			v.cookie = old
			v.want("/who", "alice", true)
		}
		v.want("/who", "alice", false)
	})
}

func TestPeriodicRenewalNeverFailsAResponse(t *testing.T) {
	for name, applied := range map[string]bool{"applied": true, "not applied": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &faulty{Store: newStore()}
				shop := newShop()
				v := &visit{t: t, m: newManager(t, store, session.Options{RenewEvery: 10 * time.Minute}), h: shop}
				v.want("/set?v=a", "ok", true)
				v.want("/get", "a", false)
				time.Sleep(10 * time.Minute)
				store.set(nil, func(_ context.Context, _ session.Change, do func() (session.Result, error)) (session.Result, error) {
					if applied {
						do()
					}
					return session.Result{}, errDown
				})
				v.want("/get", "a", true)
				if strings.Count(v.cookie, ".") != 2 {
					t.Error("the cookie does not carry both verifiers")
				}
				store.up()
				time.Sleep(11 * time.Minute)
				v.get("/get") // may be what confirms the renewal
				time.Sleep(11 * time.Second)
				v.get("/get")
				if v.want("/get", "a", false); len(v.cookie) != 60 {
					t.Errorf("after the next renewal the cookie has %d characters", len(v.cookie))
				}
			})
		})
	}
}

func TestPassiveRequestsNeitherExtendNorRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := newShop()
		v := &visit{t: t, h: shop, m: newManager(t, newStore(), session.Options{
			IdleTimeout: 10 * time.Minute, RenewEvery: time.Minute,
			Passive: func(r *http.Request) bool { return r.FormValue("poll") != "" },
		})}
		v.want("/set?v=a", "ok", true)
		v.want("/get", "a", false)
		for range 10 {
			time.Sleep(time.Minute)
			v.want("/get?poll=1", "a", false)
		}
		time.Sleep(time.Minute + time.Millisecond)
		v.want("/get?poll=1", "none", false)
	})
}

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := newShop()
		v := &visit{t: t, h: shop, m: newManager(t, newStore(), session.Options{
			IdleTimeout: 10 * time.Minute, AbsoluteTimeout: time.Hour, RenewEvery: -1,
		})}
		v.want("/set?v=a", "ok", true)
		for range 6 {
			v.want("/get", "a", false)
			time.Sleep(9 * time.Minute)
		}
		v.want("/login?u=alice", "ok", true) // moves the absolute limit
		for range 6 {
			v.want("/get", "a", false)
			time.Sleep(9 * time.Minute)
		}
		v.want("/get", "a", false)
		time.Sleep(6 * time.Minute)
		v.want("/get", "none", false)
		dead := v.cookie
		v.want("/set?v=new", "ok", true)
		if v.cookie[:16] == dead[:16] {
			t.Error("an expired session came back")
		}
	})
}

// hijackable is a recorder whose connection can be taken.
type hijackable struct{ *httptest.ResponseRecorder }

func (hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	mine, other := net.Pipe()
	return mine, nil, other.Close()
}

// Whoever hijacks may forget the cookie, so nothing is renewed by the way.
func TestHijackIsNotRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := newShop()
		m := newManager(t, newStore(), session.Options{RenewEvery: time.Minute})
		shop.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
			session.From(r.Context()).Principal()
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			c.Close()
		})
		v := &visit{t: t, h: shop, m: m}
		v.want("/set?v=a", "ok", true)
		v.want("/get", "a", false)
		time.Sleep(2 * time.Minute)
		r := httptest.NewRequest("GET", "/ws", nil)
		r.AddCookie(&http.Cookie{Name: cookieName, Value: v.cookie})
		m.Handler(shop).ServeHTTP(hijackable{httptest.NewRecorder()}, r)
		if n := m.Stats().Renewed; n != 0 {
			t.Errorf("%d renewals", n)
		}
		v.want("/get", "a", true)
	})
}

// After a long absence the renewals that were missed are not made up for in
// one burst.
func TestRenewalsCatchUpGently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, newStore(), session.Options{IdleTimeout: 48 * time.Hour, AbsoluteTimeout: -1, RenewEvery: time.Hour})
		v := &visit{t: t, h: newShop(), m: m}
		v.want("/set?v=a", "ok", true)
		v.want("/get", "a", false)
		time.Sleep(30 * time.Hour)
		v.want("/get", "a", true)
		for range 20 {
			v.want("/get", "a", false)
		}
		time.Sleep(11 * time.Second)
		v.want("/get", "a", true)
	})
}

func TestStrictRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := newShop()
		m := newManager(t, newStore(), session.Options{StrictRenewal: true})
		v := &visit{t: t, h: shop, m: m}
		v.want("/set?v=a", "ok", true)
		v.want("/get", "a", false)
		var inner int
		shop.HandleFunc("/overtaken", func(w http.ResponseWriter, r *http.Request) {
			err := shop.name.Set(session.From(r.Context()), "b")
			inner, _, _ = v.get("/renew")
			try(w, r, err)
		})
		code := record(m, shop, v.cookie, "GET", "/overtaken").StatusCode
		if inner != 200 || code != 409 {
			t.Errorf("renewal %d, overtaken write %d", inner, code)
		}
		v.want("/get", "a", false)
	})
}

func TestUnconfirmedSessionIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &visit{t: t, h: newShop(), m: newManager(t, newStore(), session.Options{})}
		v.want("/set?v=a", "ok", true)
		time.Sleep(session.UnconfirmedLife)
		v.want("/get", "none", false)
	})
}

func TestDone(t *testing.T) {
	for name, c := range map[string]struct {
		during func(*visit)
		ends   bool
	}{
		"logout":       {func(v *visit) { v.get("/logout") }, true},
		"switch":       {func(v *visit) { v.get("/login?u=bob") }, true},
		"renewal":      {func(v *visit) { v.get("/renew"); v.get("/get"); time.Sleep(time.Minute); v.get("/get") }, false},
		"write":        {func(v *visit) { v.get("/set?v=b") }, false},
		"store outage": {func(v *visit) { v.m.Stats(); time.Sleep(time.Minute) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &faulty{Store: newStore()}
				shop := newShop()
				m := newManager(t, store, session.Options{Recheck: 30 * time.Second})
				ready, leave := make(chan struct{}), make(chan struct{})
				var took time.Duration
				var ended bool
				var begin time.Time
				shop.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
					s := session.From(r.Context())
					done := s.Done()
					if s.Done() != done {
						t.Error("Done is not one channel")
					}
					w.(http.Flusher).Flush()
					close(ready)
					select {
					case <-done:
						ended, took = true, time.Since(begin)
						if err := shop.name.Set(s, "x"); !errors.As(err, new(session.ErrGone)) && !errors.Is(err, session.ErrStarted) {
							t.Errorf("Set in an ended session: %v", err)
						}
					case <-leave:
					}
				})
				v := &visit{t: t, h: shop, m: m}
				v.want("/login?u=alice", "ok", true)
				v.want("/who", "alice", false)
				over := make(chan struct{})
				cookie := v.cookie
				go func() {
					record(m, shop, cookie, "GET", "/stream")
					close(over)
				}()
				<-ready
				if name == "store outage" {
					store.down()
				}
				begin = time.Now()
				c.during(v)
				time.Sleep(31 * time.Second)
				close(leave)
				<-over
				if ended != c.ends || ended && took > 30*time.Second {
					t.Errorf("ended %v after %v, want %v within 30s", ended, took, c.ends)
				}
			})
		})
	}
}

func TestDoneOfTheSameRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := newShop()
		m := newManager(t, newStore(), session.Options{})
		closed := func(c <-chan struct{}) bool {
			select {
			case <-c:
				return true
			default:
				return false
			}
		}
		shop.HandleFunc("/out", func(w http.ResponseWriter, r *http.Request) {
			s := session.From(r.Context())
			done := s.Done()
			if err := errors.Join(s.SignOut(), s.Commit(r.Context())); err != nil || !closed(done) {
				t.Errorf("after the logout: %v, closed %v", err, closed(done))
			}
		})
		var kept <-chan struct{}
		shop.HandleFunc("/anonymous", func(w http.ResponseWriter, r *http.Request) {
			kept = session.From(r.Context()).Done()
			time.Sleep(time.Hour)
			if closed(kept) {
				t.Error("Done of no session is closed")
			}
		})
		v := &visit{t: t, h: shop, m: m}
		v.want("/login?u=alice", "ok", true)
		v.want("/out", "", true)
		v.want("/anonymous", "", false)
		if !closed(kept) {
			t.Error("Done is open after the handler")
		}
		if n := m.Stats().Loads; n != 1 {
			t.Errorf("%d loads", n)
		}
	})
}
