package history

import "time"

// ResumeWithin is how soon a stream goes on after it has broken, and how long
// it may be silent.
const ResumeWithin = 5 * time.Second

// Connection is what one connection of a stream brought. A stream is all
// connections of a user in one epoch, one after another.
type Connection struct {
	// LastEventID is what was asked to be continued; 0: nothing had come yet.
	LastEventID uint64
	// Broken is when the stream had broken that this connection was to
	// continue: the end of the connection before it, the last event before it
	// fell silent, or, while nothing has come yet, when it was first asked for.
	Broken time.Duration

	Events      int    // that had an ID
	First, Last uint64 // IDs, of Events > 0
	FirstAt     time.Duration
	LastAt      time.Duration
	Jump        *Jump // the first ID that did not follow the one before it; nil if all did
	End         StreamEnd
}

// Jump is an event whose ID is not that of the event before it plus one. An ID
// that is no number is 0.
type Jump struct {
	From, To uint64
	Good, At time.Duration // when the one before it came, and when it came itself
}

// StreamEnd is how a connection of a stream ended.
type StreamEnd uint8

// The ends.
const (
	Refused   StreamEnd = iota // no stream came: not connected, or another answer
	Announced                  // by the service, in order: the answer is complete
	Abrupt                     // reset, or cut within the answer
	Silent                     // nothing came for ResumeWithin; given up by the user
	Dropped                    // by the user, who resumes it, as one who changes networks
	Stopped                    // by the user, who signs out, or at the end of the run
)

var endNames = [...]string{
	Refused: "refused", Announced: "announced", Abrupt: "abrupt",
	Silent: "silent", Dropped: "dropped", Stopped: "stopped",
}

// String is the name of the end in one word.
func (e StreamEnd) String() string {
	if int(e) < len(endNames) {
		return endNames[e]
	}
	return "end"
}
