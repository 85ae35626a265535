package link

// Event is something that an operator wants to know.
type Event struct {
	Kind  Kind
	Node  string // address, "" if none in particular
	Text  string // for a person
	Count int64  // of what the kind counts, 0 if nothing
}

// Kind is a kind of Event. Packages that use a Link have kinds of their own.
type Kind string

// The kinds that a Link reports.
const (
	ServerWarning Kind = "server-warning" // a setting of the server that loses sessions
	Evicted       Kind = "evicted"        // the server threw keys away to make room; Count is how many since the last
	BreakerOpen   Kind = "breaker-open"   // the node does not answer, calls fail at once
	BreakerClosed Kind = "breaker-closed" // it answers again
)
