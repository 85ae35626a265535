package gateway

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/internal/target"
)

// DrainResult is what was left on a target when a drain was answered.
type DrainResult struct {
	Empty    bool `json:"empty"`     // nothing is left, and nothing will come
	InFlight int  `json:"in_flight"` // requests
	Streams  int  `json:"streams"`   // upgraded connections and event streams
	// BoundSessions are those that still hold the target (under finish); with
	// Cut, those that had not ended when the deregistration delay did.
	BoundSessions int `json:"bound_sessions"`
	Cut           int `json:"cut"`            // requests and streams ended by force
	Told          int `json:"told,omitempty"` // streams that were asked to leave
}

// drain is one way out of a target. done is closed once result and err are
// final and what follows from them, as leaving the table, has happened.
type drain struct {
	done   chan struct{}
	result DrainResult
	err    error
	ended  bool // result and err are final; all under the entry's mu until done is closed
	remove bool // the target leaves the table when it ends
	silent bool // of a target that was replaced under its ID: nobody asked
	asking bool // streams are asked to leave, those that begin later as well
	told   atomic.Int32

	since time.Time // the deregistration delay counts from here
	hold  time.Time // until then sessions may be bound that nobody knows of
}

// end breaks the drain off; the entry's mu is held.
func (d *drain) end(err error) {
	if !d.ended {
		d.ended, d.err = true, err
		close(d.done)
	}
}

// Drain lets a target finish: unbound requests stop at once, bound ones follow
// the group's OnDraining, streams are asked to leave as the group's
// StreamsLeave says, and at the deregistration delay the rest is cut. It
// returns when nothing is left, or, with Empty false, when ctx is over; the
// drain then goes on. Draining a drained target returns its result again.
func (g *Gateway) Drain(ctx context.Context, groupName, id string) (DrainResult, error) {
	return g.leave(ctx, groupName, id, false)
}

// DeregisterAndWait is Deregister that returns as Drain does.
func (g *Gateway) DeregisterAndWait(ctx context.Context, groupName, id string) (DrainResult, error) {
	return g.leave(ctx, groupName, id, true)
}

// Deregister drains a target and then removes it. It returns at once.
func (g *Gateway) Deregister(groupName, id string) error {
	grp, err := g.group(groupName)
	if err != nil {
		return err
	}
	_, _, err = g.startDrain(grp, id, true)
	return err
}

func (g *Gateway) leave(ctx context.Context, groupName, id string, remove bool) (DrainResult, error) {
	grp, err := g.group(groupName)
	if err != nil {
		return DrainResult{}, err
	}
	e, d, err := g.startDrain(grp, id, remove)
	if err != nil {
		return DrainResult{}, err
	}
	return g.awaitDrain(ctx, grp, e, d)
}

// awaitDrain returns the result, or what is left when ctx is over.
func (g *Gateway) awaitDrain(ctx context.Context, grp *group, e *entry, d *drain) (DrainResult, error) {
	select {
	case <-d.done:
		return d.result, d.err
	case <-ctx.Done():
	}
	select {
	case <-d.done: // both: the fact wins
		return d.result, d.err
	default:
		return g.remaining(grp, e, d), nil
	}
}

// remaining is the result of a drain that has not ended.
func (g *Gateway) remaining(grp *group, e *entry, d *drain) DrainResult {
	s := e.status(grp.Affinity.IdleTimeout)
	return DrainResult{InFlight: s.InFlight, Streams: s.Streams, BoundSessions: s.BoundSessions, Told: int(d.told.Load())}
}

func (g *Gateway) startDrain(grp *group, id string, remove bool) (*entry, *drain, error) {
	grp.mu.Lock()
	e := grp.entries[id]
	if e == nil {
		grp.mu.Unlock()
		return nil, nil, fmt.Errorf("%w %q in group %q", ErrUnknownTarget, id, grp.Name)
	}
	e.mu.Lock()
	begin := e.drain == nil
	if begin {
		e.drain = &drain{done: make(chan struct{}), since: time.Now()}
		e.state, e.since = target.Draining, time.Now()
	}
	d := e.drain
	d.remove = d.remove || remove
	idle := begin && len(e.live) == 0 && !grp.holds(e)
	if idle {
		e.finish(DrainResult{Empty: true})
	}
	over := d.ended
	e.mu.Unlock()
	if begin {
		grp.rebuild(false)
	}
	grp.mu.Unlock()

	if begin {
		e.pool.CloseIdle()
		g.publish(Event{Kind: EventState, Group: grp.Name, Target: id, State: target.Draining, Reason: "drain"})
	}
	switch {
	case idle:
		g.drained(grp, e, d)
	case begin:
		g.runDrainLater(grp, e, d)
	case over && remove:
		g.remove(grp, e, d)
	}
	return e, d, nil
}

// holds reports whether sessions bound to e keep it from being empty.
func (g *group) holds(e *entry) bool {
	g = g.now()
	return g.OnDraining == target.Finish && g.Affinity.Mode != AffinityNone &&
		(e.bindings.Any(time.Now(), g.Affinity.IdleTimeout) || e.drain != nil && time.Now().Before(e.drain.hold))
}

// finish closes the target for good and makes the drain's result final; e.mu
// is held, so that no request comes between the last look and the closing. The
// caller then calls drained.
func (e *entry) finish(r DrainResult) {
	e.shut = true
	e.bindings.Clear()
	r.Told = int(e.drain.told.Load())
	e.drain.result, e.drain.ended = r, true
}

// tryFinish ends the drain if nothing is left. It reports whether the drain is
// over, for that or any other reason.
func (e *entry) tryFinish(grp *group, d *drain, r DrainResult) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.drain != d || d.ended {
		return true
	}
	if len(e.live) > 0 || !e.shut && grp.holds(e) {
		return false
	}
	e.finish(r)
	return true
}

// cutWait bounds how long cancelled exchanges may take to leave: a client that
// reads nothing can hold its handler, though the target's connection is closed.
const cutWait = time.Second

// runDrainLater runs the drain in a goroutine of its own.
func (g *Gateway) runDrainLater(grp *group, e *entry, d *drain) {
	if !g.tasks.run(func() { g.runDrain(grp, e, d) }) {
		e.endDrain(d, ErrStopped)
	}
}

func (e *entry) endDrain(d *drain, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	d.end(err)
}

// runDrain waits until the target is empty or the deregistration delay is
// over. Streams are asked to leave as soon as no bound session may keep them.
func (g *Gateway) runDrain(grp *group, e *entry, d *drain) {
	end := d.since.Add(grp.now().DeregistrationDelay)
	delay := time.NewTimer(time.Until(end))
	defer delay.Stop()
	var bye *farewell
	defer func() { bye.stop() }()
	var idle <-chan time.Time // bound sessions end by time alone
	if grp.now().OnDraining == target.Finish {
		t := time.NewTicker(min(max(grp.Affinity.IdleTimeout/20, 10*time.Millisecond), time.Second))
		defer t.Stop()
		idle = t.C
	}
	for !e.tryFinish(grp, d, DrainResult{Empty: true}) {
		if bye == nil {
			bye = e.dismiss(grp, d, end)
		}
		select {
		case <-bye.turn():
			for _, l := range bye.next() {
				if grp.ask(l) {
					d.told.Add(1)
				}
			}
		case <-e.left:
		case <-idle:
		case <-d.done: // registered again
		case <-delay.C:
			g.cut(grp, e, d)
		case <-g.stopping:
			e.abandon()
			e.endDrain(d, ErrStopped)
		}
	}
	if d.err == nil {
		g.drained(grp, e, d)
	}
}

// cut ends what is left on a draining target by force.
func (g *Gateway) cut(grp *group, e *entry, d *drain) {
	r := DrainResult{Empty: true}
	e.mu.Lock()
	if e.drain != d || d.ended {
		e.mu.Unlock()
		return
	}
	if grp.holds(e) {
		r.BoundSessions = e.bindings.Count(time.Now(), grp.Affinity.IdleTimeout)
	}
	e.shut = true
	e.mu.Unlock()
	r.Cut = e.abandon()
	grp.counters.cut.Add(uint64(r.Cut))
	wait := time.NewTimer(cutWait)
	defer wait.Stop()
	for !e.tryFinish(grp, d, r) {
		select {
		case <-e.left:
		case <-d.done:
		case <-wait.C:
			e.mu.Lock()
			clear(e.live)
			e.streams = 0
			e.mu.Unlock()
		}
	}
}

// drained does what follows from a finished drain, and answers who waits.
func (g *Gateway) drained(grp *group, e *entry, d *drain) {
	defer close(d.done)
	e.pool.CloseIdle()
	result := d.result
	if d.silent {
		e.pool.Close()
		return
	}
	g.publish(Event{Kind: EventDrained, Group: grp.Name, Target: e.ID, State: target.Draining, Drain: &result})
	e.mu.Lock()
	remove := d.remove
	e.mu.Unlock()
	if remove {
		g.remove(grp, e, d)
	}
}

// remove takes a drained target out of the table, unless it was registered
// again.
func (g *Gateway) remove(grp *group, e *entry, d *drain) {
	grp.mu.Lock()
	e.mu.Lock()
	current := grp.entries[e.ID] == e && e.drain == d
	e.mu.Unlock()
	if !current {
		grp.mu.Unlock()
		return
	}
	delete(grp.entries, e.ID)
	grp.rebuild(true)
	grp.mu.Unlock()
	e.forget()
	e.pool.Close()
	g.publish(Event{Kind: EventRemoved, Group: grp.Name, Target: e.ID, State: target.Unused})
}

// retire lets a target that was replaced under its ID end what it has.
func (g *Gateway) retire(grp *group, e *entry) {
	e.mu.Lock()
	e.shut = true
	if e.drain != nil {
		e.drain.end(ErrReturned)
	}
	d := &drain{done: make(chan struct{}), silent: true, since: time.Now()}
	e.drain, e.state = d, target.Draining
	e.mu.Unlock()
	e.forget()
	e.pool.CloseIdle()
	g.runDrainLater(grp, e, d)
}
