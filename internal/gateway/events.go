package gateway

import (
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/target"
)

// Event is something that happened to a target.
type Event struct {
	ID     uint64       `json:"id"` // from 1, without gaps
	Time   time.Time    `json:"time"`
	Kind   EventKind    `json:"kind"`
	Group  string       `json:"group"`
	Target string       `json:"target"`
	State  target.State `json:"state"` // after it
	Reason string       `json:"reason,omitempty"`
	Drain  *DrainResult `json:"drain,omitempty"` // of EventDrained
}

// EventKind is what happened.
type EventKind string

// The kinds.
const (
	EventRegistered EventKind = "registered" // new, or with a new address or incarnation
	EventChanged    EventKind = "changed"    // weight
	EventState      EventKind = "state"      // another state
	EventDrained    EventKind = "drained"    // a drain has ended, see Drain
	EventRemoved    EventKind = "removed"    // no longer in the table
)

// hub hands events to subscribers. The zero value is ready.
type hub struct {
	mu   sync.Mutex
	last uint64
	subs map[*Subscription]struct{}
}

// Subscription is a bounded queue of events. Close it when done.
type Subscription struct {
	// C delivers events in order; it is closed by Close.
	C       <-chan Event
	c       chan Event
	hub     *hub
	dropped uint64 // under hub.mu
}

// Subscribe returns a queue of the events from now on. When its buffer (64 if
// not positive) is full, events are dropped for this subscriber and counted.
func (g *Gateway) Subscribe(buffer int) *Subscription {
	if buffer <= 0 {
		buffer = 64
	}
	s := &Subscription{c: make(chan Event, buffer), hub: &g.events}
	s.C = s.c
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if s.hub.subs == nil {
		s.hub.subs = map[*Subscription]struct{}{}
	}
	s.hub.subs[s] = struct{}{}
	return s
}

// Dropped returns how many events were lost because nobody read them in time.
func (s *Subscription) Dropped() uint64 {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	return s.dropped
}

// Close ends the subscription and closes C. It may be called again.
func (s *Subscription) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if _, ok := s.hub.subs[s]; ok {
		delete(s.hub.subs, s)
		close(s.c)
	}
}

// publish numbers ev and queues it. The sends stand under the lock because
// they never wait, and so that Close cannot come between.
func (h *hub) publish(ev Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	ev.ID, ev.Time = h.last, time.Now()
	for s := range h.subs {
		select {
		case s.c <- ev:
		default:
			s.dropped++
		}
	}
}
