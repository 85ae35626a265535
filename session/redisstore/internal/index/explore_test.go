package index

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/session"
)

// An actor is a process whose every step waits for its turn: each call of the
// index's server and each call of a record. It runs for as long as its turns
// last, crashes where a turn says so, and does not hear the answer where a turn
// says that.
type actor struct {
	w      *world
	ix     *Index
	parked chan struct{} // it waits for a turn, or has returned
	turns  chan turn
	done   bool
	dead   bool
	err    error // of its call
}

type turn int

const (
	run turn = iota
	crash
	lose
)

var (
	errCrashed = errors.New("process has crashed")
	errLost    = errors.New("answer was lost")
)

func (a *actor) step(f func() error) error {
	if a.dead {
		return errCrashed
	}
	a.parked <- struct{}{}
	switch <-a.turns {
	case crash:
		a.dead = true
		return errCrashed
	case lose:
		_ = f()
		return errLost
	default:
		return f()
	}
}

func (a *actor) Call(ctx context.Context, key string, f func(context.Context, rueidis.Client) error) error {
	return a.step(func() error { return a.w.link.Call(ctx, key, f) })
}

func (a *actor) Look(ctx context.Context, key session.Key) (rec *session.Record, now time.Time, err error) {
	err = a.step(func() (err error) {
		rec, now, err = a.w.Look(ctx, key)
		return err
	})
	return rec, now, err
}

func (a *actor) Destroy(ctx context.Context, key session.Key, v Victim) (ended bool, err error) {
	err = a.step(func() (err error) {
		ended, err = a.w.Destroy(ctx, key, v)
		return err
	})
	return ended, err
}

func (a *actor) commit(key session.Key, c session.Change) error {
	return a.step(func() error { return a.w.commit(key, c) })
}

// A plan decides whose turn it is, one of n, and what becomes of it where
// faults are allowed.
type plan interface {
	choose(n int) int
	turn() turn
}

// every goes through all the ways to choose, one per run.
type every struct{ chosen, of []int }

func (p *every) choose(n int) int {
	i := len(p.of)
	p.of = append(p.of, n)
	if i == len(p.chosen) {
		p.chosen = append(p.chosen, 0)
	}
	return p.chosen[i]
}

func (p *every) turn() turn { return turn(p.choose(3)) }

// next goes on to the next way, false if there is none.
func (p *every) next() bool {
	for i, n := range slices.Backward(p.of) {
		if p.chosen[i]+1 < n {
			p.chosen, p.of = append(p.chosen[:i:i], p.chosen[i]+1), nil
			return true
		}
	}
	return false
}

// chance chooses at random.
type chance struct{ *rand.Rand }

func (c chance) choose(n int) int { return c.IntN(n) }

func (c chance) turn() turn { return turn(max(0, c.IntN(10)-7)) }

// A story is some calls that run at once, each in a process of its own.
type story struct {
	calls  []func(*actor) error
	faults int          // how many crashes and lost answers there may be
	watch  func() error // called between any two steps
	// after is called when all calls have returned, with what they returned, or
	// have crashed.
	after func([]*actor) error
}

// fault is what is planted to see whether it is found.
type fault struct {
	index   func(*Index)
	records func(Records) Records
}

// play runs a story as a plan says, and returns the first error of watch or
// after.
func (w *world) play(s story, p plan, f fault) (found error) {
	var actors []*actor
	for _, call := range s.calls {
		actors = append(actors, w.act(call, f))
	}
	for faults := s.faults; ; {
		var waiting []*actor
		for _, a := range actors {
			if !a.done {
				waiting = append(waiting, a)
			}
		}
		if len(waiting) == 0 {
			if found == nil {
				found = s.after(actors)
			}
			return found
		}
		a := waiting[p.choose(len(waiting))]
		t := run
		if faults > 0 {
			if t = p.turn(); t != run {
				faults--
			}
		}
		a.turns <- t
		<-a.parked
		if found == nil && s.watch != nil {
			found = s.watch()
		}
	}
}

// act starts a process, which waits before its first step.
func (w *world) act(call func(*actor) error, f fault) *actor {
	a := &actor{w: w, parked: make(chan struct{}), turns: make(chan turn)}
	records := Records(a)
	if f.records != nil {
		records = f.records(a)
	}
	a.ix = New(a, records, Options{Prefix: prefix, Parallel: 1})
	if f.index != nil {
		f.index(a.ix)
	}
	go func() {
		a.err = call(a)
		a.done = true
		a.parked <- struct{}{}
	}()
	<-a.parked
	return a
}

// explore plays a story, made anew for each run with a principal of its own, in
// every order of its steps, or until one is wrong.
func (w *world) explore(tell func(principal string) story, f fault) (runs int, found error) {
	p := &every{}
	for {
		runs++
		if found = w.play(tell(w.somebody()), p, f); found != nil {
			return runs, fmt.Errorf("in the order %v: %w", p.chosen, found)
		}
		if !p.next() {
			return runs, nil
		}
	}
}

// gamble plays a story in random orders, with its faults.
func (w *world) gamble(runs int, tell func(principal string) story, f fault) error {
	for seed := range runs {
		plan := chance{rand.New(rand.NewPCG(uint64(seed), 1))}
		if err := w.play(tell(w.somebody()), plan, f); err != nil {
			return fmt.Errorf("seed %d: %w", seed, err)
		}
	}
	return nil
}
