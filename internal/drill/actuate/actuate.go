// Package actuate makes the events of a drill happen: shell commands, kubectl,
// Amazon ECS, evenkeel's gateway, Redis Sentinel, and instances that the drill
// runs itself.
//
//	env := actuate.Env{Rand: rand.New(rand.NewPCG(seed, 4)), Answers: &actuate.Answers{}, Local: local}
//	err := actuate.Check(ctx, event, env) // before the load
//	…
//	action, err := actuate.New(event, env)
//	options.Actions = func(int) drill.Action { return action }
//	options.Observe = env.Answers.Observe
//
// # Phases
//
// They are what was seen, never assumed. kubectl and ECS: a pod or task that
// was there begins to leave or is gone; one that was not there is ready; all
// that are left are ready and none is leaving. Gateway: the state of the
// target. Redis: the failover was accepted; the Sentinel names another master;
// it says that it is one. Local: the signal; the answer of the instance that
// took its place. Elsewhere, and where nothing of it was seen, it is the
// instances that answers name: the last answer of one that falls silent, the
// first of one that is new.
//
// # Guarantees
//
//   - An event that could not be made to happen is an error with the last words
//     of what was asked: it is never taken for one that did no harm.
//   - Check changes nothing. It finds programs that are missing, and workloads,
//     targets and masters that do not exist or cannot be seen.
//   - What was started for an event has ended when its action returns, also
//     when ctx ends: it gets SIGTERM, and SIGKILL two seconds later.
//   - A token is sent to the gateway's address alone, and is in no error.
//
// # Not guaranteed
//
//   - Instances that keep their name (a StatefulSet's, a container that is
//     restarted) cannot be told apart by answers.
//   - A shell command that returns before its effect is over is taken to have
//     settled when no instance has come or gone for two seconds.
package actuate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/plan"
)

// Env is what actions work with. The zero value is usable.
type Env struct {
	// Rand picks what is "random"; nil is one of a fixed seed. Events happen
	// one after another, and so may share it.
	Rand *rand.Rand
	// Answers are who has answered; nil: phases that only answers could show
	// are not known.
	Answers *Answers
	// Local are the instances that the drill runs; events of kind local need
	// it.
	Local *Local
	// Limit is how long one event may take; 0 is ten minutes.
	Limit time.Duration
	// Every is the time between looks at what changes; 0 is 500 ms.
	Every time.Duration
}

func (e Env) withDefaults() Env {
	if e.Rand == nil {
		e.Rand = rand.New(rand.NewPCG(1, 4))
	}
	e.Limit = cmp.Or(e.Limit, 10*time.Minute)
	e.Every = cmp.Or(e.Every, 500*time.Millisecond)
	return e
}

// actor makes one kind of event happen.
type actor interface {
	// kind is the event in two or three words.
	kind() string
	// check looks whether do could work, and changes nothing.
	check(ctx context.Context) error
	// do makes it happen, and returns when it is over.
	do(ctx context.Context, s *drill.Scene) error
}

func newActor(e plan.Event, env Env) (actor, error) {
	env = env.withDefaults()
	switch {
	case e.Exec != "":
		return shell{e.Exec}, nil
	case e.Kubectl != nil:
		return newKubectl(*e.Kubectl, env)
	case e.ECS != nil:
		return newECS(*e.ECS, env), nil
	case e.Gateway != nil:
		return newGateway(*e.Gateway, env)
	case e.Redis != nil:
		return newSentinel(*e.Redis, env)
	case e.Local != nil:
		return newLocal(*e.Local, env)
	}
	return nil, errors.New("an event without an action")
}

// New returns the action of an event. It starts nothing.
func New(e plan.Event, env Env) (drill.Action, error) {
	a, err := newActor(e, env)
	if err != nil {
		return drill.Action{}, err
	}
	env = env.withDefaults()
	return drill.Action{Kind: a.kind(), Do: func(ctx context.Context, s *drill.Scene) error {
		ctx, cancel := context.WithTimeoutCause(ctx, env.Limit, fmt.Errorf("not over after %v", env.Limit))
		defer cancel()
		before := env.Answers.alive(s.Now())
		if err := a.do(ctx, s); err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = fmt.Errorf("%w: %w", cause, err)
			}
			return err
		}
		if left, ready := s.Phases(); !left && !ready {
			return env.Answers.await(ctx, s, before)
		}
		return nil
	}}, nil
}

// Check looks whether an event could happen, and changes nothing. The error
// says what to mend.
func Check(ctx context.Context, e plan.Event, env Env) error {
	a, err := newActor(e, env)
	if err != nil {
		return err
	}
	return a.check(ctx)
}
