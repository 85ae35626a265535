package near

import (
	"sync"

	"github.com/evenkeel/evenkeel/session"
)

// largest is the part of a shard's bytes that one entry may have: 1/largest.
const largest = 4

// A shard holds the entries of a part of the keys.
type shard struct {
	mu      sync.Mutex
	entries map[session.Key]*entry
	ring    []*entry // the same entries, for the clock
	hand    int      // where in ring the clock's hand is
	flights map[session.Key]*flight
	bytes   int64 // of the entries
	limit   int64
	counts  counts
}

// A flight is what the fills of one key that are under way have in common.
type flight struct {
	fills    int
	poisoned bool
}

// join adds a fill to the key's flight.
func (s *shard) join(key session.Key) *flight {
	f := s.flights[key]
	if f == nil {
		f = &flight{}
		s.flights[key] = f
	}
	f.fills++
	return f
}

// leave takes a fill out of its flight.
func (s *shard) leave(key session.Key, f *flight) {
	f.fills--
	if f.fills == 0 && !f.poisoned {
		delete(s.flights, key)
	}
}

// poison spoils the fills of key that are under way. Later ones are another
// flight.
func (s *shard) poison(key session.Key) {
	if f := s.flights[key]; f != nil {
		f.poisoned = true
		delete(s.flights, key)
	}
}

// forget poisons and drops.
func (s *shard) forget(key session.Key) {
	s.poison(key)
	if e := s.entries[key]; e != nil {
		s.drop(e)
	}
}

// lose takes the end of an epoch: nothing is tracked any more, and what was, is
// known to have been right when the last answered ping was sent.
func (s *shard) lose(last *term) {
	for key := range s.flights {
		s.poison(key)
	}
	for _, e := range s.ring {
		if e.epoch == last.epoch && last.end != (instant{}) {
			e.asked = later(e.asked, last.sent)
		}
		e.epoch = 0
	}
}

// put keeps e in place of what there is for its key, if anything.
func (s *shard) put(e *entry, now instant) {
	if old := s.entries[e.key]; old != nil {
		s.drop(old)
	}
	if e.cost > s.limit/largest {
		s.counts.tooLarge++
		return
	}
	s.evict(e.cost, now)
	e.slot = len(s.ring)
	s.ring = append(s.ring, e)
	s.entries[e.key] = e
	s.bytes += e.cost
}

// evict makes room: the hand goes round and takes what was not used since it
// was there last, or has expired.
func (s *shard) evict(room int64, now instant) {
	for s.bytes+room > s.limit {
		if s.hand >= len(s.ring) {
			s.hand = 0
		}
		e := s.ring[s.hand]
		s.hand++ // also past the newest entry, which takes the place of a dropped one
		if e.used && !now.reached(e.until) {
			e.used = false
			continue
		}
		s.drop(e)
		s.counts.evictions++
	}
}

func (s *shard) drop(e *entry) {
	last := len(s.ring) - 1
	moved := s.ring[last]
	s.ring[e.slot], moved.slot = moved, e.slot
	s.ring[last] = nil
	s.ring = s.ring[:last]
	delete(s.entries, e.key)
	s.bytes -= e.cost
}
