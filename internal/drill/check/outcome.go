package check

import (
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// Outcome is what a run showed.
type Outcome struct {
	Guarantees []Guarantee // all of them, in order
	Events     []Event     // in order of their IDs
	Requests   Requests
	// Violations are in order of their time, those in drill-limited windows
	// included. Of a guarantee with very many, the rest is only counted.
	Violations []Violation
	// Limited is the share of the run in drill-limited windows, 0 to 1.
	Limited float64
	// Inconclusive are the reasons, in plain words, why the run proves
	// nothing; the run loop may add its own.
	Inconclusive []string
	Duration     time.Duration // until the last return of an operation or phase of an event
}

// Guarantee returns the row of one guarantee; not exercised if there is none.
func (o Outcome) Guarantee(id ID) Guarantee {
	for _, g := range o.Guarantees {
		if g.ID == id {
			return g
		}
	}
	return Guarantee{ID: id, Status: NotExercised, BoundSession: 1, BoundEvent: 1}
}

// Guarantee is what is known about one guarantee. The package documentation
// says what its exposures are.
type Guarantee struct {
	ID      ID
	Status  Status
	Exposed int
	Bad     int
	// Grades of the bad ones; violations without a grade are in none.
	Lost, Rollback, Stale int
	// Unattributed violations were in a drill-limited window; they are not bad.
	Unattributed int
	// BoundSession is the 95 % upper bound of the share of bad exposures,
	// BoundEvent of bad events among the executed ones; 1 where none were.
	BoundSession, BoundEvent float64
}

// Event is a scale event and what it did to the users.
type Event struct {
	history.Event
	Crossings int // sessions that lived through it or were lost in it
	Bad       map[ID]int
}

// Requests counts what happened on the wire.
type Requests struct {
	Sent        int
	RawFailures int // refused, reset, timed out, malformed, 5xx
	Masked      int // of these, a browser's own resend would have hidden it
	Seen        int // the others: the user saw it; SeenAtKills among them
	SeenAtKills int // POSTs in flight to an instance when it was killed
	Late, Shed  int // filled by the run loop: sent after their due time, not sent
}

// Violation is one broken promise, with evidence.
type Violation struct {
	Guarantee ID
	Grade     Grade
	User      string
	// LastGood and At bracket the moment it broke: (LastGood, At].
	LastGood, At time.Duration
	Event        int    // the event whose window the bracket meets; 0 none
	Instance     string // that held or answered; "" unknown
	Detail       string // one sentence
	Failure      string // G10: what failed, as history.Failure.What
	Unattributed bool   // in a drill-limited window: reported, not a fail
	// Witness are the operations of the user that show it, at most 12, by
	// call time. Nil where very many violations were found.
	Witness []Step
	Minimal bool // of the Witness no operation can be left out
}

// Step is one operation in a witness. It holds no cookie.
type Step struct {
	Call, Return time.Duration
	Kind         history.Kind
	Outcome      history.Outcome
	Status       int
	Instance     string
	Token        string // Append
	Tokens       int    // tokens shown; -1 where none were asked for
	N            int64  // the counter shown
	Settle       bool
	Anonymous    bool
	Note         string // what is wrong here, on the step that shows it
	// Redo is what it takes to do the step again; nil where it is not known.
	// The checker leaves it to whoever has kept the operations.
	Redo *Redo
}

// Redo is an operation on the wire. It holds no cookie, and secrets are $NAMES.
type Redo struct {
	Requests []Request // one after another
	Epoch    int       // of the cookie that was presented
	// Presents and Gives number the session IDs of the witness, from 1, in
	// order of their appearance; 0: none, or not recorded.
	Presents, Gives int
	Cache           string // as history.Op
}

// Request is one request of a Redo.
type Request struct {
	Method, Path string
	Headers      []string // "Name: value"
	Body         string

	Follow bool   // redirects
	Picks  []Pick // from the answer, for requests after it
	// Plain: what the $NAMES stand for has to be escaped for where they are.
	Plain bool
}

// Pick is a value of an answer that is a $NAME from then on.
type Pick struct {
	Name string // without the $
	// In is where it is: "head", "body" (with HTML's entities where the answer
	// is HTML or XML), "html" or "json".
	In string
	// Pattern is a regular expression whose first group is the value, or the
	// path to it in JSON: user.items[0].id
	Pattern string
}

// Progress is what is known while a run goes on.
type Progress struct {
	Exposed [last + 1]int // by ID; of G1 those of closed sessions only
	Bad     [last + 1]int // filed; drill-limited windows not yet taken off
	Suspect [last + 1]int // provisional: until a settle read or the session's end
	// Requests so far; SeenAtKills is known at the end only.
	Requests Requests
}
