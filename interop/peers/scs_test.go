package peers

import (
	"bytes"
	"context"
	"encoding/gob"
	"net/http"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
)

var scsLibrary = library{name: "scs", open: func(t testing.TB, name string) service {
	return openSCS(t, name, memory{memstore.NewWithCleanupInterval(0)})
}}

func openSCS(t testing.TB, name string, inner scsInner) service {
	m := scs.New()
	m.Cookie.Name = name
	store := &scsStore{t: t, inner: inner, codec: m.Codec}
	m.Store = store
	m.ErrorFunc = func(w http.ResponseWriter, _ *http.Request, _ error) { // the default, without its log
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
	return service{cookie: name, store: store, wrap: m.LoadAndSave, visit: func(_ http.ResponseWriter, r *http.Request) visit {
		return scsVisit{m, r.Context()}
	}}
}

// scsVisit: LoadAndSave loads and saves.
type scsVisit struct {
	m   *scs.SessionManager
	ctx context.Context
}

func (v scsVisit) Value(key string) (string, error) { return v.m.GetString(v.ctx, key), nil }
func (v scsVisit) User() (string, error)            { return v.Value("user") }
func (v scsVisit) SignOut() error                   { return v.m.Destroy(v.ctx) }
func (v scsVisit) Save() error                      { return nil }

func (v scsVisit) Set(key, value string) error {
	v.m.Put(v.ctx, key, value)
	return nil
}

func (v scsVisit) SignIn(user string) error {
	if err := v.m.RenewToken(v.ctx); err != nil {
		return err
	}
	return v.Set("user", user)
}

// scsInner is what goredisstore has, too.
type scsInner interface {
	FindCtx(ctx context.Context, token string) ([]byte, bool, error)
	CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error
	DeleteCtx(ctx context.Context, token string) error
	AllCtx(ctx context.Context) (map[string][]byte, error)
}

// memory is scs's store in memory. Like a client of any network store, and like
// evenkeel's store in memory, it does nothing for a context that is over.
type memory struct{ *memstore.MemStore }

func (m memory) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	return m.Find(token)
}

func (m memory) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return m.Commit(token, b, expiry)
}

func (m memory) DeleteCtx(ctx context.Context, token string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return m.Delete(token)
}

func (m memory) AllCtx(context.Context) (map[string][]byte, error) { return m.All() }

type scsStore struct {
	scs.Store // nil: there are methods with a context for all of them
	calls
	t     testing.TB
	inner scsInner
	codec scs.Codec
}

func (s *scsStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	if err := s.call(ctx); err != nil {
		return nil, false, err
	}
	return s.inner.FindCtx(ctx, token)
}

func (s *scsStore) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	if err := s.call(ctx); err != nil {
		return err
	}
	return s.inner.CommitCtx(ctx, token, b, expiry)
}

func (s *scsStore) DeleteCtx(ctx context.Context, token string) error {
	if err := s.call(ctx); err != nil {
		return err
	}
	return s.inner.DeleteCtx(ctx, token)
}

func (s *scsStore) Records() int { return len(s.records()) }

func (s *scsStore) records() map[string][]byte {
	all, err := s.inner.AllCtx(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

func (s *scsStore) Spoil() {
	for token, b := range s.records() {
		deadline, values, err := s.codec.Decode(b)
		if err != nil {
			s.t.Fatal(err)
		}
		values["k"] = cart{"tea"}
		if b, err = s.codec.Encode(deadline, values); err == nil {
			err = s.inner.CommitCtx(s.t.Context(), token, fromTheFuture(b), deadline)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

// cart is a type that one release has and the one before has not.
type cart []string

const known, unknown = "release1.cart", "release2.cart"

// fromTheFuture makes of gob's encoding of a cart one by a release that has
// registered another type.
func fromTheFuture(b []byte) []byte { return bytes.ReplaceAll(b, []byte(known), []byte(unknown)) }

// registerCart is what a release does with its types, once per process.
func registerCart() { gob.RegisterName(known, cart{}) }
