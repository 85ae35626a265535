package engine

import (
	"container/heap"
	"sync"
	"time"
)

// never is when nothing is due.
const never = time.Duration(1<<63 - 1)

// timeline orders users by when they want to be woken. It is safe for
// concurrent use.
type timeline struct {
	// earlier gets a value when the next moment has come nearer.
	earlier chan struct{}

	mu   sync.Mutex
	heap alarms
}

func newTimeline() *timeline { return &timeline{earlier: make(chan struct{}, 1)} }

// set moves the user's alarm; never takes it away.
func (t *timeline) set(v *virtual, at time.Duration) {
	t.mu.Lock()
	before := t.next()
	switch {
	case at == never && v.slot > 0:
		heap.Remove(&t.heap, v.slot-1)
	case at == never:
	case v.slot > 0:
		v.alarm = at
		heap.Fix(&t.heap, v.slot-1)
	default:
		v.alarm = at
		heap.Push(&t.heap, v)
	}
	nearer := t.next() < before
	t.mu.Unlock()
	if nearer {
		t.poke()
	}
}

// poke makes the driver look again.
func (t *timeline) poke() {
	select {
	case t.earlier <- struct{}{}:
	default: // it will look anyway
	}
}

// due takes out a user whose alarm is due, or tells when the next one is.
func (t *timeline) due(now time.Duration) (v *virtual, next time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if next = t.next(); next > now {
		return nil, next
	}
	return heap.Pop(&t.heap).(*virtual), next
}

func (t *timeline) next() time.Duration {
	if len(t.heap) == 0 {
		return never
	}
	return t.heap[0].alarm
}

// alarms is a heap of users; slot is the index plus one, zero outside.
type alarms []*virtual

func (a alarms) Len() int           { return len(a) }
func (a alarms) Less(i, j int) bool { return a[i].alarm < a[j].alarm }
func (a alarms) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].slot, a[j].slot = i+1, j+1
}

func (a *alarms) Push(x any) {
	v := x.(*virtual)
	*a = append(*a, v)
	v.slot = len(*a)
}

func (a *alarms) Pop() any {
	last := len(*a) - 1
	v := (*a)[last]
	(*a)[last] = nil
	*a = (*a)[:last]
	v.slot = 0
	return v
}
