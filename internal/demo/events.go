package demo

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/evenkeel/evenkeel/internal/drill/history"
	"github.com/evenkeel/evenkeel/internal/drill/screen"
	"github.com/evenkeel/evenkeel/internal/ui"
)

// eventLog turns events into lines for people.
type eventLog struct {
	mu     sync.Mutex
	events []history.Event
	said   []string // each beginning and each end
}

func (e *eventLog) add(ev history.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	at := ev.Triggered
	if ev.Settled >= 0 {
		at = ev.Settled
	}
	e.said = append(e.said, screen.Minutes(at)+"  "+told(ev))
	if i := slices.IndexFunc(e.events, func(x history.Event) bool { return x.ID == ev.ID }); i >= 0 {
		e.events[i] = ev
		return
	}
	e.events = append(e.events, ev)
}

// lines are the events, one each; log is what was said of them, in order.
func (e *eventLog) lines() (lines, log []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ev := range e.events {
		lines = append(lines, "  "+screen.Minutes(ev.Triggered)+"  "+told(ev))
	}
	return lines, slices.Clone(e.said)
}

// kills counts the replicas that were killed so far; one whose event is under
// way is counted from its beginning.
func (e *eventLog) kills() (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ev := range e.events {
		n += len(ev.Killed)
		if ev.Kind == killOne && ev.Settled < 0 {
			n++
		}
	}
	return n
}

// told is an event in plain words.
func told(ev history.Event) string {
	over := ev.Settled >= 0
	switch {
	case ev.Err != "":
		return fmt.Sprintf("%s could not be done: %s", ev.Kind, oneLine(errors.New(ev.Err)))
	case ev.Kind == scaleOut && over && ev.Target == "":
		return "no further replica fits"
	case ev.Kind == scaleOut && over:
		return ev.Target + " was added"
	case ev.Kind == scaleOut:
		return "a replica is being added"
	case ev.Kind == scaleIn && over && ev.Target == "":
		return "no replica could be spared"
	case ev.Kind == scaleIn && over:
		return fmt.Sprintf("%s was taken away (%.1f s)", ev.Target, (ev.Settled - ev.Triggered).Seconds())
	case ev.Kind == scaleIn:
		return "a replica is being taken away"
	case ev.Kind == killOne && over:
		return ev.Target + " was killed without warning; another took its place"
	case ev.Kind == killOne:
		return "a replica is killed without warning"
	case over:
		return fmt.Sprintf("all replicas were restarted (%.1f s)", (ev.Settled - ev.Triggered).Seconds())
	default:
		return "all replicas are being restarted"
	}
}

// states are the events as the page shows them.
func (e *eventLog) states() []ui.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []ui.Event
	for _, ev := range e.events {
		out = append(out, ui.Event{
			ID: ev.ID, At: ui.Seconds(ev.Triggered), Kind: ev.Kind, Target: ev.Target, Text: told(ev), Over: ev.Settled >= 0,
		})
	}
	return out
}
