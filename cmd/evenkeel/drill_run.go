package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/actuate"
	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
	"github.com/evenkeel/evenkeel/internal/drill/plan"
	"github.com/evenkeel/evenkeel/internal/drill/report"
	"github.com/evenkeel/evenkeel/internal/drill/screen"
)

// drilling is one drill, from its flags to its verdict.
type drilling struct {
	plan    *plan.Plan
	file    string // "" without
	flags   *drillFlags
	io      drillIO
	seed    uint64
	allowed []check.ID

	env        actuate.Env
	actions    []drill.Action // in the file's order
	log        drillLog
	*recording // from when the load begins
	series     report.Series
	started    time.Time
}

const exitInterrupted = 130

// firstWords is how long may pass until it is said what is wrong.
const firstWords = 5 * time.Second

// equip makes the actions of the plan's events.
func (d *drilling) equip() error {
	local, err := actuate.NewLocal(d.plan.Events.Do)
	if err != nil {
		return err
	}
	d.env = actuate.Env{Rand: rand.New(rand.NewPCG(d.seed, 4)), Answers: &actuate.Answers{}, Local: local}
	for _, e := range d.plan.Events.Do {
		a, err := actuate.New(e, d.env)
		if err != nil {
			return fmt.Errorf("%v: %w", e.Pos, err)
		}
		d.actions = append(d.actions, a)
	}
	return nil
}

// run makes the drill and returns the exit code. An error is for the person who
// typed the command; nil with a code other than zero has been told.
func (d *drilling) run(ctx context.Context) (int, error) {
	r, err := d.drill(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return exitInterrupted, nil
	case err != nil:
		return exitUsage, err
	}
	return d.conclude(ctx, r)
}

// drill looks whether all that is needed is there, lets the users in, and
// returns what they saw.
func (d *drilling) drill(ctx context.Context) (_ report.Result, err error) {
	d.say(d.headline())
	if err := d.preflight(ctx); err != nil {
		return report.Result{}, err
	}
	if local := d.env.Local; local != nil {
		defer func() { err = errors.Join(err, local.Close()) }()
		if err := local.Start(ctx); err != nil {
			return report.Result{}, err
		}
		if len(d.plan.Targets) == 0 {
			d.plan.Targets = local.URLs()
		}
	}
	if err := d.reachable(ctx); err != nil {
		return report.Result{}, err
	}
	got, err := d.load(ctx)
	if d.recording == nil {
		return report.Result{}, err
	}
	r, lost := d.recording.finish(d.result(ctx, got))
	return r, errors.Join(err, lost)
}

// load lets the users in. The screen is shown, and the record made, from when
// it is known what the service offers.
func (d *drilling) load(ctx context.Context) (drill.Result, error) {
	watching, unwatch := context.WithCancel(ctx)
	defer unwatch()
	stop := func() {}
	var run *drill.Run
	run, err := drill.New(d.options(func(found engine.Dialect) error {
		d.say(d.expectation(found))
		d.started = time.Now()
		if err := d.startRecord(found); err != nil {
			d.recording = nil
			return err
		}
		stop = screen.New(d.text()).Watch(watching, func() screen.Picture { return d.view(run.Progress()) })
		return nil
	}))
	if err != nil {
		return drill.Result{}, err
	}
	result, err := run.Do(ctx)
	stop()
	return result, err
}

// preflight asks of each event whether it could happen.
func (d *drilling) preflight(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, firstWords, fmt.Errorf("no answer within %v", firstWords))
	defer cancel()
	errs := make([]error, len(d.plan.Events.Do))
	var wg sync.WaitGroup
	for i, e := range d.plan.Events.Do {
		wg.Go(func() {
			env := d.env
			env.Rand = nil // which is not for several goroutines
			if err := actuate.Check(ctx, e, env); err != nil {
				if cause := context.Cause(ctx); cause != nil {
					err = fmt.Errorf("%w: %w", cause, err)
				}
				errs[i] = fmt.Errorf("%v: %w", e.Pos, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// options of the run. begin is called when it is known what the service offers,
// right before the users come.
func (d *drilling) options(begin func(engine.Dialect) error) drill.Options {
	p := d.plan
	opt := drill.Options{
		Load: engine.Options{
			Targets: p.Targets, Dialect: scouted{p.Dialect, d.env.Local != nil, begin}, Users: p.Users, Pace: p.Pace, Duration: p.Duration,
			Seed: d.seed,
			// Tokens of an earlier run may still be there.
			Run:   fmt.Sprintf("%x.%x", d.seed, time.Now().Unix()),
			Quiet: p.Quiet, Client: p.Client,
			Expiry: engine.Expiry{Idle: p.Check.IdleTimeout, Absolute: p.Check.AbsoluteTimeout},
		},
		Check: p.Check, Control: p.Control, Every: p.Events.Every,
		Observe: func(op history.Op) {
			d.series.Observe(op)
			d.env.Answers.Observe(op)
			d.recording.Observe(op)
		},
		Announce: func(e history.Event) {
			d.log.add(e)
			d.recording.Event(e)
		},
	}
	if len(d.actions) > 0 {
		opt.Actions = func(n int) drill.Action { return d.actions[n%len(d.actions)] }
	}
	return opt
}

// scouted is a dialect whose scout is bounded in time, and whose findings are
// told.
type scouted struct {
	engine.Dialect
	starting bool // the service, which may need a moment behind its balancer
	found    func(engine.Dialect) error
}

// Scout returns the dialect alone: it may be able to do more than this one.
func (s scouted) Scout(ctx context.Context, c *engine.Client) (engine.Dialect, error) {
	d := s.Dialect
	if scout, ok := d.(engine.Scouter); ok {
		within, cancel := context.WithTimeout(ctx, firstWords)
		defer cancel()
		var err error
		d, err = scout.Scout(within, c)
		for err != nil && s.starting && within.Err() == nil {
			time.Sleep(100 * time.Millisecond)
			d, err = scout.Scout(within, c)
		}
		if err != nil && within.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("within %v: %w", firstWords, err)
		}
		if err != nil {
			return nil, err
		}
	}
	return d, s.found(d)
}
