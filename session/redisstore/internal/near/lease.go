package near

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// Bounds of the length of a Lease, and how it is kept.
const (
	DefaultLease = time.Second
	MinLease     = 500 * time.Millisecond
	MaxLease     = time.Second

	roundsPerLease = 3
	idleLeases     = 10
)

// A Ping asks every master behind the tracked connections and returns when the
// first of them was asked. Its error is nil only if all of them have answered.
type Ping func(ctx context.Context) (sent time.Time, err error)

// A Lease is the proof that no change of a tracked key has been missed: it runs
// from the sending of the last Ping that was answered. It is safe for
// concurrent use.
type Lease struct {
	length time.Duration
	ping   Ping
	wake   chan struct{} // holds a token if the lease was wanted since the last round
	term   atomic.Pointer[term]
}

// A term is what is known of the tracked connections. It is immutable.
type term struct {
	epoch uint64  // counts the connections, from 1
	sent  instant // of the last answered ping in this epoch
	end   instant // from here on the lease is over; zero if no ping was answered
}

// NewLease returns a lease that is over. Zero is DefaultLease; a length outside
// of MinLease and MaxLease is an error. It starts nothing: see Run.
func NewLease(length time.Duration, ping Ping) (*Lease, error) {
	if length == 0 {
		length = DefaultLease
	}
	if length < MinLease || length > MaxLease {
		return nil, fmt.Errorf("near: a lease of %v: give one between %v and %v", length, MinLease, MaxLease)
	}
	l := &Lease{length: length, ping: ping, wake: make(chan struct{}, 1)}
	l.term.Store(&term{epoch: 1})
	return l, nil
}

// Run keeps the lease, three pings per length, from the first bounded lookup
// until there has been none for ten lengths; then it sends nothing until the
// next one. It returns nil when ctx ends. Only one Run may be active.
func (l *Lease) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.wake:
			l.keep(ctx)
		}
	}
}

// keep pings for as long as somebody wants the lease.
func (l *Lease) keep(ctx context.Context) {
	ticks := time.NewTicker(l.length / roundsPerLease)
	defer ticks.Stop()
	for wanted := time.Now(); time.Since(wanted) < idleLeases*l.length; {
		l.round(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		select {
		case <-l.wake:
			wanted = time.Now()
		default:
		}
	}
}

// round is one ping. An answer that takes longer than the lease is worth
// nothing.
func (l *Lease) round(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, l.length)
	defer cancel()
	now := l.term.Load()
	if sent, err := l.ping(ctx); err == nil {
		l.renew(now, at(sent))
	}
}

// renew begins the next term after now, unless now has been ended meanwhile.
func (l *Lease) renew(now *term, sent instant) {
	l.term.CompareAndSwap(now, &term{epoch: now.epoch, sent: sent, end: sent.add(l.length)})
}

// end ends the lease and its epoch, and returns the last term of it.
func (l *Lease) end() *term {
	for {
		last := l.term.Load()
		if l.term.CompareAndSwap(last, &term{epoch: last.epoch + 1}) {
			return last
		}
	}
}

// want makes Run ping. Mostly there is a token already, and nothing is written
// that other processors read.
func (l *Lease) want() {
	if len(l.wake) > 0 {
		return
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// live tells whether the lease still runs at now.
func (t *term) live(now instant) bool { return !now.reached(t.end) }
