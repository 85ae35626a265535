package gateway

import (
	"context"
	"errors"
	"log/slog"
	"syscall"
	"time"

	"github.com/evenkeel/evenkeel/internal/target"
	"github.com/evenkeel/evenkeel/internal/upstream"
)

// startChecks begins to watch all targets, those to come too, until ctx ends.
func (g *Gateway) startChecks(ctx context.Context) {
	g.running.Store(&ctx)
	for _, grp := range g.groups() {
		for _, e := range grp.table.Load().entries {
			g.watch(grp, e)
		}
	}
}

// watch checks a target until it is gone or the gateway stops. Before Run it
// does nothing.
func (g *Gateway) watch(grp *group, e *entry) {
	run := g.running.Load()
	if run == nil || !e.watched.CompareAndSwap(false, true) {
		return
	}
	ctx, cancel := context.WithCancel(*run)
	stop := context.AfterFunc(e.gone, cancel)
	started := g.tasks.run(func() {
		defer cancel()
		defer stop()
		g.checkLoop(ctx, grp, e)
	})
	if !started {
		stop()
		cancel()
	}
}

func (g *Gateway) checkLoop(ctx context.Context, grp *group, e *entry) {
	timer := time.NewTimer(0) // the first one at once
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			g.checkOnce(ctx, grp, e)
			timer.Reset(e.delay())
		case <-e.wake: // ejected, or registered again
			timer.Reset(e.wakeDelay())
		}
	}
}

// wakeDelay is the rest of an ejection; other news is acted on at once.
func (e *entry) wakeDelay() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now := time.Now(); e.health.Ejected(now) {
		return e.health.Delay(e.state, now)
	}
	return 0
}

func (g *Gateway) checkOnce(ctx context.Context, grp *group, e *entry) {
	if s, dead := e.refusal(); !s.Checked() || dead {
		return
	}
	err := g.check(ctx, e.Address, grp.now().Health)
	if ctx.Err() != nil {
		return
	}
	from, to := grp.transition(e, func(s target.State) target.State {
		return e.health.Checked(s, time.Now(), err == nil)
	})
	if from == to {
		return
	}
	reason := "health check passed"
	if err != nil {
		reason = "health check failed: " + err.Error()
	}
	g.publish(Event{Kind: EventState, Group: grp.Name, Target: e.ID, State: to, Reason: reason})
}

// connectFailed ejects a target that a request could not connect to, unless
// the cause is our own: no descriptors or ports left here says nothing about
// the target.
func (g *Gateway) connectFailed(grp *group, e *entry, err *upstream.Error) {
	for _, own := range []error{syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL, syscall.ENOBUFS, syscall.ENOMEM, upstream.ErrClosed} {
		if errors.Is(err, own) {
			g.opt.Log.LogAttrs(context.Background(), slog.LevelError, "cannot open connections", slog.Any("error", err.Err))
			return
		}
	}
	if s, _ := e.refusal(); s != target.Healthy {
		return
	}
	from, to := grp.transition(e, func(s target.State) target.State {
		return e.health.ConnectFailed(s, time.Now())
	})
	if from != to {
		grp.counters.ejections.Add(1)
		g.publish(Event{Kind: EventState, Group: grp.Name, Target: e.ID, State: to, Reason: "connect failed: " + err.Err.Error()})
		signal(e.wake)
	}
}
