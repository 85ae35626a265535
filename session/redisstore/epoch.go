package redisstore

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/index"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/link"
)

// epochs keeps sessions out that were signed in before their principal's
// epoch was raised. The epoch is on another node than the session, perhaps, so
// that no script can compare the two.
type epochs struct {
	link    *link.Link
	keys    keyspace
	restore func(ctx context.Context, principal string, seen int64) (index.Epoch, error) // index.Index's
	lost    atomic.Int64

	mu     sync.Mutex
	owners map[session.Key]owner
}

// maxOwners bounds the sessions whose principal is remembered, so that its
// epoch can be read along with the session. Of others it is read afterwards.
const maxOwners = 1 << 13

// owner is whose session it is. The zero value is nobody's.
type owner struct {
	principal string
	key       string // of the epoch
}

// guess is whose session it was when it was last read here.
func (e *epochs) guess(key session.Key) owner {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.owners[key]
}

func (e *epochs) remember(key session.Key, o owner) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.owners == nil {
		e.owners = map[session.Key]owner{}
	}
	for victim := range e.owners { // any one, where maps begin is random
		if len(e.owners) < maxOwners {
			break
		}
		delete(e.owners, victim)
	}
	e.owners[key] = o
}

// forget is for sessions that are nobody's any more.
func (e *epochs) forget(key session.Key) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.owners, key)
}

// admit returns ErrGone if the record was signed in before the epoch of its
// principal. read is the epoch of the owner that was guessed.
//
// An epoch that a server has lost must not end every session of the principal,
// so a missing one is made again. That opens nothing that was revoked: a
// revocation is not acknowledged before all that it ends are tombstones.
func (e *epochs) admit(ctx context.Context, key session.Key, rec *session.Record, guessed owner, read epoch) error {
	if rec.Epoch == 0 {
		if guessed.key != "" {
			e.forget(key)
		}
		return nil
	}
	o := guessed
	if o.key == "" || o.principal != rec.Principal {
		o.principal = rec.Principal
		_, o.key = index.Keys(string(e.keys), rec.Principal)
		read = e.ask(ctx, o.key)
		e.remember(key, o)
	}
	if read.err == nil && !read.found {
		read.Epoch, read.err = e.restore(ctx, rec.Principal, rec.Epoch)
	}
	if read.err != nil {
		return read.err
	}
	if !read.Admits(key, rec.Epoch) {
		return session.ErrGone{Reason: session.ReasonRevoked}
	}
	return nil
}

// epoch is what was read of an epoch.
type epoch struct {
	index.Epoch
	found bool
	err   error
}

// parseEpoch reads the reply to a GET.
func parseEpoch(res rueidis.RedisResult) epoch {
	value, err := res.ToString()
	switch {
	case rueidis.IsRedisNil(err):
		return epoch{}
	case err != nil:
		return epoch{err: err}
	}
	parsed, err := index.ParseEpoch(value)
	return epoch{parsed, true, err}
}

func (e *epochs) ask(ctx context.Context, key string) (read epoch) {
	err := e.link.Call(ctx, key, func(ctx context.Context, c rueidis.Client) error {
		read = parseEpoch(c.Do(ctx, c.B().Get().Key(key).Build()))
		return read.err
	})
	read.err = err
	return read
}
