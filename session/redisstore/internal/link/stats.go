package link

import (
	"slices"
	"sync/atomic"
)

// Stats are counts since New, but for the last two.
type Stats struct {
	Calls    uint64            // Call, Tracked, and one for each node of Ping, Each and Dedicated
	Refused  uint64            // of these, at once, because a breaker was open
	Failures map[string]uint64 // of these, by Failure; without the refused
	Opened   uint64            // breakers that opened
	Dials    uint64            // connections, also those that were not made, to Sentinels and replicas too
	Evicted  int64             // keys that servers evicted
	InFlight int               // calls now
	Open     []string          // nodes whose breaker is open now, sorted
}

// counts are those of Stats.
type counts struct {
	calls, refused, opened, dials atomic.Uint64
	evicted                       atomic.Int64
	failures                      [len(failureNames)]atomic.Uint64
}

func (c *counts) fail(f Failure) { c.failures[f].Add(1) }

// Stats returns a snapshot.
func (l *Link) Stats() Stats {
	c := &l.counts
	s := Stats{
		Calls: c.calls.Load(), Refused: c.refused.Load(), Opened: c.opened.Load(),
		Dials: c.dials.Load(), Evicted: c.evicted.Load(), Failures: map[string]uint64{},
	}
	for f, name := range failureNames {
		if n := c.failures[f].Load(); n > 0 {
			s.Failures[name] = n
		}
	}
	for _, n := range l.nodes() {
		s.InFlight += len(n.lines[0].places) + len(n.lines[1].places)
		if n.retryAfter() > 0 {
			s.Open = append(s.Open, n.name())
		}
	}
	slices.Sort(s.Open)
	return s
}
