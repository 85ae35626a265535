package demo

import (
	"context"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill"
)

// live is the phase under way, as the screen and the page see it. Fields that
// are set once the stage stands are nil before.
type live struct {
	number int // of the run, from 1
	phase  phase
	end    context.CancelCauseFunc
	events *eventLog
	asked  chan drill.Action
	times  recent

	mu    sync.Mutex
	stage *stage
	run   *drill.Run
}

// queued is how many events may wait.
const queued = 5

// enter makes p the phase under way.
func (d *demo) enter(p phase, end context.CancelCauseFunc) *live {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.runs++
	if d.page != nil {
		d.page.answered.Store(nil) // names begin again
	}
	d.now = &live{number: d.runs, phase: p, end: end, events: &eventLog{}, asked: make(chan drill.Action, queued)}
	return d.now
}

func (d *demo) exit() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = nil
}

// current is the phase under way; nil between two.
func (d *demo) current() *live {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (l *live) set(st *stage, run *drill.Run) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stage, l.run = st, run
}

// get returns what stands so far.
func (l *live) get() (*stage, *drill.Run) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stage, l.run
}

// choose makes s the next strategy and ends the phase under way; false between
// two.
func (d *demo) choose(s Strategy) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.now == nil {
		return false
	}
	d.next = &s
	d.now.end(errSwitched)
	return true
}

// chosen is the strategy that was chosen last.
func (d *demo) chosen() Strategy {
	d.mu.Lock()
	defer d.mu.Unlock()
	return *d.next
}

func (d *demo) switched() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.next != nil
}

// openEnd is the length of a load that only ctx ends.
const openEnd = 1000 * time.Hour
