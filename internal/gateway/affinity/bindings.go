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
	back bool  // the client has shown that it keeps it
}

// lasts reports whether the binding still counts.
func (s sighting) lasts(now time.Time, idle time.Duration) bool {
	if !s.back {
		idle = min(idle, OnceIdle)
	}
	return now.UnixNano()-s.at < int64(idle)
}

// Touch notes a request of b at now; sent is whether the client sent b, rather
// than being given it now. A new binding beyond MaxBindings is not counted.
func (s *Bindings) Touch(b Binding, now time.Time, sent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[Binding]sighting{}
	}
	_, known := s.seen[b]
	if !known && len(s.seen) >= MaxBindings {
		return
	}
	s.seen[b] = sighting{now.UnixNano(), sent || known}
}

// Has reports whether b was seen within idle before now.
func (s *Bindings) Has(b Binding, now time.Time, idle time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen, ok := s.seen[b]
	return ok && seen.lasts(now, idle)
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
		if !seen.lasts(now, idle) {
			delete(s.seen, b)
		} else if untilOne {
			return
		}
	}
}
