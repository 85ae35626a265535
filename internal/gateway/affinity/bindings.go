package affinity

import (
	"sync"
	"time"
)

// MaxBindings bounds what one Bindings remembers; the count is exact up to it.
const MaxBindings = 1 << 18

// OnceIdle is how long a binding counts, at most, that was made and never came
// back: whatever keeps no cookies makes a new one with each request, while a
// browser comes back for the page's parts at once.
const OnceIdle = time.Minute

// Bindings counts the sessions bound to one target: those that sent a request
// within the idle time-out. The zero value is empty and ready. It is safe for
// concurrent use.
type Bindings struct {
	mu   sync.Mutex
	seen map[Binding]sighting
}

// sighting has no pointers, so that the collector need not look into the map.
type sighting struct {
	at   int64 // Unix time in nanoseconds
	back bool  // seen more than once
}

// Touch notes a request of b at now. A new binding beyond MaxBindings is not
// counted.
func (s *Bindings) Touch(b Binding, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[Binding]sighting{}
	}
	_, back := s.seen[b]
	if !back && len(s.seen) >= MaxBindings {
		return
	}
	s.seen[b] = sighting{now.UnixNano(), back}
}

// Remove forgets b, which is bound elsewhere now.
func (s *Bindings) Remove(b Binding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.seen, b)
}

// Clear forgets all.
func (s *Bindings) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = nil
}

// Count returns how many bindings were seen within idle before now, and
// forgets the others.
func (s *Bindings) Count(now time.Time, idle time.Duration) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(now, idle, false)
	return len(s.seen)
}

// Any reports whether Count is not 0, without counting.
func (s *Bindings) Any(now time.Time, idle time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(now, idle, true)
	return len(s.seen) > 0
}

// forget drops idle bindings, all of them or until it meets another.
func (s *Bindings) forget(now time.Time, idle time.Duration, untilOne bool) {
	for b, seen := range s.seen {
		limit := idle
		if !seen.back {
			limit = min(idle, OnceIdle)
		}
		if now.UnixNano()-seen.at >= int64(limit) {
			delete(s.seen, b)
		} else if untilOne {
			return
		}
	}
}
