package model

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Amount is one part of what leaving needs, and who says so.
type Amount struct {
	D      time.Duration
	Stated bool       // by the policy or an annotation; else assumed
	Node   *tree.Node // the annotation
}

// Needs is how long a service's instances need to leave.
type Needs struct {
	Withdraw Amount // not stated: the longest window of its routers
	Requests Amount // not stated: 30 s
	Streams  Amount // not stated: none
	Flush    Amount // not stated: none
	LameDuck bool   // the program itself serves on after SIGTERM for Withdraw
}

// assumedRequests is the longest request where nobody says one: the rule
// catalogue's.
const assumedRequests = 30 * time.Second

// Drain is what an instance needs after it was withdrawn: the longer of
// requests and streams, and the flush.
func (n Needs) Drain() time.Duration { return max(n.Requests.D, n.Streams.D) + n.Flush.D }

// String is "requests 30 s (assumed) + flush 5 s".
func (n Needs) String() string {
	text := n.busy()
	if n.Flush.D > 0 {
		text += " + flush " + value.Seconds(n.Flush.D)
	}
	return text
}

func (n Needs) busy() string {
	if n.Streams.D <= n.Requests.D {
		return "requests " + n.Requests.String()
	}
	if n.Requests.D == 0 {
		return "streams " + n.Streams.String()
	}
	return fmt.Sprintf("streams %s (requests %s finish beside them)", n.Streams, n.Requests)
}

// String is the length, with "(assumed)" if nobody stated it.
func (a Amount) String() string {
	if !a.Stated {
		return value.Seconds(a.D) + " (assumed)"
	}
	return value.Seconds(a.D)
}
