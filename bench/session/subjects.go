package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore"
)

// bareClient is the client library by itself: HGETALL and one field of it, or
// HSET and PEXPIRE in one flight.
var bareClient = subject{"rueidis", "store", func(ctx context.Context, addr string, z size, write bool) (func(int) error, func() error, error) {
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, DisableCache: true, DisableRetry: true, ForceSingleClient: true})
	if err != nil {
		return nil, nil, err
	}
	for w := range workers {
		fields := client.B().Hset().Key(bareKey(w)).FieldValue().FieldValue(attribute(0), strings.Repeat("0", 16))
		for i := 1; i < z.attributes; i++ {
			fields = fields.FieldValue(attribute(i), strings.Repeat("x", z.fill()))
		}
		if err := errors.Join(client.Do(ctx, client.B().Del().Key(bareKey(w)).Build()).Error(), client.Do(ctx, fields.Build()).Error()); err != nil {
			client.Close()
			return nil, nil, err
		}
	}
	closing := func() error { client.Close(); return nil }
	if write {
		return func(w int) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			for _, res := range client.DoMulti(ctx,
				client.B().Hset().Key(bareKey(w)).FieldValue().FieldValue(attribute(0), fresh()).Build(),
				client.B().Pexpire().Key(bareKey(w)).Milliseconds(1800_000).Build()) {
				if err := res.Error(); err != nil {
					return err
				}
			}
			return nil
		}, closing, nil
	}
	return func(w int) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		fields, err := client.Do(ctx, client.B().Hgetall().Key(bareKey(w)).Build()).AsStrMap()
		return errors.Join(err, sixteen(fields[attribute(0)]))
	}, closing, nil
}}

func bareKey(worker int) string { return fmt.Sprint("bare:", worker) }

// fresh is a value of 16 bytes.
func fresh() string { return rand.Text()[:16] }

func sixteen(value string) error {
	if len(value) != 16 {
		return fmt.Errorf("the attribute has %d bytes, want 16", len(value))
	}
	return nil
}

// mode is evenkeel in one cache mode.
type mode struct {
	name string
	mode session.CacheMode
}

var modes = []mode{
	{"evenkeel-off", session.CacheOff},
	{"evenkeel-validated", session.CacheValidated},
	{"evenkeel-bounded", session.CacheBounded},
}

// owned is a session in a store.
type owned struct {
	key  session.Key
	hash session.Hash
	rec  *session.Record
}

func randomID() string {
	var b [12]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// own starts a session in the store, whose cookie has come back.
func own(ctx context.Context, store *redisstore.Store, ops ...session.Op) (*owned, error) {
	return ownIdle(ctx, store, 30*time.Minute, ops...)
}

func ownIdle(ctx context.Context, store *redisstore.Store, idle time.Duration, ops ...session.Op) (*owned, error) {
	o := &owned{key: session.Key(randomID())}
	rand.Read(o.hash[:])
	_, err := store.Commit(ctx, o.key, session.Change{
		WriteID: randomID(), NotAfter: time.Now().Add(time.Minute),
		Start: &session.Start{Verifier: o.hash, Idle: idle}, Ops: ops,
	})
	if err == nil {
		err = o.load(ctx, store, session.CacheOff, 0)
	}
	return o, err
}

func (o *owned) load(ctx context.Context, store *redisstore.Store, m session.CacheMode, floor int64) (err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	o.rec, err = store.Load(ctx, o.key, session.LoadOptions{Verifiers: []session.Hash{o.hash}, Cache: m, Floor: floor})
	return err
}

func (o *owned) commit(ctx context.Context, store *redisstore.Store, op session.Op) (session.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return store.Commit(ctx, o.key, session.Change{
		WriteID: randomID(), Base: o.rec.Version, Generation: o.rec.Generation, NotAfter: time.Now().Add(time.Second), Ops: []session.Op{op},
	})
}

func setOp(i int, value string) session.Op {
	return session.Op{Kind: session.OpSet, Name: attribute(i), Value: []byte(value)}
}

// store is a Load or a Commit.
func (m mode) store(ctx context.Context, addr string, z size, write bool) (func(int) error, func() error, error) {
	store, err := openRedis(addr, "costs-store")
	if err != nil {
		return nil, nil, err
	}
	ops := []session.Op{setOp(0, strings.Repeat("0", 16))}
	for i := 1; i < z.attributes; i++ {
		ops = append(ops, setOp(i, strings.Repeat("x", z.fill())))
	}
	sessions := make([]*owned, workers)
	for w := range sessions {
		if sessions[w], err = own(ctx, store, ops...); err != nil {
			return nil, nil, errors.Join(err, store.Close())
		}
	}
	if write {
		return func(w int) error {
			_, err := sessions[w].commit(ctx, store, setOp(0, fresh()))
			return err
		}, store.Close, nil
	}
	return func(w int) error {
		if err := sessions[w].load(ctx, store, m.mode, 0); err != nil {
			return err
		}
		return sixteen(string(sessions[w].rec.Attributes[attribute(0)]))
	}, store.Close, nil
}

// requests is a request through the middleware.
func (m mode) requests(ctx context.Context, addr string, z size, write bool) (func(int) error, func() error, error) {
	store, err := openRedis(addr, "costs-request")
	if err != nil {
		return nil, nil, err
	}
	opt := evenkeelOptions()
	opt.Cache = m.mode
	manager, err := session.New(store, opt)
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	step, err := through(ctx, z, write, manager.Handler, func(_ http.ResponseWriter, r *http.Request) (visit, error) {
		return evenkeelVisit{session.From(r.Context())}, nil
	})
	if err != nil {
		err = errors.Join(err, store.Close())
	}
	return step, store.Close, err
}
