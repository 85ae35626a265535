package drill

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// Action is something to do to the service.
type Action struct {
	Kind string // scale-out, scale-in, rolling-restart, kill, …
	// Do does it and returns when the service has settled. It tells the
	// scene what happens as it happens. An error means that the event could
	// not be executed, not that users suffered from it.
	Do func(ctx context.Context, s *Scene) error
}

// Scene writes down the phases of one event. It is safe for concurrent use.
type Scene struct {
	clock engine.Clock
	mu    sync.Mutex
	event history.Event
}

// NewScene is the scene of the event id, which is triggered now.
func NewScene(clock engine.Clock, id int, kind string) *Scene {
	return &Scene{clock: clock, event: history.Event{
		ID: id, Kind: kind, Triggered: clock.Now(), Terminating: -1, Ready: -1, Settled: -1,
	}}
}

// Target names the instance that the event is about.
func (s *Scene) Target(instance string) {
	s.write(func(e *history.Event, _ time.Duration) { e.Target = instance })
}

// Now is the time on the run's clock, as phases and answers have it.
func (s *Scene) Now() time.Duration { return s.clock.Now() }

// Terminating marks the moment at which the first instance begins to leave.
func (s *Scene) Terminating() { s.TerminatingAt(s.clock.Now()) }

// TerminatingAt is Terminating for a moment that has passed, as where it shows
// only afterwards; one before the event is the event's.
func (s *Scene) TerminatingAt(at time.Duration) {
	s.write(func(e *history.Event, _ time.Duration) {
		if e.Terminating < 0 {
			e.Terminating = max(at, e.Triggered)
		}
	})
}

// Ready marks the moment at which an instance is ready; the last one counts.
func (s *Scene) Ready() { s.ReadyAt(s.clock.Now()) }

// ReadyAt is Ready for a moment that has passed.
func (s *Scene) ReadyAt(at time.Duration) {
	s.write(func(e *history.Event, _ time.Duration) { e.Ready = max(e.Ready, at, e.Triggered) })
}

// Phases tells whether an instance has been seen leaving and becoming ready.
func (s *Scene) Phases() (terminating, ready bool) {
	e := s.Event()
	return e.Terminating >= 0, e.Ready >= 0
}

// Killed must be called before an instance is sent SIGKILL.
func (s *Scene) Killed(instance string) {
	s.write(func(e *history.Event, now time.Duration) {
		e.Killed = append(e.Killed, history.Kill{Instance: instance, At: now})
	})
}

func (s *Scene) write(f func(*history.Event, time.Duration)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.event, s.clock.Now())
}

// Event is a copy of the event so far.
func (s *Scene) Event() history.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.event
	e.Killed = append([]history.Kill(nil), e.Killed...)
	return e
}

// happen runs one event from its trigger to its end.
func (r *Run) happen(ctx context.Context, id int, a Action) {
	s := NewScene(r.load.Clock(), id, a.Kind)
	r.announce(s.Event())
	err := a.Do(ctx, s)
	if ctx.Err() != nil && err != nil { // broken off with the run: neither settled nor failed
		r.announce(s.Event())
		return
	}
	s.write(func(e *history.Event, now time.Duration) {
		e.Settled = now
		if err != nil {
			e.Err = err.Error()
		}
	})
	r.announce(s.Event())
}

func (r *Run) announce(e history.Event) {
	r.check.Event(e)
	if r.opt.Announce != nil {
		r.opt.Announce(e)
	}
}

// schedule makes the events happen, from the moment the load has begun until
// too little of it is left: those that are due and those that are asked for, in
// turn. An event that is under way is finished, unless ctx ends.
func (r *Run) schedule(ctx context.Context, begun <-chan struct{}) {
	select {
	case <-begun:
	case <-ctx.Done():
		return
	}
	clock := r.load.Clock()
	start := clock.Now()
	end := start + r.opt.Load.Duration - LastEvent
	due := end + 1
	if r.opt.Actions != nil {
		due = start + r.opt.Control
	}
	jitter := rand.New(rand.NewPCG(r.opt.Load.Seed, 3))
	for id, n := 1, 0; ; id++ {
		a, asked, ok := r.await(ctx, clock, min(due+r.offBeat(jitter), end))
		switch {
		case !ok || ctx.Err() != nil || asked && clock.Now() >= end || !asked && due > end:
			return
		case !asked:
			a = r.opt.Actions(n)
			n++
			due = max(due, clock.Now()-r.opt.Every) + r.opt.Every
		}
		r.happen(ctx, id, a)
	}
}

// offBeat is a little time by which an event comes late, so that events do not
// always meet the same users' schedules, which are as regular as they are.
func (r *Run) offBeat(jitter *rand.Rand) time.Duration {
	if r.opt.Every < 10 {
		return 0
	}
	return time.Duration(jitter.Int64N(int64(r.opt.Every / 10)))
}

// await returns when the next event is due (asked false) or somebody asks for
// one; ok is false when ctx has ended.
func (r *Run) await(ctx context.Context, clock engine.Clock, due time.Duration) (a Action, asked, ok bool) {
	t := time.NewTimer(due - clock.Now())
	defer t.Stop()
	select {
	case a = <-r.opt.Asked:
		return a, true, true
	case <-t.C:
		return Action{}, false, true
	case <-ctx.Done():
		return Action{}, false, false
	}
}
