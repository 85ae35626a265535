package sessiontest

import (
	"context"
	"errors"
	"sync"

	"github.com/evenkeel/evenkeel/session"
)

// ErrLost is the error of a call that a fault was injected into.
var ErrLost = errors.New("connection lost")

// Fault is what happens to a call on its way.
type Fault int

// The faults of a call.
const (
	LoseRequest Fault = iota + 1 // the store never sees it
	LoseReply                    // the store does it, the caller does not learn
)

// Faults is a store whose calls fail on demand. It is safe for concurrent
// use.
type Faults struct {
	store session.Store

	mu            sync.Mutex
	loads, commit []Fault
}

var _ session.Store = (*Faults)(nil)

// WithFaults returns the store with no faults yet.
func WithFaults(store session.Store) *Faults { return &Faults{store: store} }

// Loads makes the next loads fail, one for each fault.
func (f *Faults) Loads(faults ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.loads = append(f.loads, faults...)
}

// Commits makes the next commits fail, one for each fault.
func (f *Faults) Commits(faults ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commit = append(f.commit, faults...)
}

// Load implements session.Store.
func (f *Faults) Load(ctx context.Context, key session.Key, opt session.LoadOptions) (*session.Record, error) {
	fault := f.next(&f.loads)
	if fault == LoseRequest {
		return nil, ErrLost
	}
	rec, err := f.store.Load(ctx, key, opt)
	if fault == LoseReply {
		return nil, ErrLost
	}
	return rec, err
}

// Commit implements session.Store.
func (f *Faults) Commit(ctx context.Context, key session.Key, c session.Change) (session.Result, error) {
	fault := f.next(&f.commit)
	if fault == LoseRequest {
		return session.Result{}, ErrLost
	}
	result, err := f.store.Commit(ctx, key, c)
	if fault == LoseReply {
		return session.Result{}, ErrLost
	}
	return result, err
}

func (f *Faults) next(queue *[]Fault) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(*queue) == 0 {
		return 0
	}
	fault := (*queue)[0]
	*queue = (*queue)[1:]
	return fault
}
