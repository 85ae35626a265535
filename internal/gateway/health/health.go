// Package health decides from checks and failures whether a target is
// healthy.
//
//	rec := health.Record{Options: health.Options{Path: "/readyz"}}
//	state = rec.Checked(state, time.Now(), health.Check(ctx, addr, rec.Options) == nil)
//	state = rec.ConnectFailed(state, time.Now())
//	time.Sleep(rec.Delay(state, time.Now()))
//
// Guarantees: [Record] is a pure state machine: the state is the caller's and
// stands in one place. Draining and unused targets are never changed. Only a
// failed connect ejects, never what a client can cause.
//
// Not guaranteed: a Record is not safe for concurrent use.
package health

import (
	"math/rand/v2"
	"time"

	"github.com/evenkeel/evenkeel/internal/target"
)

// Options of the checks of a group; the zero value tests every 5 s whether the
// target accepts a connection.
type Options struct {
	Path      string        // of a GET that answers 200-399 within Timeout; empty only connects
	Host      string        // Host of that GET; empty is the target's address
	Interval  time.Duration // between checks, 5 s, varied by a tenth; negative: no active checks
	Timeout   time.Duration // of one check, 2 s
	Healthy   int           // successes in a row until an unhealthy target is healthy, 2
	Unhealthy int           // failures in a row until a healthy target is unhealthy, 2
}

// WithDefaults returns the options with the defaults filled in.
func (o Options) WithDefaults() Options {
	if o.Interval == 0 {
		o.Interval = 5 * time.Second
	}
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Second
	}
	if o.Healthy == 0 {
		o.Healthy = 2
	}
	if o.Unhealthy == 0 {
		o.Unhealthy = 2
	}
	return o
}

// Active reports whether there are checks.
func (o Options) Active() bool { return o.Interval > 0 }

// First is the state of a new target: without checks nothing would ever make
// it healthy.
func (o Options) First() target.State {
	if o.Active() {
		return target.Initial
	}
	return target.Healthy
}

// Bounds of an ejection, and how often an initial target is checked at least:
// a new one should not wait a whole interval because it was asked a moment too
// early.
const (
	ejectFirst   = 2 * time.Second
	ejectMost    = time.Minute
	initialEvery = 200 * time.Millisecond
)

// Record is what the checks and failures of one target have shown.
type Record struct {
	Options // with defaults

	streak  int       // successes (>0) or failures (<0) in a row
	since   time.Time // of the first check since the target is initial
	ejected time.Time // not to be asked before
	failed  time.Time // the end of the last ejection, or a failed check after it
	backoff time.Duration
	confirm bool // the next success ends an ejection
}

// Checked returns the state after a check of a target in state s.
func (r *Record) Checked(s target.State, now time.Time, ok bool) target.State {
	if !s.Checked() || r.Ejected(now) {
		return s
	}
	if ok != (r.streak > 0) {
		r.streak = 0
	}
	if ok {
		r.streak++
	} else {
		r.streak--
		r.failed = now
	}
	switch s {
	case target.Initial:
		return r.initial(now, ok)
	case target.Healthy:
		if -r.streak >= r.Unhealthy {
			return target.Unhealthy
		}
	case target.Unhealthy:
		confirmed := ok && (r.confirm || r.streak >= r.Healthy)
		r.confirm = false
		if confirmed {
			return target.Healthy
		}
	case target.Draining, target.Unused:
	}
	return s
}

// initial: the first success is enough; failures count only after the time
// that a healthy target would need to become unhealthy, because a process that
// starts refuses connections for a while.
func (r *Record) initial(now time.Time, ok bool) target.State {
	if ok {
		return target.Healthy
	}
	if r.since.IsZero() {
		r.since = now
	}
	if now.Sub(r.since) >= time.Duration(r.Unhealthy)*r.Interval {
		return target.Unhealthy
	}
	return target.Initial
}

// ConnectFailed returns the state after a request could not connect to a
// target in state s: a healthy one is ejected for 2 s, then twice as long each
// time it happens again within a minute without a failure, a minute at most.
func (r *Record) ConnectFailed(s target.State, now time.Time) target.State {
	if s != target.Healthy {
		return s
	}
	if now.Sub(r.failed) > ejectMost {
		r.backoff = 0
	}
	r.backoff = min(max(2*r.backoff, ejectFirst), ejectMost)
	r.ejected = now.Add(r.backoff)
	r.failed = r.ejected
	r.streak, r.confirm = 0, true
	return target.Unhealthy
}

// Ejected reports whether the target failed to connect and is not to be asked
// again yet.
func (r *Record) Ejected(now time.Time) bool { return now.Before(r.ejected) }

// Delay returns the time until the next check.
func (r *Record) Delay(s target.State, now time.Time) time.Duration {
	switch {
	case r.Ejected(now):
		return r.ejected.Sub(now)
	case s == target.Initial:
		return min(r.Interval, initialEvery)
	case !r.Active():
		return time.Hour // nothing to do until an ejection
	}
	return r.Interval*9/10 + rand.N(r.Interval/5+1)
}
