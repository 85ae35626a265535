package drain

import (
	"context"
	"fmt"
	"time"
)

// flushing is what the machine knows while hooks run.
type flushing struct {
	left     []hook // the first is running
	began    time.Time
	end      time.Time // of the budget
	cancel   context.CancelFunc
	returned chan error // of the running hook; nil when none runs
	skip     bool       // a further signal came
}

// lastWord is how long a hook may take to return when its context has ended.
const lastWord = 100 * time.Millisecond

// beginFlushing follows on the ledger, which is at Flushing already: nothing
// may enter between the last look at it and this.
func (m *machine) beginFlushing() {
	m.report.Phases.Drain = m.phase()
	m.d.announce()
	m.flush = flushing{left: m.d.sortedHooks(), end: m.since.Add(length(m.d.budget.Flush))}
	m.nextHook()
}

// nextHook starts the first hook that is left with its share of what is left.
// Its context ends a little before its share does, so that a hook which obeys
// is not mistaken for one that hangs.
func (m *machine) nextHook() {
	f := &m.flush
	if f.skip {
		for _, h := range f.left {
			m.report.Hooks = append(m.report.Hooks, HookResult{Name: h.name, Err: ErrHookSkipped})
		}
		f.left = nil
	}
	if len(f.left) == 0 {
		m.finish()
		return
	}
	f.began = time.Now()
	share := max(0, f.end.Sub(f.began)) / time.Duration(len(f.left))
	ctx, cancel := context.WithTimeout(m.hookCtx, share-min(share/10, lastWord))
	f.cancel = cancel
	// A channel per hook: what an abandoned one returns later is read by nobody.
	returned := make(chan error, 1)
	f.returned = returned
	h := f.left[0]
	go func() { returned <- call(ctx, h.run) }()
	m.timer.Reset(share)
}

// call runs a hook and turns its panic into an error.
func call(ctx context.Context, run func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return run(ctx)
}

// hookEnded notes how the running hook ended and starts the next.
func (m *machine) hookEnded(err error) {
	f := &m.flush
	f.cancel()
	f.returned = nil
	m.report.Hooks = append(m.report.Hooks,
		HookResult{Name: f.left[0].name, Duration: time.Since(f.began), Err: err})
	f.left = f.left[1:]
	m.nextHook()
}

func (m *machine) abandonHook() { m.hookEnded(ErrHookAbandoned) }

// skipHooks ends the running hook's context, gives it a moment to return, and
// leaves out the others.
func (m *machine) skipHooks() {
	m.flush.skip = true
	m.flush.cancel()
	m.timer.Reset(lastWord)
}
