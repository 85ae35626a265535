package peers

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/memstore"
)

var evenkeel = library{name: "evenkeel", open: func(t testing.TB, name string) service {
	store := &evenkeelStore{inner: memstore.New(memstore.Options{})}
	cookie := "__Host-" + name
	m, err := session.New(store, session.Options{
		Cookie: session.CookieOptions{Name: cookie},
		Logger: slog.New(slog.DiscardHandler),
		Budget: 10 * time.Second, // a busy machine must not look like a store that is down
	})
	if err != nil {
		t.Fatal(err)
	}
	return service{cookie: cookie, store: store, wrap: m.Handler, visit: func(_ http.ResponseWriter, r *http.Request) visit {
		return evenkeelVisit{m.From(r.Context())}
	}}
}}

// evenkeelVisit: the middleware saves.
type evenkeelVisit struct{ s *session.Session }

func text(key string) *session.Attribute[string] { return session.NewAttribute[string](key) }

func (v evenkeelVisit) Value(key string) (string, error) {
	value, _, err := text(key).Get(v.s)
	return value, err
}

func (v evenkeelVisit) User() (string, error) {
	if err := v.s.Load(); err != nil {
		return "", err
	}
	return v.s.Principal(), nil
}

func (v evenkeelVisit) Set(key, value string) error { return text(key).Set(v.s, value) }
func (v evenkeelVisit) SignIn(user string) error    { return v.s.SignIn(user) }
func (v evenkeelVisit) SignOut() error              { return v.s.SignOut() }
func (v evenkeelVisit) Save() error                 { return nil }

type evenkeelStore struct {
	calls
	inner   *memstore.Store
	spoiled atomic.Bool
}

func (s *evenkeelStore) Load(ctx context.Context, key session.Key, opt session.LoadOptions) (*session.Record, error) {
	if err := s.call(ctx); err != nil {
		return nil, err
	}
	rec, err := s.inner.Load(ctx, key, opt)
	if err == nil && s.spoiled.Load() {
		rec.Attributes["k"] = []byte(`{"of": "another type"}`)
	}
	return rec, err
}

func (s *evenkeelStore) Commit(ctx context.Context, key session.Key, c session.Change) (session.Result, error) {
	if err := s.call(ctx); err != nil {
		return session.Result{}, err
	}
	return s.inner.Commit(ctx, key, c)
}

func (s *evenkeelStore) Records() int { return s.inner.Len() }
func (s *evenkeelStore) Spoil()       { s.spoiled.Store(true) }
