package demo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/ui"
)

// The kinds of event.
const (
	scaleOut       = ui.ScaleOut
	scaleIn        = ui.ScaleIn
	rollingRestart = ui.RollingRestart
	killOne        = ui.Kill
)

// plan says which event is the n-th: all four kinds in each round of four, in
// an order that the seed decides.
type plan struct {
	rand  *rand.Rand
	round []string
}

func newPlan(seed uint64) *plan { return &plan{rand: rand.New(rand.NewPCG(seed, 2))} }

func (p *plan) next() string {
	if len(p.round) == 0 {
		p.round = []string{scaleOut, killOne, scaleIn, rollingRestart}
		p.rand.Shuffle(len(p.round), func(i, j int) { p.round[i], p.round[j] = p.round[j], p.round[i] })
	}
	kind := p.round[0]
	p.round = p.round[1:]
	return kind
}

// allowed says why a person cannot have an event of that kind now.
func (rs *replicas) allowed(kind string) error {
	n := len(rs.serving())
	switch {
	case !slices.Contains([]string{scaleOut, scaleIn, rollingRestart, killOne}, kind):
		return fmt.Errorf("action %q: %w", kind, ui.ErrUnknown)
	case kind == scaleIn && n <= fewest:
		return fmt.Errorf("at least %d replicas stay", fewest)
	case kind == scaleOut && n >= most:
		return fmt.Errorf("at most %d replicas fit", most)
	}
	return nil
}

// action is the event of that kind. Where a scale-out or scale-in would leave
// the bounds, the opposite happens.
//
// prefer names the replica that a kill is for, if it is serving then.
func (rs *replicas) action(kind, prefer string) drill.Action {
	n := len(rs.serving())
	switch {
	case kind == scaleIn && n <= fewest:
		kind = scaleOut
	case kind == scaleOut && n >= most:
		kind = scaleIn
	}
	do := map[string]func(context.Context, *drill.Scene) error{
		scaleOut: rs.scaleOut, scaleIn: rs.scaleIn, rollingRestart: rs.rollingRestart,
		killOne: func(ctx context.Context, s *drill.Scene) error { return rs.killOne(ctx, s, prefer) },
	}[kind]
	return drill.Action{Kind: kind, Do: do}
}

func (rs *replicas) scaleOut(ctx context.Context, s *drill.Scene) error {
	if len(rs.serving()) >= most {
		return nil
	}
	r, err := rs.start(ctx)
	if err != nil {
		return err
	}
	s.Target(r.name)
	s.Ready()
	return nil
}

// scaleIn keeps the bounds too: events that were asked for may have waited in a
// queue.
func (rs *replicas) scaleIn(ctx context.Context, s *drill.Scene) error {
	if len(rs.serving()) <= fewest {
		return nil
	}
	r, err := rs.victim("")
	if err != nil {
		return err
	}
	s.Target(r.name)
	return rs.leave(ctx, s, r, balancerFirst)
}

// rollingRestart starts a replacement for every replica and, when all are
// ready, lets the old ones go.
func (rs *replicas) rollingRestart(ctx context.Context, s *drill.Scene) error {
	old := rs.serving()
	err := each(old, func(*replica) error {
		_, err := rs.start(ctx)
		return err
	})
	if err != nil {
		return err
	}
	s.Ready()
	order := bothAtOnce
	if rs.strategy.Sticky { // the process must outlive the balancer's patience
		order = balancerFirst
	}
	return each(old, func(r *replica) error { return rs.leave(ctx, s, r, order) })
}

// killOne ends a replica without warning and then starts another, as an
// orchestrator does.
func (rs *replicas) killOne(ctx context.Context, s *drill.Scene, prefer string) error {
	r, err := rs.victim(prefer)
	if err != nil {
		return err
	}
	s.Target(r.name)
	if err := rs.kill(ctx, s, r); err != nil {
		return err
	}
	if _, err := rs.start(ctx); err != nil {
		return err
	}
	s.Ready()
	return nil
}

// each calls f for all replicas at once and waits.
func each(list []*replica, f func(*replica) error) error {
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	for i, r := range list {
		wg.Go(func() { errs[i] = f(r) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
