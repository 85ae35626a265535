package session_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

func TestStreamCommitsItself(t *testing.T) {
	shop := newShop()
	next, done := make(chan struct{}), make(chan struct{})
	shop.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if err := errors.Join(shop.name.Set(s, "0"), s.Commit(r.Context())); err != nil {
			t.Error(err)
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		for i := range 3 {
			<-next
			if err := errors.Join(shop.name.Set(s, fmt.Sprint(i+1)), shop.cart.Append(s, "x"), s.Commit(r.Context())); err != nil {
				t.Error(err)
			}
			if v, _, err := shop.name.Get(s); v != fmt.Sprint(i+1) || err != nil {
				t.Errorf("the stream reads %q, %v", v, err)
			}
			if _, err := shop.hits.Add(r.Context(), s, 1); err != nil {
				t.Error(err)
			}
			done <- struct{}{}
		}
		if err := s.SignIn("alice"); !errors.Is(err, session.ErrStarted) {
			t.Errorf("SignIn in a stream: %v", err)
		}
		<-next
		if err := s.Reload(r.Context()); err != nil {
			t.Error(err)
		}
		if v, _, err := shop.name.Get(s); v != "other" || err != nil {
			t.Errorf("after Reload: %q, %v", v, err)
		}
		if err := shop.flash.Set(s, "left over"); err != nil {
			t.Error(err)
		}
	})
	shop.HandleFunc("/flash", func(w http.ResponseWriter, r *http.Request) {
		v, _, err := shop.flash.Pop(session.From(r.Context()))
		if try(w, r, err) {
			io.WriteString(w, v)
		}
	})
	b := newBrowser(t, serve(t, newManager(t, newStore(), session.Options{}), shop))
	res, err := http.DefaultTransport.RoundTrip(b.request("GET", "/stream"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b.receive(res.Cookies())
	b.want("/get", 200, "0")
	for i := range 3 {
		next <- struct{}{}
		<-done
		b.want("/get", 200, fmt.Sprint(i+1))
	}
	b.want("/set?v=other", 200, "ok")
	next <- struct{}{}
	if _, err := io.ReadAll(res.Body); err != nil {
		t.Error(err)
	}
	b.want("/flash", 200, "left over")
	b.want("/flash", 200, "")
}

func TestAnonymousStreamCannotStartASession(t *testing.T) {
	shop := newShop()
	shop.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if err := s.Commit(r.Context()); err != nil {
			t.Error(err)
		}
		io.WriteString(w, "x")
		_, add := shop.hits.Add(r.Context(), s, 1)
		for what, err := range map[string]error{"Set": shop.name.Set(s, "x"), "Add": add} {
			if !errors.Is(err, session.ErrStarted) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := s.SignOut(); err != nil {
			t.Errorf("SignOut without a session: %v", err)
		}
	})
	store := newStore()
	b := newBrowser(t, serve(t, newManager(t, store, session.Options{}), shop))
	b.want("/stream", 200, "x")
	if store.Len() != 0 {
		t.Error("a session without a cookie")
	}
}

// What a stream has staged last and cannot commit, nobody would ever know.
func TestStreamThatCannotCommitIsCut(t *testing.T) {
	store := &faulty{Store: newStore()}
	shop := newShop()
	shop.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if err := errors.Join(s.Load(), s.Commit(r.Context())); err != nil {
			t.Error(err)
		}
		io.WriteString(w, "x")
		w.(http.Flusher).Flush()
		store.down()
		if err := shop.name.Set(s, "lost"); err != nil {
			t.Error(err)
		}
	})
	b := newBrowser(t, serve(t, newManager(t, store, session.Options{}), shop))
	b.want("/set?v=a", 200, "ok")
	res, err := http.DefaultTransport.RoundTrip(b.request("GET", "/stream"))
	if err == nil {
		defer res.Body.Close()
		_, err = io.ReadAll(res.Body)
	}
	if err == nil {
		t.Error("the response looks whole")
	}
}

func TestCommitErrorsAreTheHandlersToTell(t *testing.T) {
	store := &faulty{Store: newStore()}
	shop := newShop()
	shop.HandleFunc("/explicit", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if err := shop.name.Set(s, "b"); err != nil {
			t.Error(err)
		}
		store.down()
		err := s.Commit(r.Context())
		store.up()
		if session.Status(err) != 503 {
			t.Errorf("Commit: %v", err)
		}
		// Nothing is staged any more, and what is read is what is stored.
		if v, _, err := shop.name.Get(s); v != "a" || err != nil {
			t.Errorf("after the failed commit: %q, %v", v, err)
		}
		io.WriteString(w, "told")
	})
	b := newBrowser(t, serve(t, newManager(t, store, session.Options{}), shop))
	b.want("/set?v=a", 200, "ok")
	b.want("/explicit", 200, "told")
	b.want("/get", 200, "a")
}

func TestReloadOfAnEndedSession(t *testing.T) {
	shop := newShop()
	m := newManager(t, newStore(), session.Options{})
	v := &visit{t: t, m: m, h: shop}
	shop.HandleFunc("/long", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if s.Principal() != "alice" || !s.Started() {
			t.Errorf("principal %q, started %v", s.Principal(), s.Started())
		}
		v.get("/logout")
		if err := s.Reload(r.Context()); !errors.As(err, new(session.ErrGone)) {
			t.Errorf("Reload: %v", err)
		}
		_, update := session.NewAttribute[int]("n").Update(r.Context(), s, func(int, bool) (int, error) { return 1, nil })
		_, add := shop.hits.Add(r.Context(), s, 1)
		for what, err := range map[string]error{"Set": shop.name.Set(s, "x"), "Update": update, "Add": add, "SignIn": s.SignIn("bob")} {
			if !errors.As(err, new(session.ErrGone)) {
				t.Errorf("%s in an ended session: %v", what, err)
			}
		}
		if s.Started() || s.Principal() != "" || s.Gone() != session.ReasonSignOut {
			t.Errorf("started %v, principal %q, gone for %q", s.Started(), s.Principal(), s.Gone())
		}
		io.WriteString(w, "handled")
	})
	v.want("/login?u=alice", "ok", true)
	cookie := v.cookie
	res := record(m, shop, cookie, "GET", "/long")
	if body := bodyOf(t, res); res.StatusCode != 200 || body != "handled" || len(res.Cookies()) != 0 {
		t.Errorf("%d %q with %d cookies", res.StatusCode, body, len(res.Cookies()))
	}
}

// A commit that finds the session ended is no licence to start another one.
func TestCommitInAnEndedSession(t *testing.T) {
	shop := newShop()
	v := &visit{t: t, m: newManager(t, newStore(), session.Options{}), h: shop}
	shop.HandleFunc("/long", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if err := shop.name.Set(s, "x"); err != nil {
			t.Error(err)
		}
		v.get("/logout")
		for what, err := range map[string]error{"Commit": s.Commit(r.Context()), "Set": shop.name.Set(s, "y")} {
			if !errors.As(err, new(session.ErrGone)) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
	v.want("/login?u=alice", "ok", true)
	if res := record(v.m, shop, v.cookie, "GET", "/long"); res.StatusCode != 200 || len(res.Cookies()) != 0 {
		t.Errorf("%d with %d cookies", res.StatusCode, len(res.Cookies()))
	}
}

func TestReloadKeepsNothingAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := newShop()
		v := &visit{t: t, m: newManager(t, newStore(), session.Options{IdleTimeout: 10 * time.Minute}), h: shop}
		shop.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
			s := session.From(r.Context())
			var err error
			for begin := time.Now(); err == nil; time.Sleep(time.Minute) {
				if err = s.Reload(r.Context()); time.Since(begin) > 12*time.Minute {
					t.Error("the session is alive")
					return
				}
			}
			if !errors.Is(err, session.ErrNotFound) {
				t.Errorf("Reload: %v", err)
			}
		})
		v.want("/set?v=a", "ok", true)
		v.want("/get", "a", false)
		v.want("/stream", "", false)
	})
}

// The second of two renewals in one request has an unknown outcome.
func TestUnknownRenewalAfterAnother(t *testing.T) {
	store := &faulty{Store: newStore()}
	shop := newShop()
	shop.HandleFunc("/twice", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if err := errors.Join(s.SignIn("alice"), s.Commit(r.Context()), s.Renew()); err != nil {
			t.Error(err)
		}
		store.down()
	})
	b := newBrowser(t, serve(t, newManager(t, store, session.Options{}), shop))
	b.want("/set?v=a", 200, "ok")
	b.want("/twice", 503, "Service Unavailable")
	store.up()
	b.want("/who", 200, "alice")
}

// hidden is a writer that has abilities only for those who unwrap it, as the
// loggers of many frameworks.
type hidden struct{ http.ResponseWriter }

func (h hidden) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// none has none at all.
type none struct{ http.ResponseWriter }

func TestResponseControllerCannotGetPastTheCommit(t *testing.T) {
	shop := newShop()
	m := newManager(t, newStore(), session.Options{})
	shop.HandleFunc("/flush", func(w http.ResponseWriter, r *http.Request) {
		if _, ok := w.(http.Flusher); ok {
			t.Error("the writer has an ability that the wrapped one lacks")
		}
		s := session.From(r.Context())
		rc := http.NewResponseController(w)
		if err := shop.name.Set(s, "flushed"); err != nil {
			t.Error(err)
		}
		if err := rc.Flush(); err != nil {
			t.Error(err)
		}
		if err := shop.name.Set(s, "x"); !errors.Is(err, session.ErrStarted) {
			t.Errorf("Set after rc.Flush: %v", err)
		}
	})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.Handler(shop).ServeHTTP(hidden{w}, r)
	}))
	defer srv.Close()
	b := newBrowser(t, srv)
	if got := b.get("/flush"); len(got.cookies) != 1 {
		t.Fatalf("%d with %d cookies", got.code, len(got.cookies))
	}
	b.want("/get", 200, "flushed")
}

func TestUnsupportedFlushSealsNothing(t *testing.T) {
	attr := session.NewAttribute[string]("name")
	m := newManager(t, newStore(), session.Options{})
	h := m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		_, _, hijack := rc.Hijack()
		for what, err := range map[string]error{"Flush": rc.Flush(), "Hijack": hijack, "EnableFullDuplex": rc.EnableFullDuplex()} {
			if !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := attr.Set(session.From(r.Context()), "x"); err != nil {
			t.Error(err)
		}
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(none{w}, httptest.NewRequest("GET", "/", nil))
	cookieOf(t, w.Result())
}

func TestDeadlinesReachTheConnection(t *testing.T) {
	shop := newShop()
	shop.HandleFunc("/deadlines", func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		if err := errors.Join(rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Time{}), rc.EnableFullDuplex()); err != nil {
			t.Error(err)
		}
	})
	b := newBrowser(t, serve(t, newManager(t, newStore(), session.Options{}), shop))
	b.want("/deadlines", 200, "")
}
