package engine

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// Call is one operation of a user, before it has a form on the wire.
type Call struct {
	Kind  history.Kind
	User  string        // Login
	Key   string        // Append
	Token string        // Append
	Time  time.Duration // Slow
	// Cookie is the value of the session cookie to present instead of the
	// user's own: always for a Replay, sometimes for a Login.
	Cookie string
}

// Dialect puts calls into requests and answers into facts. It is used by many
// goroutines at once.
type Dialect interface {
	// Offers tells whether the service has this kind of call. Login must be.
	Offers(history.Kind) bool
	// Request is the call on the wire.
	Request(Call) Request
	// Read fills op with the times and facts of the exchange: from Call on,
	// all but Settle.
	Read(op *history.Op, x *Exchange)
}

// Scouter is what a Dialect may have besides: Scout is called once before the
// load, finds out what the dialect must know about the service, and returns the
// dialect to use. An error means that the service cannot be tested.
type Scouter interface {
	Scout(ctx context.Context, c *Client) (Dialect, error)
}

// facts fills what every dialect fills alike. It reports whether a whole answer
// below 500 was received, in the end.
func facts(op *history.Op, x *Exchange) bool {
	op.Call, op.Return = x.Call, x.Return
	op.Status, op.Failure = x.Status, x.Failure
	switch {
	case x.Failure != nil && !x.Failure.Masked:
		op.Outcome = history.Unknown
		if x.Sent < 0 {
			op.Outcome = history.Failed
		}
		return false
	case x.Status >= 400:
		op.Outcome = history.Failed
	case x.Status != 200:
		op.Outcome = history.Unknown
	default:
		op.Outcome = history.OK
	}
	return true
}
