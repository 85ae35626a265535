package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/evenkeel/evenkeel/internal/demo/shop"
	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/report"
)

// act is a phase that has been played.
type act struct {
	strategy Strategy
	started  time.Time
	series   *report.Series
	result   drill.Result
	verdict  check.Verdict
}

// errSwitched ends a phase because somebody chose another strategy on the page.
var errSwitched = errors.New("another strategy was chosen")

// run opens the page, plays the phases, and concludes.
func (d *demo) run(ctx context.Context) (int, error) {
	stop, err := d.openPage(ctx)
	if err != nil {
		return exitUsage, err
	}
	code, err := d.sequence(ctx)
	if lost := stop(); lost != nil {
		err = errors.Join(err, fmt.Errorf("--page: %w", lost))
	}
	return failed(code, err)
}

// failed makes sure that an error is no success.
func failed(code int, err error) (int, error) {
	if err != nil && code == 0 {
		code = exitUsage
	}
	return code, err
}

// sequence plays what the flags ask for and, on a terminal with a page and
// without a time, goes on until it is interrupted. The verdict is that of what
// was asked for; once somebody has switched, that of the last phase.
func (d *demo) sequence(ctx context.Context) (int, error) {
	started := time.Now()
	acts, err := d.script(ctx)
	for errors.Is(err, errSwitched) {
		length := time.Duration(0)
		if d.opt.For > 0 {
			length = max(d.opt.For-time.Since(started), d.opt.Control+max(d.opt.Every, drill.LastEvent), shortest)
		} else if !d.goesOn() {
			length = evenkeelFor
		}
		var a act
		a, err = d.play(ctx, phase{d.chosen(), length})
		acts = []act{a}
	}
	switch {
	case ctx.Err() != nil && !d.hasOpenEnd(acts):
		return exitInterrupted, nil // what it broke off is no news
	case err != nil && ctx.Err() == nil:
		return exitUsage, err
	}
	code, err := d.conclude(acts)
	if err != nil || !d.goesOn() || ctx.Err() != nil {
		return code, err
	}
	fmt.Fprintf(d.text(), "\nThe shop stays open at %s until you press Ctrl-C.\n", d.address())
	next := acts[len(acts)-1].strategy
	if d.switched() {
		next = d.chosen()
	}
	for {
		_, err := d.play(ctx, phase{strategy: next})
		switch {
		case ctx.Err() != nil:
			return code, nil
		case errors.Is(err, errSwitched):
			next = d.chosen()
		case err != nil:
			return exitUsage, err
		}
	}
}

// hasOpenEnd: somebody has switched in a run without a length, and an interrupt
// is how it ends.
func (d *demo) hasOpenEnd(acts []act) bool {
	return d.goesOn() && d.switched() && len(acts) == 1 && acts[0].result.Outcome.Requests.Sent > 0
}

// goesOn: a person is there to stop it.
func (d *demo) goesOn() bool { return d.opt.For == 0 && d.page != nil && d.screen.Terminal() }

// script plays the phases one after another.
func (d *demo) script(ctx context.Context) ([]act, error) {
	var acts []act
	for _, p := range d.opt.phases() {
		d.announce(p)
		a, err := d.play(ctx, p)
		if err = errors.Join(err, ctx.Err()); err != nil {
			return acts, err
		}
		acts = append(acts, a)
		d.tell(a)
	}
	return acts, nil
}

// play runs one phase: the stage, the users, the events, the screen. A phase
// of no length lasts until ctx ends.
func (d *demo) play(ctx context.Context, p phase) (act, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	store, err := d.opt.storeAt(d.dir, p.strategy)
	if err != nil {
		return act{}, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return act{}, err
	}
	if !shop.IsRedis(store) {
		go watchDisk(ctx, store, cancel)
	}
	now := d.enter(p, cancel)
	defer d.exit()
	st, err := d.openStage(ctx, p.strategy, l, store)
	if err != nil {
		return act{}, d.reason(ctx, err)
	}
	a, err := d.drill(ctx, now, st)
	now.set(nil, nil) // people wait for the next stage from here on
	return a, d.reason(ctx, errors.Join(err, st.close()))
}

// reason is why a phase ended: what ended it comes before what followed.
func (d *demo) reason(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if disk, ok := errors.AsType[errDisk](cause); ok {
		return disk
	}
	if errors.Is(cause, errSwitched) {
		return errSwitched
	}
	return err
}
