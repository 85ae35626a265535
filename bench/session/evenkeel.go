package main

import (
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/memstore"
	"github.com/evenkeel/evenkeel/session/redisstore"
	"github.com/evenkeel/evenkeel/session/sqlitestore"
)

var evenkeelPeers = []library{
	evenkeelOnRedis("evenkeel-off", session.CacheOff),
	evenkeelOnRedis("evenkeel-validated", session.CacheValidated),
	evenkeelOnRedis("evenkeel-bounded", session.CacheBounded),
	{name: "evenkeel-sqlite", renews: true, open: func(e environment, h *holds) (instance, error) {
		store, err := sqlitestore.Open(filepath.Join(e.dir, "sessions.db"), sqlitestore.Options{})
		if err != nil {
			return instance{}, err
		}
		return evenkeelInstance(store, session.CacheDefault, h, store.Close)
	}},
	{name: "evenkeel-mem", renews: true, open: func(_ environment, h *holds) (instance, error) {
		return evenkeelInstance(sharedMemory(), session.CacheDefault, h)
	}},
}

// evenkeelOnRedis is the library with a cache mode. Each instance has a store,
// and so a cache, of its own.
func evenkeelOnRedis(name string, mode session.CacheMode) library {
	return library{name: name, renews: true, many: true, open: func(e environment, h *holds) (instance, error) {
		store, err := openRedis(e.redis, name)
		if err != nil {
			return instance{}, err
		}
		return evenkeelInstance(store, mode, h, store.Close)
	}}
}

func openRedis(addr, service string) (*redisstore.Store, error) {
	return redisstore.New("redis://"+addr, redisstore.Options{Service: service, Logger: slog.New(slog.DiscardHandler)})
}

// sharedMemory is the one store that both instances are given.
var sharedMemory = sync.OnceValue(func() *memstore.Store { return memstore.New(memstore.Options{}) })

func evenkeelInstance(store session.Store, mode session.CacheMode, h *holds, closing ...func() error) (instance, error) {
	opt := evenkeelOptions()
	opt.Cache = mode
	m, err := session.New(store, opt)
	if err != nil {
		return instance{}, err
	}
	return overHTTP(m.Handler(h.handler(func(_ http.ResponseWriter, r *http.Request) (visit, error) {
		return evenkeelVisit{session.From(r.Context())}, nil
	})), closing...), nil
}

// evenkeelOptions are the defaults, but that refused commits are not logged and
// that nobody is held up who starts many sessions.
func evenkeelOptions() session.Options {
	return session.Options{Logger: slog.New(slog.DiscardHandler), MaxStarts: -1}
}

// values are the attributes that the races and the costs use, by name.
var values = sync.OnceValue(func() map[string]*session.Attribute[string] {
	m := map[string]*session.Attribute[string]{}
	for i := range largestSession {
		m[attribute(i)] = session.NewAttribute[string](attribute(i))
	}
	return m
})

// evenkeelVisit: the middleware saves.
type evenkeelVisit struct{ s *session.Session }

func (v evenkeelVisit) User() (string, error) {
	if err := v.s.Load(); err != nil {
		return "", err
	}
	return v.s.Principal(), nil
}

func (v evenkeelVisit) Value(key string) (string, error) {
	value, _, err := values()[key].Get(v.s)
	return value, err
}

func (v evenkeelVisit) Set(key, value string) error { return values()[key].Set(v.s, value) }
func (v evenkeelVisit) SignIn(user string) error    { return v.s.SignIn(user) }
func (v evenkeelVisit) SignOut() error              { return v.s.SignOut() }
func (v evenkeelVisit) Save() error                 { return nil }
