package durable

import "sync/atomic"

// Stats are counts since New, of commits but for the last.
type Stats struct {
	Acknowledged uint64 // by as many replicas as were asked for
	Degraded     uint64 // by fewer, or by an unknown number
	Unknown      uint64 // of the degraded, by an unknown number
	Rounds       uint64 // asked of servers
}

type counts struct{ acknowledged, degraded, unknown, rounds atomic.Uint64 }

// Stats returns a snapshot.
func (g *Group) Stats() Stats {
	c := &g.counts
	return Stats{
		Acknowledged: c.acknowledged.Load(), Degraded: c.degraded.Load(),
		Unknown: c.unknown.Load(), Rounds: c.rounds.Load(),
	}
}
