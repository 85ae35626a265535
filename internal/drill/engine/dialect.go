package engine

import (
	"context"
	"net/http"
	"strings"
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

// Send sends a request of a call for its user, once more where a browser does
// that by itself, and waits for the answer.
type Send func(Request) Exchange

// Dialect puts calls into requests and answers into facts. It is used by many
// goroutines at once.
type Dialect interface {
	// Offers tells whether the service has this kind of call. Login must be.
	Offers(history.Kind) bool
	// Perform makes a call by the requests that it takes, at least one, one
	// after another, and fills op with its times and facts: from Call on, all
	// but Settle. It returns the exchange that decided what became of it, from
	// the first one's Due, Call and Sent on.
	Perform(send Send, c Call, op *history.Op) Exchange
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
	op.Status, op.Failure, op.Cache = x.Status, x.Failure, Cache(x.Header)
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

// Cache is what an answer says of a cache that it came from, "" if it came from
// none: an Age above zero, or an X-Cache with a hit.
func Cache(h http.Header) string {
	if age := h.Get("Age"); age != "" && age != "0" {
		return "Age: " + age
	}
	if v := h.Get("X-Cache"); strings.Contains(strings.ToLower(v), "hit") {
		return "X-Cache: " + v
	}
	return ""
}
