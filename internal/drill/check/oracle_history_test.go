package check

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// author writes histories of one user with a service that keeps its promises:
// each operation happens at one moment between its call and its return, or,
// where nobody knows the outcome, at any time after the call or never.
type author struct {
	rng   *rand.Rand
	now   int
	epoch int
	seq   int
	all   []draft
	held  shelf
}

// draft is an operation whose answer has not been written yet.
type draft struct {
	history.Op
	happens int // milliseconds; negative never
}

// shelf is what the service holds.
type shelf struct {
	tokens []string
	n      int64
	open   bool
}

// authored makes a history of one or two epochs, in the order of observation.
func authored(rng *rand.Rand) []history.Op {
	a := &author{rng: rng}
	var ops []history.Op
	for range 1 + rng.IntN(2) {
		a.session()
		ops = append(ops, a.perform()...)
	}
	return observed(ops)
}

// observed puts operations into the order in which a checker gets them.
func observed(ops []history.Op) []history.Op {
	slices.SortStableFunc(ops, func(a, b history.Op) int { return cmp.Compare(a.Return, b.Return) })
	return ops
}

// session drafts an epoch: bursts of overlapping operations, settle reads when
// all is quiet, mostly a logout with something on its way, and then replays.
func (a *author) session() {
	a.epoch++
	a.all = nil
	a.add(history.Login, 0, 2)
	a.rest()
	for range 1 + a.rng.IntN(3) {
		for range 2 + a.rng.IntN(5) {
			a.add(a.kind(), a.rng.IntN(14), a.rng.IntN(16))
		}
		a.rest()
		if a.rng.IntN(5) < 3 {
			a.settle()
		}
	}
	if a.rng.IntN(10) == 0 {
		return // given up
	}
	a.settle()
	if a.rng.IntN(4) == 0 {
		return // and signed in again
	}
	a.add(history.Logout, 2, 6)
	if a.rng.IntN(2) == 0 {
		a.add(a.kind(), a.rng.IntN(6), a.rng.IntN(12))
	}
	a.add(history.Replay, 9, 3)
	a.rest()
	a.add(history.Replay, 0, 3)
	a.rest()
}

func (a *author) kind() history.Kind {
	return []history.Kind{history.Append, history.Append, history.State, history.State, history.Incr}[a.rng.IntN(5)]
}

func (a *author) settle() {
	a.add(history.State, 0, 2)
	a.all[len(a.all)-1].Settle = true
	a.rest()
}

// rest goes on when all that was called has returned.
func (a *author) rest() {
	for i := range a.all {
		a.now = max(a.now, int(a.all[i].Return/time.Millisecond))
	}
	a.now++
}

func (a *author) add(kind history.Kind, wait, takes int) {
	call := a.now + wait
	d := draft{Op: plan(kind, call, call+takes, history.OK).Op, happens: call + a.rng.IntN(takes+1)}
	d.Epoch = a.epoch
	if kind == history.Append {
		a.seq++
		d.Token = history.Token("1", d.User, d.Epoch, a.seq)
	}
	if kind == history.Append || kind == history.Incr || kind == history.State {
		a.fate(&d)
	}
	a.all = append(a.all, d)
}

// fate has some operations fail, or end without an answer.
func (a *author) fate(d *draft) {
	switch r := a.rng.IntN(100); {
	case r < 4:
		d.Outcome, d.Status, d.happens = history.Failed, 0, -1
	case r < 18:
		d.Outcome, d.Status = history.Unknown, 0
		d.happens = int(d.Call/time.Millisecond) + a.rng.IntN(60)
		if a.rng.IntN(2) == 0 {
			d.happens = -1
		}
	}
}

// perform has the service do what was drafted, each at its moment.
func (a *author) perform() []history.Op {
	if a.rng.IntN(3) > 0 {
		a.held.n = 0 // else the session of before is taken over
	}
	a.held.tokens, a.held.open = nil, true
	slices.SortStableFunc(a.all, func(x, y draft) int { return cmp.Compare(x.happens, y.happens) })
	var ops []history.Op
	for i := range a.all {
		d := &a.all[i]
		if d.happens >= 0 {
			a.held.answer(&d.Op)
		}
		ops = append(ops, d.Op)
	}
	return ops
}

func (h *shelf) answer(op *history.Op) {
	if !h.open {
		if op.Outcome == history.OK && op.Kind != history.Logout {
			op.Outcome, op.Status, op.Anonymous = history.Failed, 401, true
		}
		return
	}
	seen := &history.Seen{User: history.UserName(op.User)}
	switch op.Kind {
	case history.Append:
		h.tokens = append(h.tokens, op.Token)
		seen = nil
	case history.Incr:
		h.n++
		seen.N = h.n
	case history.Logout:
		h.open, h.n = false, 0
		seen = nil
	case history.State, history.Replay:
		seen.Tokens, seen.N = slices.Clone(h.tokens), h.n
	default:
	}
	if op.Outcome == history.OK {
		op.Seen = seen
	}
}
