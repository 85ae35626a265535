package session_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// refuses makes every call fail with err, without being sent.
func (f *faulty) refuses(err error) {
	f.set(func(context.Context) error { return err },
		func(context.Context, session.Change, func() (session.Result, error)) (session.Result, error) {
			return session.Result{}, err
		})
}

// A store that refuses at once is asked once, and nobody is told that a write
// may have happened.
func TestUnavailableStoreIsAskedOnce(t *testing.T) {
	for what, cause := range map[string]error{
		"no cause":                   nil,
		"refused connection":         errDown,
		"what a record was once":     session.ErrNotFound,
		"what a session was once":    session.ErrGone{Reason: session.ReasonSignOut},
		"what a sign-in was once":    session.ErrSuperseded,
		"what a limit was once":      session.ErrLimit,
		"a write that was late once": session.ErrLate{Now: time.Now()},
	} {
		t.Run(what, func(t *testing.T) {
			store := &faulty{Store: newStore()}
			m := newManager(t, store, session.Options{})
			b := newBrowser(t, serve(t, m, newShop()))
			b.want("/set?v=a", 200, "ok")
			b.want("/get", 200, "a")
			cookie, before := b.cookie(), m.Stats()
			refusal := session.ErrUnavailable{RetryAfter: 2500 * time.Millisecond, Cause: cause}
			store.refuses(fmt.Errorf("node 1: %w", refusal))
			for _, path := range []string{"/get", "/who", "/gone"} {
				if got := b.want(path, 503, "Service Unavailable"); got.header.Get("Retry-After") != "3" || len(got.cookies) > 0 {
					t.Errorf("%s: %v", path, got.header)
				}
			}
			store.set(nil, func(context.Context, session.Change, func() (session.Result, error)) (session.Result, error) {
				return session.Result{}, refusal
			})
			for _, path := range []string{"/set?v=b", "/login?u=alice", "/renew", "/logout"} {
				if got := b.want(path, 503, "Service Unavailable"); got.header.Get("Retry-After") != "3" || len(got.cookies) > 0 {
					t.Errorf("%s: %v", path, got.header)
				}
			}
			store.up()
			if b.want("/get", 200, "a"); b.cookie() != cookie {
				t.Error("the cookie has changed")
			}
			st := m.Stats()
			if st.Unavailable != 7 || st.LoadFailures-before.LoadFailures != 3 || st.Commits-before.Commits != 4 || st.Retries != 0 || st.Unknown != 0 {
				t.Errorf("stats are %+v", st)
			}
		})
	}
}

func TestRefusedWriteIsCertainForTheHandler(t *testing.T) {
	store := &faulty{Store: newStore()}
	shop := newShop()
	m := newManager(t, store, session.Options{})
	shop.HandleFunc("/add", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		s.Principal()
		store.refuses(session.ErrUnavailable{Cause: errDown})
		_, err := shop.hits.Add(r.Context(), s, 1)
		var u session.ErrUnavailable
		if !errors.As(err, &u) || strings.Contains(err.Error(), "outcome") {
			t.Errorf("Add: %v", err)
		}
		store.up()
		if n, err := shop.hits.Add(r.Context(), s, 1); n != 1 || err != nil {
			t.Errorf("Add again: %d, %v", n, err)
		}
	})
	b := newBrowser(t, serve(t, m, shop))
	b.want("/set?v=a", 200, "ok")
	b.want("/add", 200, "")
}

// Once an attempt is open it stays so, whatever the store says of the next one.
func TestUnavailableAfterAnOpenAttempt(t *testing.T) {
	store := &faulty{Store: newStore()}
	m := newManager(t, store, session.Options{})
	b := newBrowser(t, serve(t, m, newShop()))
	b.want("/login?u=alice", 200, "ok")
	first := true
	store.set(nil, func(_ context.Context, _ session.Change, do func() (session.Result, error)) (session.Result, error) {
		if first {
			first = false
			do()
			return session.Result{}, errDown
		}
		return session.Result{}, session.ErrUnavailable{RetryAfter: time.Minute, Cause: errDown}
	})
	got := b.want("/renew", 503, "Service Unavailable")
	if len(got.cookies) != 1 || strings.Count(b.cookie(), ".") != 2 || got.header.Get("Retry-After") != "60" {
		t.Errorf("a renewal of unknown outcome: %v", got.header)
	}
	if n := m.Stats().Unknown; n != 1 {
		t.Errorf("%d unknown outcomes", n)
	}
	store.up()
	b.want("/who", 200, "alice")
}

func TestRetryAfterIsInWholeSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "1", 0: "1", 1: "1", time.Second: "1", time.Second + 1: "2", 1500 * time.Millisecond: "2", time.Minute: "60",
		1<<63 - 1: "9223372037",
	} {
		w := httptest.NewRecorder()
		session.Error(w, nil, fmt.Errorf("load: %w", session.ErrUnavailable{RetryAfter: d, Cause: session.ErrNotFound}))
		if w.Code != 503 || w.Header().Get("Retry-After") != want {
			t.Errorf("%v: %d %v, want %s", d, w.Code, w.Header(), want)
		}
	}
}

// A store whose caller stopped waiting is not down.
func TestCancelledCallIsNoOutage(t *testing.T) {
	var log bytes.Buffer
	store := &faulty{Store: newStore()}
	m := newManager(t, store, session.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	b := newBrowser(t, serve(t, m, newShop()))
	b.want("/set?v=a", 200, "ok")
	for _, err := range []error{context.Canceled, session.ErrUnavailable{Cause: context.Canceled}} {
		store.refuses(err)
		b.want("/get", 503, "Service Unavailable")
		b.want("/set?v=b", 503, "Service Unavailable")
	}
	store.up()
	b.want("/get", 200, "a")
	if log.Len() > 0 {
		t.Errorf("the log says %s", log.String())
	}
	store.refuses(errDown)
	b.want("/get", 503, "Service Unavailable")
	if !strings.Contains(log.String(), "does not answer") {
		t.Error("control: an outage is not logged")
	}
}
