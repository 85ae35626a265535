package redisstore

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/link"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/near"
)

// CacheOptions are for the copies of sessions that a Store keeps in the
// process. How a load may use them is session.LoadOptions.Cache.
type CacheOptions struct {
	// MaxBytes bounds their memory, estimated; 0 is 64 MiB, negative keeps
	// none, so that every load reads all of the session.
	MaxBytes int64
	// Lease is how far behind an answer may be in session.CacheBounded, beside
	// the way of one message; 0 is a second, 500 ms to a second are allowed.
	// While such loads are made, each server is asked three times per Lease
	// whether it is there.
	Lease time.Duration
	// ReadGrace is how long a copy may answer loads while its server does not,
	// from when it was last known to be current; 0 is not at all, a minute is
	// the most. Never for a load that is Fresh or in session.CacheOff. A write
	// whose outcome is open ends the copy of its session, and with it the grace;
	// one that was refused without being sent does not.
	ReadGrace time.Duration
}

// cache is the near cache of a store. A nil cache keeps nothing.
type cache struct {
	near  *near.Cache
	lease *near.Lease

	// tracked is set by the first load in CacheBounded. From then on what is
	// read and written here goes over the one connection that the server tells
	// of changes on, in order.
	tracked atomic.Bool

	mu      sync.Mutex
	stop    context.CancelFunc // of the lease's goroutine; nil before it runs
	stopped bool
	done    sync.WaitGroup

	graced, lost, rolledBack atomic.Int64
}

func newCache(opt CacheOptions, keys keyspace, ping near.Ping) (*cache, error) {
	if opt.MaxBytes < 0 {
		return nil, nil
	}
	lease, err := near.NewLease(opt.Lease, ping)
	if err != nil {
		return nil, err
	}
	c, err := near.New(lease, near.Options{Bytes: opt.MaxBytes, ReadGrace: opt.ReadGrace, KeyOf: keys.sessionOf})
	if err != nil {
		return nil, err
	}
	return &cache{near: c, lease: lease}, nil
}

// sessionOf is the session key in a key of the server.
func (k keyspace) sessionOf(name string) (session.Key, bool) {
	shard, key, ok := strings.Cut(name, "}s:")
	return session.Key(key), ok && strings.HasPrefix(shard, "{"+string(k))
}

// track begins to keep the lease.
func (c *cache) track() {
	if c.tracked.Load() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stop != nil || c.stopped {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.done.Go(func() { _ = c.lease.Run(ctx) }) // it returns when ctx ends
	c.tracked.Store(true)
}

func (c *cache) close() {
	if c == nil {
		return
	}
	c.mu.Lock()
	c.stopped = true
	if c.stop != nil {
		c.stop()
	}
	c.mu.Unlock()
	c.done.Wait()
}

// invalidate takes what the server says of tracked keys.
func (c *cache) invalidate(names []string) {
	if c != nil {
		c.near.Invalidate(names)
	}
}

// forget is for own writes whose result the copy cannot show.
func (c *cache) forget(key session.Key) {
	if c != nil {
		c.near.Forget(key)
	}
}

// wrote makes the copy of a session what an own write has made of it.
func (c *cache) wrote(key session.Key, change *session.Change, d *done, sent time.Time) {
	if c == nil {
		return
	}
	old := c.near.Peek(key)
	if old == nil || d.Repeated || old.Version != d.previous {
		c.near.Forget(key)
		return
	}
	// A commit is a pure function, so the server's result is known here too.
	now := *change
	now.NotAfter = d.Now.Add(time.Second)
	next, result, err := session.Apply(old, now, d.Now)
	if err != nil || result.Version != d.Version || result.Generation != d.Generation || next.Gone != "" {
		c.near.Forget(key)
		return
	}
	next.Now = d.Now
	c.near.Wrote(key, d.previous, next, sent)
}

// call is how a command reaches the server.
type call func(context.Context, string, func(context.Context, rueidis.Client) error) error

// way is the connection for what the cache has to hear of.
func (s *Store) way() (call, near.Conn) {
	if s.cache != nil && s.cache.tracked.Load() {
		return s.link.Tracked, near.Tracked
	}
	return s.link.Call, near.Plain
}

// cached answers a load from a copy where that is allowed, and keeps one of
// what it had to read.
func (s *Store) cached(ctx context.Context, key session.Key, opt *session.LoadOptions) (*session.Record, error) {
	c := s.cache
	if c == nil || opt.Cache == session.CacheOff || opt.Fresh {
		return s.load(ctx, s.link.Call, key, opt)
	}
	if opt.Cache == session.CacheBounded {
		c.track()
		if rec := c.near.Lookup(key, *opt); rec != nil {
			return rec, nil
		}
	}
	rec, err := s.fill(ctx, key, opt)
	if err != nil && unreachable(err) {
		if stale := c.near.Stale(key, *opt); stale != nil {
			c.graced.Add(1)
			return stale, nil
		}
	}
	return rec, err
}

// fill confirms the copy, or reads the session and keeps it.
func (s *Store) fill(ctx context.Context, key session.Key, opt *session.LoadOptions) (*session.Record, error) {
	way, conn := s.way()
	fill := s.cache.near.Begin(key, conn)
	defer func() { fill.Abort() }() // of the last one
	if rec, touch := fill.Candidate(*opt); rec != nil && !touch {
		current, err := s.confirm(ctx, way, fill, key, rec)
		if current || err != nil {
			return rec, err
		}
		fill = s.cache.near.Begin(key, conn) // the first one has ended with its answer
	}
	rec, err := s.load(ctx, way, key, opt)
	switch {
	case err == nil:
		s.judge(fill.Done(rec))
	case errors.Is(err, errForeign):
	case errors.Is(err, session.ErrNotFound):
		s.judge(fill.Confirm(near.Answer{}))
	case errors.As(err, new(session.ErrGone)):
		s.cache.near.Forget(key)
	}
	return rec, err
}

// confirm asks whether rec is still the session, and its sign-in still valid.
func (s *Store) confirm(ctx context.Context, way call, fill *near.Fill, key session.Key, rec *session.Record) (bool, error) {
	name, ok := s.keys.appendSession(nil, key)
	if !ok {
		return false, session.ErrNotFound
	}
	guess := s.epochs.guess(key)
	field, read, err := s.read(ctx, way, string(name), guess, func(ctx context.Context, c rueidis.Client, more ...rueidis.Completed) []rueidis.RedisResult {
		version := c.B().Hget().Key(string(name)).Field("_v").Build()
		if len(more) == 0 {
			return []rueidis.RedisResult{c.Do(ctx, version)}
		}
		return c.DoMulti(ctx, append([]rueidis.Completed{version}, more...)...)
	})
	if err != nil {
		return false, err
	}
	var answer near.Answer
	value, err := field.ToString()
	switch {
	case rueidis.IsRedisNil(err):
	case err != nil:
		return false, err
	default:
		w := wordReader{}
		if answer.Version = w.version(value); w.bad {
			return false, ErrCorrupt
		}
	}
	verdict := fill.Confirm(answer)
	s.judge(verdict)
	if verdict != near.Current {
		return false, nil
	}
	if err := s.epochs.admit(ctx, key, rec, guess, read); err != nil {
		s.cache.near.Forget(key)
		return false, err
	}
	return true, nil
}

// judge reports what a server should have had.
func (s *Store) judge(v near.Verdict) {
	switch v {
	case near.Lost:
		s.hook(Event{Kind: Lost, Text: "a session that had life left is gone without having been ended", Count: s.cache.lost.Add(1)})
	case near.RolledBack:
		s.hook(Event{Kind: RolledBack, Text: "a session is older than it was", Count: s.cache.rolledBack.Add(1)})
	case near.Changed, near.Current:
	}
}

// unreachable tells whether err says nothing of the session.
func unreachable(err error) bool {
	return errors.As(err, new(session.ErrUnavailable)) || errors.As(err, new(*link.Error)) || errors.Is(err, context.DeadlineExceeded)
}
