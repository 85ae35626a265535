package check

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// Window is a time in which the drill was late: its timers, its CPU or its
// lanes. What fails inside proves nothing about the service.
type Window struct{ From, To time.Duration }

// timeline is what happened around the operations.
type timeline struct {
	mu      sync.Mutex
	events  atomic.Pointer[[]history.Event] // by ID; replaced, never changed
	windows []Window
}

func (t *timeline) event(e history.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	events := slices.Clone(t.snapshot())
	i, found := slices.BinarySearchFunc(events, e.ID, func(o history.Event, id int) int { return cmp.Compare(o.ID, id) })
	if found {
		events[i] = e
	} else {
		events = slices.Insert(events, i, e)
	}
	t.events.Store(&events)
}

func (t *timeline) snapshot() []history.Event {
	if events := t.events.Load(); events != nil {
		return *events
	}
	return nil
}

func (t *timeline) window(w Window) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.windows = append(t.windows, w)
}

// merged are the windows in order, without overlaps.
func (t *timeline) merged() []Window {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := slices.Clone(t.windows)
	slices.SortFunc(all, func(a, b Window) int { return cmp.Compare(a.From, b.From) })
	var merged []Window
	for _, w := range all {
		if n := len(merged); n > 0 && w.From <= merged[n-1].To {
			merged[n-1].To = max(merged[n-1].To, w.To)
			continue
		}
		merged = append(merged, w)
	}
	return merged
}

// over is when an event's effects may have ended: settled, or the last phase
// it came to if it failed, or never.
func over(e *history.Event) time.Duration {
	switch {
	case e.Settled >= 0:
		return e.Settled
	case e.Err != "":
		return max(e.Triggered, e.Terminating, e.Ready)
	}
	return never
}

// blame is the event whose window [triggered, settled + tail] the bracket
// (lastGood, at] meets: the latest triggered one of several. 0: none.
func blame(events []history.Event, lastGood, at, tail time.Duration) int {
	id, triggered := 0, time.Duration(-1)
	for i := range events {
		e := &events[i]
		end := over(e)
		if end != never {
			end += tail
		}
		if e.Triggered >= 0 && e.Triggered <= at && lastGood < end && e.Triggered >= triggered {
			id, triggered = e.ID, e.Triggered
		}
	}
	return id
}
