package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	scsredigo "github.com/alexedwards/scs/redisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/boj/redistore"
	redigo "github.com/gomodule/redigo/redis"
	"github.com/redis/go-redis/v9"
)

// peerSubjects are the others' middlewares. Fiber has none for net/http.
var peerSubjects = []subject{
	{"scs-goredis", "request", func(ctx context.Context, addr string, z size, write bool) (func(int) error, func() error, error) {
		return scsRequests(ctx, addr, z, write, 0)
	}},
	{"scs-goredis-idle", "request", func(ctx context.Context, addr string, z size, write bool) (func(int) error, func() error, error) {
		return scsRequests(ctx, addr, z, write, 20*time.Minute)
	}},
	{"scs-redigo", "request", func(ctx context.Context, addr string, z size, write bool) (func(int) error, func() error, error) {
		pool := &redigo.Pool{MaxIdle: workers, Dial: func() (redigo.Conn, error) { return redigo.Dial("tcp", addr) }}
		m := scs.New()
		m.Store = scsredigo.NewWithPrefix(pool, "costs-scs-redigo:")
		step, err := through(ctx, z, write, m.LoadAndSave, scsVisits(m))
		return step, pool.Close, err
	}},
	{"gorilla-boj", "request", func(ctx context.Context, addr string, z size, write bool) (func(int) error, func() error, error) {
		store, err := redistore.NewRediStore(workers, "tcp", addr, "", "", []byte("a-key-of-32-bytes-for-the-bench!"))
		if err != nil {
			return nil, nil, err
		}
		store.SetKeyPrefix("costs-gorilla:")
		store.SetMaxLength(1 << 20)
		step, err := through(ctx, z, write, func(h http.Handler) http.Handler { return h }, func(w http.ResponseWriter, r *http.Request) (visit, error) {
			s, err := store.Get(r, "session-key")
			return gorillaVisit{s, w, r}, err
		})
		return step, store.Close, err
	}},
}

func scsRequests(ctx context.Context, addr string, z size, write bool, idle time.Duration) (func(int) error, func() error, error) {
	client := redis.NewClient(&redis.Options{Addr: addr, PoolSize: workers})
	m := scs.New()
	m.Store = goredisstore.NewWithPrefix(client, fmt.Sprintf("costs-scs-%v:", idle))
	m.IdleTimeout = idle
	step, err := through(ctx, z, write, m.LoadAndSave, scsVisits(m))
	return step, client.Close, err
}

func scsVisits(m *scs.SessionManager) func(http.ResponseWriter, *http.Request) (visit, error) {
	return func(_ http.ResponseWriter, r *http.Request) (visit, error) { return scsVisit{m, r.Context()}, nil }
}

// through is one request of each worker through a middleware, again and again,
// each with a session of its own.
func through(ctx context.Context, z size, write bool, wrap func(http.Handler) http.Handler, begin func(http.ResponseWriter, *http.Request) (visit, error)) (func(int) error, error) {
	handler := func(call func(visit) error) http.Handler {
		return wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			v, err := begin(w, r)
			if err == nil {
				err = call(v)
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		}))
	}
	requests := make([]*http.Request, workers)
	for w := range requests {
		var err error
		if requests[w], err = filled(ctx, z, handler); err != nil {
			return nil, err
		}
	}
	step := handler(func(v visit) error {
		if write {
			return errors.Join(v.Set(attribute(0), fresh()), v.Save())
		}
		value, err := v.Value(attribute(0))
		return errors.Join(err, sixteen(value))
	})
	return func(w int) error {
		out := &sink{header: http.Header{}}
		step.ServeHTTP(out, requests[w].Clone(ctx))
		return out.check()
	}, nil
}

// filled is a request with the cookies of a new session that has come back
// once.
func filled(ctx context.Context, z size, handler func(func(visit) error) http.Handler) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://bench/", nil)
	if err != nil {
		return nil, err
	}
	w := &sink{header: http.Header{}}
	handler(func(v visit) error {
		err := v.Set(attribute(0), fresh())
		for i := 1; i < z.attributes; i++ {
			err = errors.Join(err, v.Set(attribute(i), strings.Repeat("x", z.fill())))
		}
		return errors.Join(err, v.Save())
	}).ServeHTTP(w, r)
	for _, c := range (&http.Response{Header: w.header}).Cookies() {
		r.AddCookie(c)
	}
	return r, w.check()
}

// sink is a response writer that keeps the head.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }

func (s *sink) check() error {
	if s.status != http.StatusNoContent {
		return fmt.Errorf("answered %d", s.status)
	}
	return nil
}
