package record

import (
	"cmp"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

const (
	shrinkTime = 200 * time.Millisecond // for one violation
	maxProof   = 32                     // operations; more are not for people
)

// prover looks for the fewest operations of a user that show a violation by
// themselves. The checker is the judge.
type prover struct {
	opt    check.Options
	events []history.Event
	want   check.Violation
	until  time.Time
}

// prove returns the operations in the order in which they were observed, and
// whether none can be left out, but for those without which nobody can do the
// others again. Nil: those of the user alone do not show it.
func (p *prover) prove(all []history.Op) (ops []history.Op, minimal bool) {
	for _, some := range [][]history.Op{p.witnessed(all), p.around(all), all} {
		if some = complete(some, all); len(some) > 0 && p.shows(some) {
			return p.shrink(some)
		}
	}
	return nil, false
}

// shows: the operations have the same violation, with the same bracket.
func (p *prover) shows(ops []history.Op) bool {
	_, ok := p.find(ops, -1)
	return ok
}

func (p *prover) find(ops []history.Op, witnesses int) (check.Violation, bool) {
	opt := p.opt
	opt.Witnesses = witnesses
	c := check.New(opt)
	for _, e := range p.events {
		c.Event(e)
	}
	for _, op := range ops {
		c.Observe(op)
	}
	for _, v := range c.Finish().Violations {
		if v.Guarantee == p.want.Guarantee && v.User == p.want.User && v.Grade == p.want.Grade && v.Detail == p.want.Detail &&
			v.LastGood == p.want.LastGood && v.At == p.want.At && v.Event == p.want.Event {
			return v, true
		}
	}
	return check.Violation{}, false
}

// witnessed are the operations that the checker has picked.
func (p *prover) witnessed(all []history.Op) []history.Op {
	return slices.DeleteFunc(slices.Clone(all), func(op history.Op) bool {
		return !slices.ContainsFunc(p.want.Witness, func(s check.Step) bool {
			return s.Kind == op.Kind && s.Call == op.Call && s.Return == op.Return
		})
	})
}

// around are the operations of the epochs that the bracket meets.
func (p *prover) around(all []history.Op) []history.Op {
	epochs := map[int]bool{}
	for _, op := range all {
		if op.Return >= p.want.LastGood && op.Call <= p.want.At {
			epochs[op.Epoch] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(op history.Op) bool { return !epochs[op.Epoch] })
}

// shrink leaves out parts, halves first and then smaller ones, as long as the
// rest still shows the violation.
func (p *prover) shrink(ops []history.Op) (fewest []history.Op, minimal bool) {
	for size := max(len(ops)/2, 1); ; {
		removed := false
		for from := 0; from < len(ops); {
			if time.Now().After(p.until) {
				return ops, false
			}
			part := ops[from:min(from+size, len(ops))]
			rest := slices.Concat(ops[:from], needed(part, ops), ops[from+len(part):])
			if len(rest) < len(ops) && p.shows(rest) {
				ops, removed = rest, true
				continue
			}
			from += size
		}
		if size == 1 && !removed {
			return ops, true
		}
		size = max(size/2, 1)
	}
}

// needed are those of a part without which others cannot be done again: the
// sign-in of an epoch, and what gave the cookie that is replayed.
func needed(part, others []history.Op) []history.Op {
	epochs, replayed := map[int]bool{}, map[string]bool{}
	for i := range others {
		if o := &others[i]; o.Kind != history.Login {
			epochs[o.Epoch] = true
		}
		if o := &others[i]; o.Kind == history.Replay && o.Sent != "" {
			replayed[o.Sent] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(part), func(op history.Op) bool {
		signIn := op.Kind == history.Login && op.Outcome == history.OK && epochs[op.Epoch]
		return !signIn && !replayed[op.SetCookie]
	})
}

// complete adds what the operations need, in order.
func complete(some, all []history.Op) []history.Op {
	type key struct {
		kind      history.Kind
		call, ret time.Duration
	}
	wanted := map[key]bool{}
	for _, op := range slices.Concat(some, needed(all, some)) {
		wanted[key{op.Kind, op.Call, op.Return}] = true
	}
	return slices.DeleteFunc(slices.Clone(all), func(op history.Op) bool { return !wanted[key{op.Kind, op.Call, op.Return}] })
}

// steps are the operations as a witness has them: by call time, with what is
// wrong, and with what it takes to do them again.
func (p *prover) steps(ops []history.Op, describe Describer) []check.Step {
	var wrong check.Step
	if v, ok := p.find(ops, 0); ok {
		for _, s := range v.Witness {
			if s.Note != "" {
				wrong = s
			}
		}
	}
	ops = slices.Clone(ops)
	slices.SortStableFunc(ops, func(a, b history.Op) int { return cmp.Compare(a.Call, b.Call) })
	ids := map[string]int{"": 0}
	number := func(id string) int {
		if _, ok := ids[id]; !ok {
			ids[id] = len(ids)
		}
		return ids[id]
	}
	var steps []check.Step
	for _, op := range ops {
		s := step(op)
		s.Redo = &check.Redo{Epoch: op.Epoch, Presents: number(op.Sent), Gives: number(op.SetCookie), Cache: op.Cache}
		if describe != nil {
			s.Redo.Requests = describe(op, p.want.User)
		}
		if s.Kind == wrong.Kind && s.Call == wrong.Call && s.Return == wrong.Return {
			s.Note = wrong.Note
		}
		steps = append(steps, s)
	}
	return steps
}

func step(op history.Op) check.Step {
	s := check.Step{Call: op.Call, Return: op.Return, Kind: op.Kind, Outcome: op.Outcome, Status: op.Status, Instance: op.Instance,
		Token: op.Token, Tokens: -1, Settle: op.Settle, Anonymous: op.Anonymous}
	if op.Seen != nil {
		s.N = op.Seen.N
		if !op.Seen.MarkerOnly && (op.Kind == history.State || op.Kind == history.Replay) {
			s.Tokens = len(op.Seen.Tokens)
		}
	}
	return s
}
