package link

import "time"

// failureLimit is how many failures in a row open a breaker. One is chance; and
// of a server that has stopped, five cost the waiting callers nothing more.
const failureLimit = 5

// outcome is what a call says about the server.
type outcome uint8

const (
	answered outcome = iota // it answered, whatever
	failed                  // it did not, or said that it cannot serve
	refused                 // it cannot serve until somebody changes a setting
	unsaid                  // nothing: the caller gave up
)

type breakerState uint8

const (
	closed  breakerState = iota // calls go through
	open                        // calls fail at once
	probing                     // one call is on its way, the others fail at once
)

// change is what a result did to a breaker.
type change uint8

const (
	unchanged change = iota
	opened           // it was closed
	reopened         // the probe failed
	reclosed
)

// breaker keeps calls from a server that does not answer. It is a plain state
// machine without a clock of its own; its zero value is closed. A result counts
// only in the state that its call was admitted in, so that the last ones of
// those that went before neither open nor close it.
type breaker struct {
	state breakerState
	fails int       // in a row
	epoch uint64    // grows with every change of state
	until time.Time // of the pause, while open
	cause error     // of the last failure, unless closed
}

// ticket admits one call, which must give it back to done.
type ticket struct {
	epoch uint64
	probe bool // nobody else is admitted before this one is done
}

// admit lets a call pass, or says that it must not.
func (b *breaker) admit(now time.Time) (ticket, bool) {
	switch {
	case b.state == closed:
		return ticket{b.epoch, false}, true
	case b.state == open && !now.Before(b.until):
		b.state = probing
		b.epoch++
		return ticket{b.epoch, true}, true
	default:
		return ticket{}, false
	}
}

// refuses tells whether admit would.
func (b *breaker) refuses(now time.Time) bool {
	return b.state == probing || b.state == open && now.Before(b.until)
}

// retryAfter is when to try again, 0 while closed.
func (b *breaker) retryAfter(now time.Time, pause time.Duration) time.Duration {
	switch b.state {
	case closed:
		return 0
	case open:
		return max(b.until.Sub(now), 0)
	default:
		return pause
	}
}

// done takes the result of an admitted call. A breaker that opens stays open
// for the pause.
func (b *breaker) done(t ticket, o outcome, cause error, now time.Time, pause time.Duration) change {
	if t.epoch != b.epoch {
		return unchanged
	}
	switch {
	case o == unsaid && t.probe:
		b.open(nil, now) // the next call may be the probe
		return unchanged
	case o == unsaid:
		return unchanged
	case o == answered && t.probe:
		*b = breaker{epoch: b.epoch + 1}
		return reclosed
	case o == answered:
		b.fails = 0
		return unchanged
	case t.probe:
		b.open(cause, now.Add(pause))
		return reopened
	}
	if b.fails++; b.fails < failureLimit && o != refused {
		return unchanged
	}
	b.open(cause, now.Add(pause))
	return opened
}

func (b *breaker) open(cause error, until time.Time) {
	if cause != nil {
		b.cause = cause
	}
	b.state, b.until = open, until
	b.epoch++
}
