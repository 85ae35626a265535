package check

import "strconv"

// ID names a guarantee.
type ID uint8

// The guarantees.
const (
	G1  ID = 1 + iota // session exists
	G2                // monotonic reads
	G3                // read your writes
	G4                // no lost update
	G5                // counter
	G6                // isolation
	G7                // expiry
	G8                // renewal
	G9                // logout is final
	G10               // requests
	G11               // streams
	G12               // at most once

	last = G12
)

var names = [last + 1]string{
	G1: "session exists", G2: "monotonic reads", G3: "read your writes",
	G4: "no lost update", G5: "counter", G6: "isolation", G7: "expiry",
	G8: "renewal", G9: "logout is final", G10: "requests", G11: "streams",
	G12: "at most once",
}

// IDs are all guarantees in order.
func IDs() []ID {
	ids := make([]ID, 0, last)
	for id := G1; id <= last; id++ {
		ids = append(ids, id)
	}
	return ids
}

// String is G1 to G12.
func (id ID) String() string { return "G" + strconv.Itoa(int(id)) }

// Name is the guarantee in two or three words.
func (id ID) Name() string {
	if id < G1 || id > last {
		return "unknown"
	}
	return names[id]
}

// ParseID reads G1 to G12; false for anything else.
func ParseID(s string) (ID, bool) {
	for _, id := range IDs() {
		if id.String() == s {
			return id, true
		}
	}
	return 0, false
}

// Grade says how bad a missing thing is.
type Grade string

// The grades, gravest first. Violations that are not about something missing
// have none.
const (
	Lost     Grade = "lost"     // gone at the settle read, or not seen again
	Rollback Grade = "rollback" // was seen, and gone for good
	Stale    Grade = "stale"    // missing, and came back or was not proven gone
	NoGrade  Grade = ""
)

// Status of one guarantee.
type Status string

// The statuses.
const (
	Pass         Status = "pass"
	Fail         Status = "fail"
	NotExercised Status = "not_exercised"
)
