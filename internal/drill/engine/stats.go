package engine

import (
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// Phase of a run.
type Phase string

// The phases, in order.
const (
	Waiting  Phase = "waiting"  // not begun
	Control  Phase = "control"  // from the beginning, for Options.Control
	Running  Phase = "running"  // until the end of Options.Duration or of the context
	Settling Phase = "settling" // users come to rest
	Ended    Phase = "ended"
)

// Stats is a snapshot of a run. Requests are operations: one resent as a
// browser does is counted once.
type Stats struct {
	Phase    Phase
	Elapsed  time.Duration // since the load began
	Sent     int64         // answered or failed or in flight
	OK       int64         // answered as the contract says
	Failed   int64         // refused, reset, ended, timed out, malformed, 5xx; masked ones included
	Masked   int64         // of these, resent as a browser does, and answered
	Late     int64         // sent more than 50 ms after they were due, by the drill's fault
	Shed     int64         // not sent: all lanes of the user were taken
	Stale    int64         // idle connections that the service had closed, noticed before use
	InFlight int64
	Streams  int64 // held open or being opened; no requests
	Sessions int64 // users who are signed in, as far as they know

	// Of all operations but the slow ones and those that were not answered;
	// FromDue includes what the drill and a full lane delayed.
	FromDue, FromSend Latency
}

// lateBound is when a send or a tick of the canary counts as late.
const lateBound = 50 * time.Millisecond

type counters struct {
	sent, ok, failed, masked, late, shed, inFlight, sessions, streams atomic.Int64
	fromDue, fromSend                                                 histogram
}

func (c *counters) began(x time.Duration, due time.Duration) {
	c.sent.Add(1)
	c.inFlight.Add(1)
	if x-due > lateBound {
		c.late.Add(1)
	}
}

func (c *counters) ended(op *history.Op, x *Exchange) {
	c.inFlight.Add(-1)
	if op.Outcome == history.OK {
		c.ok.Add(1)
	}
	if op.Failure != nil {
		c.failed.Add(1)
		if op.Failure.Masked {
			c.masked.Add(1)
		}
	}
	if op.Kind != history.Slow && x.Status != 0 {
		c.fromDue.record(x.Return - x.Due)
		c.fromSend.record(x.Return - x.Sent)
	}
}
