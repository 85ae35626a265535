package main

import (
	"context"
	"net/http"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/redisstore"
	"github.com/alexedwards/scs/v2"
	redigo "github.com/gomodule/redigo/redis"
	"github.com/redis/go-redis/v9"
)

var scsPeers = []library{
	{name: "scs-goredis", renews: true, open: func(e environment, h *holds) (instance, error) {
		return scsOverGoredis(e, h, "scs-goredis:", 0)
	}},
	{name: "scs-goredis-idle", renews: true, open: func(e environment, h *holds) (instance, error) {
		return scsOverGoredis(e, h, "scs-goredis-idle:", 20*time.Minute)
	}},
	{name: "scs-redigo", renews: true, open: scsOverRedigo},
}

func scsOverGoredis(e environment, h *holds, prefix string, idle time.Duration) (instance, error) {
	opt, err := redis.ParseURL("redis://" + e.redis)
	if err != nil {
		return instance{}, err
	}
	client := redis.NewClient(opt)
	m := scs.New()
	m.Store = goredisstore.NewWithPrefix(client, prefix)
	m.IdleTimeout = idle
	return overHTTP(scsHandler(m, h), client.Close), nil
}

func scsOverRedigo(e environment, h *holds) (instance, error) {
	pool := &redigo.Pool{
		MaxIdle: 10,
		Dial:    func() (redigo.Conn, error) { return redigo.Dial("tcp", e.redis) },
	}
	m := scs.New()
	m.Store = redisstore.NewWithPrefix(pool, "scs-redigo:")
	return overHTTP(scsHandler(m, h), pool.Close), nil
}

func scsHandler(m *scs.SessionManager, h *holds) http.Handler {
	return m.LoadAndSave(h.handler(func(_ http.ResponseWriter, r *http.Request) (visit, error) {
		return scsVisit{m, r.Context()}, nil
	}))
}

// scsVisit: LoadAndSave loads and saves.
type scsVisit struct {
	m   *scs.SessionManager
	ctx context.Context
}

func (v scsVisit) User() (string, error)            { return v.m.GetString(v.ctx, "user"), nil }
func (v scsVisit) Value(key string) (string, error) { return v.m.GetString(v.ctx, key), nil }
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
	v.m.Put(v.ctx, "user", user)
	return nil
}
