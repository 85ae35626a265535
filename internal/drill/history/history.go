// Package history is what virtual users did and what they were answered: the
// facts that package check judges. Times are on the drill's monotonic clock,
// from the start of the run.
package history

import "time"

// Kind is what an operation does; the names are those of the probe's calls.
type Kind uint8

// The kinds of operation.
const (
	Login  Kind = iota // starts an epoch
	Append             // stores Token in attribute Key
	State              // reads who and all tokens
	Incr               // takes a ticket
	Rotate             // renews the session ID
	Logout             // ends the epoch
	Replay             // State with a cookie of an ended epoch: must be anonymous
	Slow               // takes a while
	Stream             // one connection of a stream of events
)

// Outcome of an operation.
type Outcome uint8

// The outcomes. An operation of Unknown outcome may have happened.
const (
	OK      Outcome = iota // answered as the contract says
	Failed                 // certainly had no effect: never connected, or answered 4xx
	Unknown                // anything else: reset, time-out, 5xx, an answer that cannot be read
)

// Op is one operation of one user, as seen by that user.
type Op struct {
	User  int
	Epoch int // counts the user's logins; for Replay the epoch of the cookie
	Kind  Kind
	Key   string // Append: attribute
	Token string // Append: never used twice

	Call, Return time.Duration
	Outcome      Outcome
	Status       int // 0 without an answer
	// Settle marks a State read that was made after the user's other
	// operations had ended and been quiet: what is missing now is lost.
	Settle bool
	// Expiry marks a State read that finds out whether the session has expired:
	// made after a pause in which nothing of the user was in flight but its
	// stream, or, by the absolute timeout, when a session has come of age.
	Expiry bool

	// Anonymous: answered 401 to a call that a session should have opened.
	Anonymous bool
	Seen      *Seen // of State, Replay, Incr, Login where answered 200
	Instance  string
	SetCookie string // session cookie value given by this answer, "" none
	// Sent is the session cookie value that was presented, "" none or not
	// recorded. Login and Replay should record it: whether a login changes
	// the ID, and which generation a replay tries, is seen by it alone.
	Sent string

	Connection *Connection // of a Stream

	Failure *Failure // of a request that failed, whatever Outcome
	Cache   string   // "Age: 3" or "X-Cache: HIT" of an answer that a cache gave; "" none says so
}

// Seen is what an answer showed.
type Seen struct {
	User   string
	Tokens []string
	N      int64
	// MarkerOnly: the page shows who and not what, so that missing tokens and
	// a missing counter mean nothing.
	MarkerOnly bool
}

// Failure is a request failure: refused, reset, timed out, or a 5xx.
type Failure struct {
	What       string // refused, reset, eof, timeout, status, malformed
	Idempotent bool   // GET or HEAD
	Reused     bool   // on a kept-alive connection
	Answered   bool   // at least one byte of a response came
	// Masked: a browser would have resent it by itself (idempotent, reused
	// connection, no response byte) and the one resend succeeded.
	Masked bool
}

// Event is something done to the service while it was used.
type Event struct {
	ID     int    // from 1
	Kind   string // scale-out, scale-in, rolling-restart, kill, …
	Target string // the instance it was done to, if one
	// Phases; negative where it did not come to that.
	Triggered, Terminating, Ready, Settled time.Duration
	// Killed lists the instances that were ended with SIGKILL, and when.
	Killed []Kill
	Err    string // why it could not be executed
}

// Kill is an instance's end by SIGKILL. At is before the signal was sent.
type Kill struct {
	Instance string
	At       time.Duration
}
