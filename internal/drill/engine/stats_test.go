package engine

import (
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// What the drill delayed is in the latency from the due time and not in that
// from the send; it counts as late beyond the bound only.
func TestLatencies(t *testing.T) {
	const ms = time.Millisecond
	var c counters
	answered := func(kind history.Kind, due, call, sent, ret time.Duration, status int) {
		c.began(call, due)
		c.ended(&history.Op{Kind: kind, Outcome: history.OK}, &Exchange{Due: due, Call: call, Sent: sent, Return: ret, Status: status})
	}
	answered(history.State, 100*ms, 100*ms, 101*ms, 111*ms, 200)
	answered(history.Append, 100*ms, 150*ms, 150*ms, 160*ms, 200)
	answered(history.Append, 100*ms, 151*ms, 190*ms, 200*ms, 401)
	answered(history.Slow, 0, 0, 0, 9999*ms, 200) // takes as long as it was told to
	answered(history.State, 0, 0, -1, 9999*ms, 0) // no answer
	if got := c.late.Load(); got != 1 {
		t.Errorf("%d late, want the one that began 51 ms after it was due", got)
	}
	if got := c.fromSend.latency(); got.P50 != 10*ms || got.Max != 10*ms {
		t.Errorf("from the send %+v, want 10 ms each", got)
	}
	if got := c.fromDue.latency(); got.Max != 100*ms || got.P50 < 60*ms || got.P50 > 62*ms || c.fromDue.n.Load() != 3 {
		t.Errorf("from the due time %+v, want 11, 60 and 100 ms", got)
	}
	if c.sent.Load() != 5 || c.ok.Load() != 5 || c.inFlight.Load() != 0 {
		t.Errorf("%d sent, %d ok, %d in flight", c.sent.Load(), c.ok.Load(), c.inFlight.Load())
	}
}
