package ecs

import (
	"time"

	"github.com/evenkeel/evenkeel/internal/platform/host"
)

const (
	expires = 10 * time.Minute // of protection that nobody renews
	renew   = 5 * time.Minute  // leaves as much for an agent that is away

	// settle is how long there must be work before it protects: a call of the
	// agent takes as long as a short request.
	settle = 5 * time.Second
	// idle is how long there must be none before protection is released.
	idle = 10 * time.Second
	// requestsMost bounds protection by requests alone. The load does not tell
	// how old a request is; where there has been one at each look for so long,
	// it is rather traffic than a request.
	requestsMost = 15 * time.Minute
)

// protection decides when to protect and when to release.
type protection struct {
	workSince     time.Time // since when there has been work; zero: there is none
	requestsSince time.Time // since when there have been requests at each look
	idleSince     time.Time

	held    bool // ECS has said so
	mayHold bool // or it may be so
	renewed time.Time
}

// due tells whether to call the agent, and for what.
func (p *protection) due(now time.Time, l host.Load) (protect, due bool) {
	since(&p.requestsSince, l.Requests > 0, now)
	counts := l.Requests > 0 && now.Sub(p.requestsSince) < requestsMost
	work := l.Streams > 0 || counts
	since(&p.workSince, work, now)
	since(&p.idleSince, !work, now)
	switch {
	case l.State.Leaving():
		return false, p.mayHold // the decision has been taken
	case work && !p.held:
		return true, now.Sub(p.workSince) >= settle
	case !work && p.mayHold && now.Sub(p.idleSince) >= idle:
		return false, true
	}
	return true, work && p.held && now.Sub(p.renewed) >= renew
}

func since(t *time.Time, is bool, now time.Time) {
	switch {
	case !is:
		*t = time.Time{}
	case t.IsZero():
		*t = now
	}
}

// tried is before a call, whose outcome may stay unknown.
func (p *protection) tried(protect bool) {
	if protect {
		p.mayHold = true
	} else {
		p.held = false
	}
}

// done is after a call that succeeded.
func (p *protection) done(now time.Time, protect bool) {
	p.held, p.mayHold, p.renewed = protect, protect, now
}
