package record

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func op(kind history.Kind, call, ret int) history.Op {
	return history.Op{User: 1, Epoch: 1, Kind: kind, Call: ms(call), Return: ms(ret), Status: 200}
}

func read(call, ret int, tokens ...string) history.Op {
	o := op(history.State, call, ret)
	o.Seen = &history.Seen{User: "u1", Tokens: tokens}
	return o
}

func wrote(token string, call, ret int) history.Op {
	o := op(history.Append, call, ret)
	o.Token = token
	return o
}

// noise is a long and lawful session: writes, and reads that show all but the
// tokens that are left out.
func noise(without ...string) []history.Op {
	ops := []history.Op{op(history.Login, 0, 1)}
	var tokens []string
	for i := range 100 {
		call := 10 + 20*i
		if i%2 == 0 {
			token := fmt.Sprintf("u1-1-%d", i)
			ops = append(ops, wrote(token, call, call+5))
			if !slices.Contains(without, token) {
				tokens = append(tokens, token)
			}
			continue
		}
		ops = append(ops, read(call, call+3, slices.Clone(tokens)...))
	}
	last := read(5000, 5001, tokens...)
	last.Settle = true
	return append(ops, last)
}

// Each violation comes down to the operations that make it, amid a hundred
// others.
func TestProve(t *testing.T) {
	anonymous := op(history.State, 2005, 2008)
	anonymous.Status, anonymous.Outcome, anonymous.Anonymous = 401, history.Failed, true
	foreign := read(1500, 1501, "u2-1-1")
	foreign.Seen.User = "u2"
	replay := read(7000, 7001)
	replay.Kind, replay.Epoch = history.Replay, 1
	refused := op(history.Append, 1111, 1112)
	refused.Status, refused.Outcome, refused.Failure = 0, history.Unknown, &history.Failure{What: "refused"}
	twice := read(2500, 2501, "u1-1-0", "u1-1-0")
	for name, test := range map[string]struct {
		ops  []history.Op
		id   check.ID
		want []history.Kind
	}{
		"lost update":  {noise("u1-1-40"), check.G4, []history.Kind{history.Login, history.Append, history.State, history.State}},
		"lost session": {append(noise(), anonymous), check.G1, []history.Kind{history.Login, history.State, history.State, history.State}},
		"leak":         {append(noise(), foreign), check.G6, []history.Kind{history.Login, history.State}},
		"logout":       {append(noise(), op(history.Logout, 6000, 6001), replay), check.G9, []history.Kind{history.Login, history.Logout, history.Replay}},
		"request":      {append(noise(), refused), check.G10, []history.Kind{history.Login, history.Append}},
		"twice":        {append(noise(), twice), check.G12, []history.Kind{history.Login, history.State, history.State}},
	} {
		t.Run(name, func(t *testing.T) {
			slices.SortStableFunc(test.ops, func(a, b history.Op) int { return int(a.Return - b.Return) })
			v := violation(t, test.ops, test.id)
			p := &prover{want: v, until: time.Now().Add(time.Minute)}
			for from, candidates := range map[string]check.Violation{"with a witness": v, "without one": {Guarantee: v.Guarantee, Grade: v.Grade,
				User: v.User, LastGood: v.LastGood, At: v.At, Event: v.Event, Detail: v.Detail}} {
				p.want = candidates
				ops, minimal := p.prove(test.ops)
				if !minimal || !p.shows(ops) || len(ops) > len(test.want) {
					t.Errorf("%s: minimal %v, shows %v: %d operations, want at most %d: %v", from, minimal, p.shows(ops), len(ops), len(test.want), ops)
				}
				for i := range ops {
					if rest := slices.Delete(slices.Clone(ops), i, i+1); ops[i].Kind != history.Login && p.shows(rest) {
						t.Errorf("%s: operation %d can be left out", from, i)
					}
				}
				steps := p.steps(ops, nil)
				if steps[0].Kind != history.Login || !slices.ContainsFunc(steps, func(s check.Step) bool { return s.Note != "" }) {
					t.Errorf("%s: no sign-in or no note: %+v", from, steps)
				}
			}
			p.until = time.Time{} // no time at all
			if ops, minimal := p.prove(test.ops); minimal || !p.shows(ops) {
				t.Errorf("out of time: minimal %v, %d operations", minimal, len(ops))
			}
		})
	}
	p := &prover{want: check.Violation{Guarantee: check.G4, User: "u1"}, until: time.Now().Add(time.Minute)}
	if ops, _ := p.prove(noise()); ops != nil {
		t.Errorf("the control is proved: %v", ops)
	}
}

func violation(t *testing.T, ops []history.Op, id check.ID) check.Violation {
	t.Helper()
	c := check.New(check.Options{})
	for _, op := range ops {
		c.Observe(op)
	}
	all := c.Finish().Violations
	i := slices.IndexFunc(all, func(v check.Violation) bool { return v.Guarantee == id })
	if i < 0 {
		t.Fatalf("the checker does not find %v: %+v", id, all)
	}
	return all[i]
}

// Whatever is made of a history, what the prover returns shows the violation.
func TestProofsHold(t *testing.T) {
	proved := 0
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		ops := noise()
		for range 4 {
			i := 1 + rng.IntN(len(ops)-1)
			if seen := ops[i].Seen; seen != nil && len(seen.Tokens) > 1 {
				ops[i].Seen = &history.Seen{User: "u1", Tokens: slices.Delete(slices.Clone(seen.Tokens), 0, 1+rng.IntN(len(seen.Tokens)-1))}
			} else {
				ops[i].Anonymous, ops[i].Outcome, ops[i].Status = true, history.Failed, 401
			}
		}
		c := check.New(check.Options{})
		for _, op := range ops {
			c.Observe(op)
		}
		for _, v := range c.Finish().Violations {
			p := &prover{want: v, until: time.Now().Add(50 * time.Millisecond)}
			found, _ := p.prove(ops)
			if len(found) == 0 || !p.shows(found) {
				t.Fatalf("seed %d: %v is not shown by %d operations", seed, v, len(found))
			}
			proved++
		}
	}
	if proved < 30 {
		t.Errorf("only %d violations", proved)
	}
}
