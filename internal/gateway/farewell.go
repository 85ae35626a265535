package gateway

import (
	"math/rand/v2"
	"time"
)

// leaver is a stream that can be asked to leave.
type leaver interface {
	// Leave asks and returns at once. It reports false if that changes
	// nothing: the stream was asked before, or is ending.
	Leave() bool
}

// farewell asks streams to leave, in random order: the first at once, the
// others evenly spread, so that not all clients come back in one instant.
type farewell struct {
	streams []leaver
	asked   int
	spread  time.Duration
	begun   time.Time
	timer   *time.Timer
}

func newFarewell(streams []leaver, spread time.Duration) *farewell {
	rand.Shuffle(len(streams), func(i, j int) { streams[i], streams[j] = streams[j], streams[i] })
	return &farewell{streams: streams, spread: spread, begun: time.Now(), timer: time.NewTimer(0)}
}

// turn is when the next ones are to be asked; nil: nobody is left.
func (f *farewell) turn() <-chan time.Time {
	if f == nil || f.asked == len(f.streams) {
		return nil
	}
	return f.timer.C
}

// next returns those whose turn has come.
func (f *farewell) next() []leaver {
	from, elapsed := f.asked, time.Since(f.begun)
	for f.asked < len(f.streams) && f.turnAt(f.asked) <= elapsed {
		f.asked++
	}
	f.timer.Reset(f.turnAt(f.asked) - elapsed)
	return f.streams[from:f.asked]
}

// turnAt is when the stream with this index is asked, from the beginning.
func (f *farewell) turnAt(i int) time.Duration {
	return time.Duration(float64(f.spread) * float64(i) / float64(len(f.streams)))
}

func (f *farewell) stop() {
	if f != nil {
		f.timer.Stop()
	}
}

// ask asks one stream, and counts it as told.
func (g *group) ask(l leaver) bool {
	if !l.Leave() {
		return false
	}
	g.counters.told.Add(1)
	return true
}

// dismiss begins to ask the streams of a draining target. Nil: not now, since
// the group never asks, or sessions are bound to the target that may stay.
func (e *entry) dismiss(grp *group, d *drain, end time.Time) *farewell {
	spread := grp.now().StreamsLeave
	if spread < 0 {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !d.silent && grp.holds(e) {
		return nil
	}
	d.asking = true
	return newFarewell(e.leavers(), min(spread, time.Until(end)/2))
}

// leavers are the streams that can be asked; e.mu is held.
func (e *entry) leavers() []leaver {
	var out []leaver
	for x := range e.live {
		if x.leaver != nil {
			out = append(out, x.leaver)
		}
	}
	return out
}

// beginStream counts the exchange as a stream from now on; l is nil where it
// cannot be asked to leave. While those of its target are being asked it is
// asked at once.
func (x *exchange) beginStream(l leaver) {
	d := x.on.markStream(x, l)
	switch {
	case l == nil:
	case d != nil && x.group.ask(l):
		d.told.Add(1)
	case d == nil && x.g.dismissing.Load() && x.group.now().StreamsLeave >= 0:
		x.group.ask(l)
	}
}

// dismiss asks all streams to leave, at the gateway's end: also those of bound
// sessions, which would be cut instead.
func (g *Gateway) dismiss(end time.Time) {
	g.dismissing.Store(true)
	for _, grp := range g.groups() {
		g.tasks.run(func() { g.dismissGroup(grp, end) })
	}
}

func (g *Gateway) dismissGroup(grp *group, end time.Time) {
	spread := grp.now().StreamsLeave
	if spread < 0 {
		return
	}
	var all []leaver
	for _, e := range grp.table.Load().entries {
		e.mu.Lock()
		all = append(all, e.leavers()...)
		e.mu.Unlock()
	}
	bye := newFarewell(all, min(spread, time.Until(end)/2))
	defer bye.stop()
	for bye.turn() != nil {
		select {
		case <-bye.turn():
			for _, l := range bye.next() {
				grp.ask(l)
			}
		case <-g.stopping:
			return
		}
	}
}
