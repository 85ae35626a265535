// Package drill drives virtual users against a service while scale events
// happen to it, and judges what the users saw.
//
//	run, err := drill.New(drill.Options{
//		Load:    engine.Options{Targets: []string{url}, Dialect: engine.Probe{Secret: secret}, Users: 200, Duration: time.Minute},
//		Control: 15 * time.Second, Every: 10 * time.Second,
//		Actions: func(n int) drill.Action { return drill.Action{Kind: "kill", Do: kill} },
//	})
//	…
//	outcome, err := run.Do(ctx)
//
// Guarantees: events happen one after another, the first after Control; each
// is reported with its phases to the checker, also when it failed. Load and
// judgement share a clock and nothing else.
//
// Not guaranteed: that an event begins when it is due; it waits for the one
// before it.
package drill

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
	"github.com/evenkeel/evenkeel/internal/drill/report"
)

// LastEvent is how long before the end of the load the last event may begin,
// so that users are seen after it.
const LastEvent = 2 * time.Second

// Options of a run. Load is as engine.Options say; its Control is set from
// here.
type Options struct {
	Load    engine.Options
	Check   check.Options
	Control time.Duration // before the first event; part of Load.Duration
	Every   time.Duration // between the beginnings of events; required with Actions
	// Actions says what the n-th event is, from 0. Nil: none are due.
	Actions func(n int) Action
	// Asked are events out of turn; each waits for the one that is under way.
	// Nil: nobody asks.
	Asked <-chan Action
	// Observe sees every operation too, Announce every event when it begins
	// (Settled is negative) and when it is over. Both may be nil.
	Observe  func(history.Op)
	Announce func(history.Event)
}

// Run is one drill. Do may be called once; Progress at any time.
type Run struct {
	opt   Options
	load  *engine.Load
	check *check.Checker
}

// New checks the options and starts nothing.
func New(opt Options) (*Run, error) {
	if opt.Actions != nil && opt.Every <= 0 {
		return nil, errors.New("drill: events need a time between them")
	}
	opt.Load.Control = opt.Control
	opt.Load.Expiry.Idle, opt.Load.Expiry.Absolute = opt.Check.IdleTimeout, opt.Check.AbsoluteTimeout
	load, err := engine.New(opt.Load)
	if err != nil {
		return nil, fmt.Errorf("drill: %w", err)
	}
	return &Run{opt: opt, load: load, check: check.New(opt.Check)}, nil
}

// Progress is what is known while a run goes on.
type Progress struct {
	Load   engine.Stats
	Health engine.Health
	Check  check.Progress
}

// Progress may be called from any goroutine.
func (r *Run) Progress() Progress {
	return Progress{r.load.Stats(), r.load.Health(), r.check.Progress()}
}

// Result is what a run showed: the judgement, and how the drill itself fared.
type Result struct {
	Outcome check.Outcome
	Health  engine.Health
}

// Report is the result for package report, judged by the guarantees that are
// required but for those that are allowed not to be exercised.
func (r Result) Report(required, allowed []check.ID) report.Result {
	out := report.Result{
		Verdict:     check.Judge(r.Outcome, required, allowed),
		Unexercised: check.Unexercised(r.Outcome, required, allowed),
		Outcome:     r.Outcome,
		Health:      report.Health{Status: r.Health.Status, LatenessP999: r.Health.LatenessP999, CPU: r.Health.CPU},
	}
	for _, w := range r.Health.Windows {
		out.Health.Windows = append(out.Health.Windows, report.Window(w))
	}
	return out
}

// Do runs the drill to its end, or until ctx ends, and returns what it showed
// so far. An error means that there was no load: it wraps engine.ErrTarget if
// the service cannot be reached or does not let the drill in.
func (r *Run) Do(ctx context.Context) (Result, error) {
	events, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	begun := make(chan struct{})
	once := sync.OnceFunc(func() { close(begun) })
	if r.opt.Actions != nil || r.opt.Asked != nil {
		wg.Go(func() { r.schedule(events, begun) })
	}
	err := r.load.Run(ctx, func(op history.Op) {
		once()
		r.check.Observe(op)
		if r.opt.Observe != nil {
			r.opt.Observe(op)
		}
	})
	if err != nil {
		stop()
		wg.Wait()
		return Result{}, err
	}
	once()
	wg.Wait()
	return r.result(), nil
}

// result closes the books.
func (r *Run) result() Result {
	health := r.load.Health()
	for _, w := range health.Windows {
		r.check.Window(check.Window{From: w.From, To: w.To})
	}
	out := r.check.Finish()
	stats := r.load.Stats()
	out.Requests.Late, out.Requests.Shed = int(stats.Late), int(stats.Shed)
	return Result{Outcome: out, Health: health}
}
