package gateway

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway/affinity"
	"github.com/evenkeel/evenkeel/internal/gateway/balance"
	"github.com/evenkeel/evenkeel/internal/gateway/health"
	"github.com/evenkeel/evenkeel/internal/target"
	"github.com/evenkeel/evenkeel/internal/upstream"
)

// pool is what an entry needs of *upstream.Pool.
type pool interface {
	upstream.Doer
	CloseIdle()
	Close()
}

// entry is one registered target: its state and what is in flight towards it,
// under one mutex, so that a request is never counted after the moment in
// which nothing was left.
type entry struct {
	target.Target // Weight and Source under mu; the rest never changes
	hash          balance.Hash
	arrival       arrival // for the group's slow start
	pool          pool
	tokens        atomic.Pointer[[]affinity.Token]
	bindings      affinity.Bindings
	wake          chan struct{} // capacity 1: look at the state again, the checker
	left          chan struct{} // capacity 1: an exchange ended while draining
	watched       atomic.Bool
	gone          context.Context
	forget        context.CancelFunc // ends gone: no longer in the table

	mu      sync.Mutex
	state   target.State
	since   time.Time
	health  health.Record
	shut    bool // nothing is accepted any more: drained, removed or replaced
	live    map[*exchange]struct{}
	streams int // of live, whether or not they can be asked to leave
	drain   *drain
}

// errCut is why the rest is cancelled at the deregistration delay.
var errCut = errors.New("deregistration delay is over")

// claim is on what ground a request asks for a target.
type claim uint8

const (
	unbound    claim = iota
	bound            // by its cookie
	lastResort       // no target is healthy
)

// acquire counts x in, unless the target does not take such a request now.
func (e *entry) acquire(x *exchange, c claim, p target.OnDraining) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.shut || !e.takes(c, p) {
		return false
	}
	e.live[x] = struct{}{}
	return true
}

func (e *entry) takes(c claim, p target.OnDraining) bool {
	switch c {
	case unbound:
		return e.state.AcceptsUnbound()
	case bound:
		return e.state.AcceptsBound(p) && !e.dead()
	case lastResort:
		return e.state.AcceptsLastResort()
	}
	return false
}

// dead reports whether connecting failed so lately that trying again would
// only cost time. e.mu is held.
func (e *entry) dead() bool { return e.state == target.Unhealthy && e.health.Ejected(time.Now()) }

// refusal reports the state of a target that did not accept a bound request,
// and whether it is dead rather than leaving in good order.
func (e *entry) refusal() (s target.State, dead bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state, e.dead()
}

// unreachable reports whether the target is dead.
func (e *entry) unreachable() bool {
	_, dead := e.refusal()
	return dead
}

// release counts x out.
func (e *entry) release(x *exchange) {
	e.mu.Lock()
	if _, ok := e.live[x]; ok && x.stream {
		e.streams--
	}
	delete(e.live, x)
	draining := e.state == target.Draining || e.shut
	e.mu.Unlock()
	if draining {
		e.pool.CloseIdle()
		signal(e.left)
	}
}

// markStream counts x as a stream from now on. It returns the drain that is
// asking streams to leave, if there is one.
func (e *entry) markStream(x *exchange, l leaver) *drain {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.live[x]; !ok || x.stream {
		return nil
	}
	x.stream, x.leaver = true, l
	e.streams++
	if e.drain != nil && e.drain.asking {
		return e.drain
	}
	return nil
}

// abandon cancels everything in flight and returns how much that is.
func (e *entry) abandon() int {
	e.mu.Lock()
	cancels := make([]context.CancelCauseFunc, 0, len(e.live))
	for x := range e.live {
		cancels = append(cancels, x.cancel)
	}
	e.mu.Unlock()
	for _, cancel := range cancels {
		cancel(errCut)
	}
	return len(cancels)
}

// load is the number of requests and streams in flight.
func (e *entry) load() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.live)
}

// delay is the time until the next health check.
func (e *entry) delay() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.health.Delay(e.state, time.Now())
}

// status is a consistent snapshot.
func (e *entry) status(idle time.Duration) TargetStatus {
	n := e.bindings.Count(time.Now(), idle)
	e.mu.Lock()
	defer e.mu.Unlock()
	return TargetStatus{
		ID: e.ID, Address: e.Address, State: e.state, Weight: max(e.Weight, 1), Source: e.Source, Incarnation: e.Incarnation,
		InFlight: len(e.live) - e.streams, Streams: e.streams, BoundSessions: n, Since: e.since,
	}
}

// signal wakes the one that waits on c, now or at its next look.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
