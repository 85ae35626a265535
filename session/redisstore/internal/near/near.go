package near

import (
	"fmt"
	"hash/maphash"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// Defaults and bounds of Options.
const (
	DefaultBytes   = 64 << 20
	MinBytes       = 1 << 20
	MaxReadGrace   = time.Minute
	DefaultRecheck = 30 * time.Second

	shardCount = 16 // so that hits on several processors do not wait for one another
)

// Options of a Cache. The zero value works.
type Options struct {
	// Bytes bounds the memory of all copies, estimated; 0 is DefaultBytes, and
	// at least MinBytes are needed. A record of more than a 64th of it is not
	// kept.
	Bytes int64
	// ReadGrace is how long after a copy was last known to be right it may be
	// served while the server does not answer. 0 is never; at most
	// MaxReadGrace.
	ReadGrace time.Duration
	// Recheck is how long a copy is served without asking, whatever the lease
	// says. It bounds what a server that forgets to tell can do, see the
	// package's documentation. 0 is DefaultRecheck.
	Recheck time.Duration
	// KeyOf finds the session key in a key of the server; false means that it
	// holds no session. Nil takes the server's key as it is.
	KeyOf func(serverKey string) (session.Key, bool)
}

func (o Options) withDefaults() Options {
	if o.Bytes == 0 {
		o.Bytes = DefaultBytes
	}
	if o.Recheck == 0 {
		o.Recheck = DefaultRecheck
	}
	if o.KeyOf == nil {
		o.KeyOf = func(k string) (session.Key, bool) { return session.Key(k), true }
	}
	return o
}

func (o Options) check() error {
	switch {
	case o.Bytes < MinBytes:
		return fmt.Errorf("near: Options.Bytes is %d: give at least %d, or none and no cache", o.Bytes, MinBytes)
	case o.ReadGrace < 0 || o.ReadGrace > MaxReadGrace:
		return fmt.Errorf("near: Options.ReadGrace is %v: give between 0 and %v", o.ReadGrace, MaxReadGrace)
	case o.Recheck < 0:
		return fmt.Errorf("near: Options.Recheck is %v: give a positive time", o.Recheck)
	}
	return nil
}

// A Cache holds copies of sessions. It is safe for concurrent use, and none of
// its methods waits for anything but other calls of them.
type Cache struct {
	opt    Options
	lease  *Lease
	seed   maphash.Seed
	shards [shardCount]shard
}

// New returns an empty cache whose bounded answers hang on the lease, which must
// not be another cache's.
func New(lease *Lease, opt Options) (*Cache, error) {
	opt = opt.withDefaults()
	if err := opt.check(); err != nil {
		return nil, err
	}
	c := &Cache{opt: opt, lease: lease, seed: maphash.MakeSeed()}
	for i := range c.shards {
		s := &c.shards[i]
		s.entries, s.flights = map[session.Key]*entry{}, map[session.Key]*flight{}
		s.limit = opt.Bytes / shardCount
	}
	return c, nil
}

func (c *Cache) shard(key session.Key) *shard {
	return &c.shards[maphash.String(c.seed, string(key))%shardCount]
}

// Wrote takes an own write that the server has applied, before its caller is
// answered: prev is the version that it changed and next the record that it
// made, nil if that is a tombstone or not known. next.Now is the server's clock
// at the write, and sent the time just before it was sent.
//
// A copy of exactly prev becomes one of next; any other goes. The cache keeps a
// copy of *next and shares what that refers to: nobody may change it any more.
func (c *Cache) Wrote(key session.Key, prev session.Version, next *session.Record, sent time.Time) {
	var e *entry
	if next != nil {
		e = newEntry(key, next, at(sent))
	}
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.entries[key]
	if e == nil || old == nil || old.rec.Version != prev {
		s.forget(key)
		return
	}
	s.poison(key)
	e.epoch, e.used = old.epoch, old.used
	s.put(e, e.asked)
}

// Forget takes an own write that failed or whose outcome is unknown, before its
// caller is answered.
func (c *Cache) Forget(key session.Key) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(key)
}

// Invalidate takes the keys of which the server says that they have changed; nil
// is Flush. Whoever reads from the connection calls it before anything that
// comes later is handed out.
func (c *Cache) Invalidate(serverKeys []string) {
	if serverKeys == nil {
		c.Flush()
		return
	}
	for _, k := range serverKeys {
		if key, ok := c.opt.KeyOf(k); ok {
			c.Forget(key)
		}
	}
}

// Flush takes the loss of a tracked connection, and is called before anything
// is sent over the one that replaces it. The lease ends, all fills that are
// under way are poisoned, and no copy is served any more without asking the
// server. Copies stay for that, and for Stale: what a server has lost can only
// be found by those who remember it.
func (c *Cache) Flush() {
	last := c.lease.end()
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.lose(last)
		s.mu.Unlock()
	}
}
