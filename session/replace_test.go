package session_test

import (
	"context"
	"errors"
	"github.com/evenkeel/evenkeel/session"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestFailedCommitReplacesTheResponse(t *testing.T) {
	store := &faulty{Store: newStore()}
	shop := newShop()
	var cause, late error
	shop.HandleFunc("/pay", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if err := shop.name.Set(s, "x"); err != nil {
			t.Error(err)
		}
		http.SetCookie(w, &http.Cookie{Name: "foreign", Value: "1"})
		w.Header().Set("X-Mine", "1")
		w.Header().Set("Content-Length", "4")
		w.Header().Set("Cache-Control", "public")
		w.WriteHeader(201)
		_, late = io.WriteString(w, "paid")
		cause = context.Cause(r.Context())
		if err := shop.name.Set(s, "y"); !errors.Is(err, errDown) {
			t.Errorf("Set after the failed commit: %v", err)
		}
	})
	m := newManager(t, store, session.Options{})
	outer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Outer", "1")
		m.Handler(shop).ServeHTTP(w, r)
	})
	srv := httptest.NewServer(outer)
	defer srv.Close()
	b := newBrowser(t, srv)
	store.down()
	got := b.want("/pay", 503, "Service Unavailable")
	if got.header.Get("Retry-After") == "" || got.header.Get("X-Outer") != "1" || got.header.Get("X-Mine") != "" ||
		len(got.cookies) != 0 || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("header is %v", got.header)
	}
	if !errors.Is(cause, errDown) || !errors.Is(late, errDown) {
		t.Errorf("cause of the context %v, error of the write %v", cause, late)
	}
	if st := m.Stats(); st.Replaced != 1 || st.Unknown != 1 || st.Retries == 0 {
		t.Errorf("stats are %+v", st)
	}
}

func TestFailedCommitRefusesHijackAndFlush(t *testing.T) {
	store := &faulty{Store: newStore()}
	shop := newShop()
	shop.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		shop.name.Set(session.From(r.Context()), "x")
		if err := http.NewResponseController(w).Flush(); !errors.Is(err, errDown) {
			t.Errorf("Flush: %v", err)
		}
		if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, errDown) {
			t.Errorf("Hijack: %v", err)
		}
		if _, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader("x")); !errors.Is(err, errDown) {
			t.Errorf("ReadFrom: %v", err)
		}
	})
	b := newBrowser(t, serve(t, newManager(t, store, session.Options{}), shop))
	store.down()
	b.want("/ws", 503, "Service Unavailable")
}

func TestErrorHandler(t *testing.T) {
	for name, write := range map[string]bool{"writes": true, "forgets to": false} {
		t.Run(name, func(t *testing.T) {
			store := &faulty{Store: newStore()}
			m := newManager(t, store, session.Options{ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
				if !errors.Is(err, errDown) || r.Context().Err() != nil || session.From(r.Context()) != nil {
					t.Errorf("error handler got %v, context %v", err, r.Context().Err())
				}
				if write {
					w.WriteHeader(599)
				}
			}})
			b := newBrowser(t, serve(t, m, newShop()))
			store.down()
			if got := b.get("/set?v=a"); got.code != map[bool]int{true: 599, false: 503}[write] {
				t.Errorf("status %d", got.code)
			}
		})
	}
}

func TestPanicUndoes(t *testing.T) {
	shop := newShop()
	var after *session.Session
	shop.HandleFunc("/panic", func(w http.ResponseWriter, r *http.Request) {
		after = session.From(r.Context())
		shop.name.Set(after, "half")
		after.SignIn("mallory")
		panic(http.ErrAbortHandler)
	})
	b := newBrowser(t, serve(t, newManager(t, newStore(), session.Options{}), shop))
	b.want("/set?v=whole", 200, "ok")
	cookie := b.cookie()
	res, err := http.DefaultTransport.RoundTrip(b.request("POST", "/panic")) // a GET would be sent again
	if err == nil {
		res.Body.Close()
		t.Fatal("the panic was answered")
	}
	b.want("/get", 200, "whole")
	b.want("/who", 200, "nobody")
	if b.cookie() != cookie {
		t.Error("the cookie has changed")
	}
	if err := shop.name.Set(after, "late"); !errors.Is(err, session.ErrDone) {
		t.Errorf("Set after a panic: %v, want ErrDone", err)
	}
}

func TestAfterTheHandlerItIsDone(t *testing.T) {
	shop := newShop()
	var s *session.Session
	shop.HandleFunc("/keep", func(w http.ResponseWriter, r *http.Request) { s = session.From(r.Context()) })
	b := newBrowser(t, serve(t, newManager(t, newStore(), session.Options{}), shop))
	b.want("/set?v=a", 200, "ok")
	b.get("/keep")
	_, _, read := shop.name.Get(s)
	_, add := shop.hits.Add(t.Context(), s, 1)
	_, update := shop.name.Update(t.Context(), s, func(string, bool) (string, error) { return "x", nil })
	for what, err := range map[string]error{
		"Get": read, "Add": add, "Update": update, "Set": shop.name.Set(s, "x"), "Remove": shop.name.Remove(s),
		"Append": shop.cart.Append(s, "x"), "SignIn": s.SignIn("a"), "SignOut": s.SignOut(), "Renew": s.Renew(),
		"Clear": s.Clear(), "Commit": s.Commit(t.Context()), "Reload": s.Reload(t.Context()), "Load": s.Load(),
	} {
		if !errors.Is(err, session.ErrDone) {
			t.Errorf("%s after the handler: %v, want ErrDone", what, err)
		}
	}
	select {
	case <-s.Done():
	default:
		t.Error("Done is open after the handler")
	}
	b.want("/get", 200, "a")
}

func TestClientDisconnectStillCommits(t *testing.T) {
	store := newStore()
	shop := newShop()
	arrived, over := make(chan struct{}), make(chan struct{})
	shop.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		defer close(over)
		if err := shop.name.Set(session.From(r.Context()), "kept"); err != nil {
			t.Error(err)
		}
		close(arrived)
		<-r.Context().Done()
		w.WriteHeader(200)
	})
	b := newBrowser(t, serve(t, newManager(t, store, session.Options{}), shop))
	b.want("/set?v=before", 200, "ok")
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		res, err := http.DefaultTransport.RoundTrip(b.request("GET", "/slow").WithContext(ctx))
		if err == nil {
			res.Body.Close()
		}
		failed <- err
	}()
	<-arrived
	cancel()
	if err := <-failed; err == nil {
		t.Error("the client did not go away")
	}
	<-over
	b.want("/get", 200, "kept")
}

func TestTimeoutHandlerInside(t *testing.T) {
	shop := newShop()
	release, outcome := make(chan struct{}), make(chan error, 1)
	shop.HandleFunc("/hang", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		<-r.Context().Done()
		<-release
		outcome <- shop.name.Set(s, "late")
	})
	m := newManager(t, newStore(), session.Options{})
	b := newBrowser(t, serve(t, m, http.TimeoutHandler(shop, 50*time.Millisecond, "timeout")))
	quick := newBrowser(t, serve(t, m, http.TimeoutHandler(shop, time.Minute, "timeout")))
	quick.want("/set?v=early", 200, "ok")
	b.jar = quick.jar
	b.want("/hang", 503, "timeout")
	close(release)
	// The session may still be sealed, or done.
	if err := <-outcome; !errors.Is(err, session.ErrDone) && !errors.Is(err, session.ErrStarted) {
		t.Errorf("Set after the timeout: %v", err)
	}
	quick.want("/get", 200, "early")
}

func TestTimeoutHandlerOutsideCommitsNothingLate(t *testing.T) {
	shop := newShop()
	answered, over := make(chan struct{}), make(chan struct{})
	shop.HandleFunc("/hang", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if err := shop.name.Set(s, "late"); err != nil {
			t.Error(err)
		}
		<-answered
		if _, err := shop.hits.Add(context.WithoutCancel(r.Context()), s, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Add after the timeout: %v", err)
		}
		if _, err := io.WriteString(w, "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Write after the timeout: %v", err)
		}
	})
	m := newManager(t, newStore(), session.Options{})
	notify := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.Handler(shop).ServeHTTP(w, r)
		close(over)
	})
	slow := httptest.NewServer(http.TimeoutHandler(notify, 50*time.Millisecond, "timeout"))
	defer slow.Close()
	quick := newBrowser(t, serve(t, m, shop))
	quick.want("/set?v=early", 200, "ok")
	b := newBrowser(t, slow)
	b.jar = quick.jar
	b.want("/hang", 503, "timeout")
	close(answered)
	<-over
	quick.want("/get", 200, "early")
}

func TestTimeoutHandlerOutsideDelivers(t *testing.T) {
	m := newManager(t, newStore(), session.Options{})
	srv := httptest.NewServer(http.TimeoutHandler(m.Handler(newShop()), time.Minute, "timeout"))
	defer srv.Close()
	b := newBrowser(t, srv)
	b.want("/set?v=a", 200, "ok")
	b.want("/get", 200, "a")
}
