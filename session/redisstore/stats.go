package redisstore

import (
	"context"

	"github.com/evenkeel/evenkeel/session/redisstore/internal/link"
)

// Stats is a snapshot of what a Store has met since it was made; each figure is
// exact, the whole is not of one instant.
type Stats struct {
	Calls          int64 // of servers
	CallsRefused   int64 // at once, because a server had not answered lately
	CallsFailed    int64 // without an answer of use, but for the refused
	CallsInFlight  int64 // now
	BreakersOpened int64 // times that a server was given up for a while
	BreakersOpen   int64 // servers that are given up now
	Dials          int64 // connections, also those that were not made
	Evicted        int64 // keys that servers threw away to make room
	EpochsLost     int64 // principals' epochs that a server had lost, and that were made again
	Lost           int64 // sessions that a server had lost, as far as copies showed it
	RolledBack     int64 // sessions that a server had in an older state than it had had
	Degraded       int64 // changes that fewer replicas acknowledged in time than were asked for
	CacheHits      int64 // loads answered from a copy, after asking whether it is current or without
	CacheMisses    int64 // loads for which there was no copy, or none that could answer
	CacheEvicted   int64 // copies that made room for others
	CacheEntries   int64 // copies now
	CacheBytes     int64 // of these, estimated
	Graced         int64 // loads answered from a copy while the server did not answer
}

// Stats may be called at any time.
func (s *Store) Stats() Stats {
	l := s.link.Stats()
	st := Stats{
		Calls: int64(l.Calls), CallsRefused: int64(l.Refused), CallsInFlight: int64(l.InFlight),
		BreakersOpened: int64(l.Opened), BreakersOpen: int64(len(l.Open)), Dials: int64(l.Dials), Evicted: l.Evicted,
		EpochsLost: s.epochs.lost.Load(), Degraded: int64(s.durable.Stats().Degraded),
	}
	for _, n := range l.Failures {
		st.CallsFailed += int64(n)
	}
	if c := s.cache; c != nil {
		n := c.near.Stats()
		st.Lost, st.RolledBack, st.Graced = c.lost.Load(), c.rolledBack.Load(), c.graced.Load()
		st.CacheHits = int64(n.Bounded.Hits + n.Validated.Hits)
		for _, m := range n.Validated.Misses { // a bounded load that is not answered asks next
			st.CacheMisses += int64(m)
		}
		st.CacheEvicted, st.CacheEntries, st.CacheBytes = int64(n.Evictions), int64(n.Entries), n.Bytes
	}
	return st
}

// Server is what a server says of itself.
type Server = link.Server

// Servers asks every master how it is set up.
func (s *Store) Servers(ctx context.Context) ([]Server, error) { return s.link.Servers(ctx) }
