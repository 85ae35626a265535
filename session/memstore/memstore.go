// Package memstore keeps sessions in the memory of one process.
//
//	store := memstore.New(memstore.Options{})
//	manager, err := session.New(store, session.Options{})
//
// # Guarantees
//
//   - The whole contract of [session.Store] and of the abilities
//     [session.Principals] and [session.Inspector], which package sessiontest
//     checks. The bound of a principal's sessions is exact.
//   - Nothing that a caller passes in, or gets from a Fresh load or Inspect,
//     shares memory with what is stored.
//   - No goroutine. Expired sessions are removed by the next call, whichever
//     it is, so that a clock that steps back brings none of them back.
//   - At most Options.MaxSessions records. A start beyond that is refused with
//     [ErrFull]; no live session is evicted for it.
//
// # Not guaranteed
//
//   - Sessions end with the process, and other processes do not see them: use
//     it for tests and for services of one instance that may log everybody out
//     when they restart.
//   - Memory is bounded in records, not in bytes: one session may hold as much
//     as [session.Limits] allow.
package memstore

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// DefaultMaxSessions is the bound where Options.MaxSessions is zero.
const DefaultMaxSessions = 100_000

// ErrFull is the error of a start beyond Options.MaxSessions. Nothing was
// written.
var ErrFull = errors.New("memory store is full")

// Options of a Store.
type Options struct {
	// MaxSessions bounds the records, tombstones of ended sessions included.
	// Zero is DefaultMaxSessions, negative is no bound.
	MaxSessions int
	// Now is the store's clock. Nil is time.Now.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.MaxSessions == 0 {
		o.MaxSessions = DefaultMaxSessions
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Store is a session.Store in memory. It is safe for concurrent use.
type Store struct {
	opt Options

	mu      sync.Mutex
	records map[session.Key]*entry
	queue   queue                             // the same entries
	owned   map[string]map[session.Key]*entry // those of a principal, by principal
	signIns int64
}

var _ session.Store = (*Store)(nil)

// New returns an empty store.
func New(opt Options) *Store {
	return &Store{opt: opt.withDefaults(), records: map[session.Key]*entry{}, owned: map[string]map[session.Key]*entry{}}
}

// Load implements session.Store.
func (s *Store) Load(ctx context.Context, key session.Key, opt session.LoadOptions) (*session.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.sweep()
	view, updated, err := session.Open(s.record(key), opt, now)
	if updated != nil {
		s.put(key, updated)
	}
	return view, err
}

// Commit implements session.Store. Besides the errors there it may fail with
// ErrFull.
func (s *Store) Commit(ctx context.Context, key session.Key, c session.Change) (session.Result, error) {
	if err := ctx.Err(); err != nil {
		return session.Result{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.sweep()
	old := s.record(key)
	next, result, err := session.Apply(old, c, now)
	if err != nil || result.Repeated {
		return result, err
	}
	if old == nil && s.opt.MaxSessions > 0 && len(s.records) >= s.opt.MaxSessions {
		return session.Result{}, fmt.Errorf("%w: it holds %d sessions, none of them expired", ErrFull, len(s.records))
	}
	if c.SignIn == nil {
		s.put(key, next)
		return result, nil
	}
	if err := s.makeRoom(key, c.SignIn, now); err != nil {
		return session.Result{}, err
	}
	s.put(key, next)
	s.signIns++
	e := s.records[key]
	e.device, e.signedIn = c.SignIn.Device, s.signIns
	return result, nil
}

// Len is the number of records, tombstones of ended sessions included.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	return len(s.records)
}

// record returns what is stored, nil if nothing is. It is never changed in
// place.
func (s *Store) record(key session.Key) *session.Record {
	if e := s.records[key]; e != nil {
		return e.record
	}
	return nil
}

func (s *Store) put(key session.Key, r *session.Record) {
	e := s.records[key]
	if e == nil {
		e = &entry{key: key, record: r, due: r.Expires()}
		s.records[key] = e
		heap.Push(&s.queue, e)
		s.own(e)
		return
	}
	if e.record.Principal != r.Principal {
		s.disown(e)
	}
	e.record = r
	s.own(e)
	if end := r.Expires(); end.Before(e.due) {
		e.due = end
		heap.Fix(&s.queue, e.index)
	}
}

// sweep removes what has expired and returns the time.
func (s *Store) sweep() time.Time {
	now := s.opt.Now()
	for len(s.queue) > 0 && !now.Before(s.queue[0].due) {
		e := s.queue[0]
		if end := e.record.Expires(); now.Before(end) {
			e.due = end
			heap.Fix(&s.queue, 0)
			continue
		}
		heap.Pop(&s.queue)
		delete(s.records, e.key)
		s.disown(e)
	}
	return now
}
