package session_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// lossy is a store that goes back to an earlier state, as after a failover.
type lossy struct {
	mu  sync.Mutex
	now session.Store
}

func (l *lossy) store() session.Store {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

func (l *lossy) becomes(s session.Store) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = s
}

func (l *lossy) Load(ctx context.Context, key session.Key, opt session.LoadOptions) (*session.Record, error) {
	return l.store().Load(ctx, key, opt)
}

func (l *lossy) Commit(ctx context.Context, key session.Key, c session.Change) (session.Result, error) {
	return l.store().Commit(ctx, key, c)
}

// replica is a store that was promoted while it was behind: it has an earlier
// record until somebody writes.
type replica struct {
	session.Store
	mu  sync.Mutex
	old *session.Record
}

func (r *replica) Load(ctx context.Context, key session.Key, opt session.LoadOptions) (*session.Record, error) {
	rec, err := r.Store.Load(ctx, key, opt)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil && r.old != nil {
		return r.old.Clone(), nil
	}
	return rec, err
}

func (r *replica) Commit(ctx context.Context, key session.Key, c session.Change) (session.Result, error) {
	r.mu.Lock()
	r.old = nil
	r.mu.Unlock()
	return r.Store.Commit(ctx, key, c)
}

// client is a browser in a bubble that keeps the version, too.
type client struct {
	t   *testing.T
	m   *session.Manager
	h   http.Handler
	jar map[string]string
}

func (c *client) get(target string) *http.Response {
	r, err := http.NewRequestWithContext(c.t.Context(), "GET", target, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	for name, value := range c.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := &discard{header: http.Header{}}
	c.m.Handler(c.h).ServeHTTP(w, r)
	res := &http.Response{Header: w.header}
	for _, k := range res.Cookies() {
		if c.jar[k.Name] = k.Value; k.MaxAge < 0 {
			delete(c.jar, k.Name)
		}
	}
	return res
}

// losses is what a manager's hook was told.
type losses struct {
	mu  sync.Mutex
	all []session.Loss
}

func (l *losses) add(loss session.Loss) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, loss)
}

func (l *losses) take() []session.Loss {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.all
	l.all = nil
	return all
}

func TestLostSessionIsNoticed(t *testing.T) {
	for name, c := range map[string]struct {
		mode   session.CacheMode
		during func(*client, *lossy) // from the last response to the next request
		lost   int
	}{
		"lost":                     {session.CacheBounded, func(_ *client, l *lossy) { l.becomes(newStore()) }, 1},
		"lost a minute ago":        {session.CacheBounded, func(_ *client, l *lossy) { l.becomes(newStore()); time.Sleep(time.Minute) }, 1},
		"never confirmed, expired": {session.CacheBounded, func(*client, *lossy) { time.Sleep(session.UnconfirmedLife) }, 0},
		"idle, expired":            {session.CacheBounded, func(c *client, _ *lossy) { c.get("/get"); time.Sleep(40 * time.Minute) }, 0},
		"signed out elsewhere": {session.CacheBounded, func(c *client, _ *lossy) {
			(&client{c.t, c.m, c.h, maps.Clone(c.jar)}).get("/logout")
		}, 0},
		"signed out":      {session.CacheBounded, func(c *client, _ *lossy) { c.get("/logout") }, 0},
		"nothing happens": {session.CacheBounded, func(*client, *lossy) {}, 0},
		"made up": {session.CacheBounded, func(c *client, l *lossy) {
			l.becomes(newStore())
			c.jar[floorName] = c.jar[floorName][:7] + fmt.Sprint(time.Now().Add(2*time.Minute).UnixMilli())
		}, 0},
		"another's version": {session.CacheBounded, func(c *client, l *lossy) {
			l.becomes(newStore())
			c.jar[floorName] = "......" + c.jar[floorName][6:]
		}, 0},
		"lost, and no version is kept": {session.CacheValidated, func(_ *client, l *lossy) { l.becomes(newStore()) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				var told losses
				store := &lossy{now: newStore()}
				m := newManager(t, store, session.Options{
					Cache: c.mode, OnLoss: told.add, Logger: slog.New(slog.NewTextHandler(&log, nil)),
				})
				b := &client{t: t, m: m, h: newShop(), jar: map[string]string{}}
				written := time.Now()
				b.get("/login?u=alice")
				key := b.jar[cookieName][:16]
				c.during(b, store)
				b.get("/who")
				got := told.take()
				if len(got) != c.lost || m.Stats().Lost != int64(c.lost) || m.Stats().RolledBack != 0 {
					t.Fatalf("told of %+v, stats %+v", got, m.Stats())
				}
				for _, l := range got {
					if l.Kind != session.LossSession || l.Seen.UnixMilli() != written.UnixMilli() || !l.Found.IsZero() {
						t.Errorf("told of %+v, written at %v", l, written)
					}
				}
				if text := log.String(); strings.Count(text, "has lost") != c.lost || strings.Contains(text, key[:6]) || strings.Contains(text, "alice") {
					t.Errorf("the log says %s", text)
				}
			})
		})
	}
}

func TestRolledBackSessionIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var told losses
		master := newStore()
		store := &lossy{now: master}
		m := newManager(t, store, session.Options{
			Cache: session.CacheBounded, OnLoss: told.add, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		b := &client{t: t, m: m, h: newShop(), jar: map[string]string{}}
		b.get("/set?v=a")
		first := time.Now()
		var old *session.Record
		within(t, m, b.jar[cookieName], func(s *session.Session) { s.Principal(); old, _, _ = s.View() })
		time.Sleep(time.Second)
		b.get("/set?v=b")
		second := time.Now()
		store.becomes(&replica{Store: master, old: old})
		for range 3 {
			b.get("/get")
		}
		got := told.take()
		if len(got) != 3 || m.Stats().RolledBack != 3 || m.Stats().Lost != 0 {
			t.Fatalf("told of %+v, stats %+v", got, m.Stats())
		}
		if l := got[0]; l.Kind != session.LossWrites || l.Seen.UnixMilli() != second.UnixMilli() || l.Found.UnixMilli() != first.UnixMilli() {
			t.Errorf("told of %+v", l)
		}
		if n := strings.Count(log.String(), "has lost"); n != 1 {
			t.Errorf("%d lines in the log", n)
		}
		time.Sleep(time.Second)
		b.get("/set?v=c") // newer than all that was seen
		told.take()
		if b.get("/get"); len(told.take()) != 0 {
			t.Error("a session that was written again is still rolled back")
		}
	})
}

// A request that reads its session again notices it in every mode.
func TestReloadNoticesALoss(t *testing.T) {
	var told losses
	store := &lossy{now: newStore()}
	m := newManager(t, store, session.Options{OnLoss: told.add})
	shop := newShop()
	shop.HandleFunc("/reload", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		s.Principal()
		store.becomes(newStore())
		if err := s.Reload(r.Context()); err == nil {
			t.Error("the session is still there")
		}
	})
	b := newBrowser(t, serve(t, m, shop))
	b.want("/set?v=a", 200, "ok")
	b.get("/reload")
	if got := told.take(); len(got) != 1 || got[0].Kind != session.LossSession {
		t.Errorf("told of %+v", got)
	}
}

// The hook may ask the manager, and use it.
func TestHookHoldsNothing(t *testing.T) {
	var m *session.Manager
	store := &lossy{now: newStore()}
	asked := 0
	m = newManager(t, store, session.Options{Cache: session.CacheBounded, OnLoss: func(session.Loss) {
		asked++
		m.Stats()
		if _, err := m.Issue(t.Context(), "operator", nil); err != nil {
			t.Error(err)
		}
	}})
	b := newBrowser(t, serve(t, m, newShop()))
	b.want("/set?v=a", 200, "ok")
	store.becomes(newStore())
	if b.want("/get", 200, "none"); asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}
