package check

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// planned is an operation of a planted history: of user 1 in epoch 1 unless
// told otherwise. Times are milliseconds.
type planned struct{ history.Op }

func plan(kind history.Kind, call, ret int, outcome history.Outcome) planned {
	op := history.Op{User: 1, Epoch: 1, Kind: kind, Call: ms(call), Return: ms(ret), Outcome: outcome, Instance: "shop-1"}
	if outcome == history.OK {
		op.Status = 200
	}
	return planned{op}
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func login(call, ret int) planned { return plan(history.Login, call, ret, history.OK) }

// write appends tokens[name]; its user is part of the token, see finish.
func write(name string, call, ret int) planned {
	p := plan(history.Append, call, ret, history.OK)
	p.Token = name
	return p
}

// look is a read that shows the tokens; "a b" are two.
func look(call, ret int, tokens string) planned {
	p := plan(history.State, call, ret, history.OK)
	p.Seen = &history.Seen{User: "u1", Tokens: strings.Fields(tokens)}
	return p
}

func settle(call, ret int, tokens string) planned {
	p := look(call, ret, tokens)
	p.Settle = true
	return p
}

func incr(n int64, call, ret int) planned {
	p := plan(history.Incr, call, ret, history.OK)
	p.Seen = &history.Seen{User: "u1", N: n}
	return p
}

func rotate(cookie string, call, ret int) planned {
	p := plan(history.Rotate, call, ret, history.OK)
	p.SetCookie = cookie
	return p
}

func logout(call, ret int) planned { return plan(history.Logout, call, ret, history.OK) }

// replay is one that opens nothing.
func replay(call, ret int) planned {
	return plan(history.Replay, call, ret, history.Failed).anonymous()
}

func (p planned) user(n int) planned {
	p.User = n
	if p.Seen != nil && p.Seen.User == "u1" {
		seen := *p.Seen
		seen.User = history.UserName(n)
		p.Seen = &seen
	}
	return p
}

func (p planned) epoch(n int) planned { p.Epoch = n; return p }

func (p planned) on(instance string) planned { p.Instance = instance; return p }

func (p planned) sets(cookie string) planned { p.SetCookie = cookie; return p }

func (p planned) sent(cookie string) planned { p.Sent = cookie; return p }

func (p planned) count(n int64) planned { p.Seen.N = n; return p }

func (p planned) showing(user string) planned { p.Seen.User = user; return p }

func (p planned) anonymous() planned {
	p.Outcome, p.Status, p.Anonymous, p.Seen = history.Failed, 401, true, nil
	return p
}

// unknown: reset without an answer.
func (p planned) unknown() planned {
	p.Outcome, p.Status, p.Seen, p.Instance = history.Unknown, 0, nil, ""
	return p
}

func (p planned) refusedByService() planned {
	p.Outcome, p.Status, p.Seen = history.Failed, 429, nil
	return p
}

func (p planned) failing(f history.Failure) planned {
	p = p.unknown()
	p.Failure = &f
	return p
}

// opens is a replay that does open the session.
func (p planned) opens(tokens string) planned {
	p.Outcome, p.Status, p.Anonymous = history.OK, 200, false
	p.Seen = &history.Seen{User: history.UserName(p.User), Tokens: strings.Fields(tokens)}
	return p
}

// short tokens like "a" are written out as ones of their user, "2:a" as one of
// user 2.
func longToken(user int, short string) string {
	if owner, name, ok := strings.Cut(short, ":"); ok {
		return "u" + owner + "-1-" + name
	}
	return history.UserName(user) + "-1-" + short
}

func (p planned) finish() history.Op {
	if p.Token != "" {
		p.Token = longToken(p.User, p.Token)
	}
	if p.Seen != nil {
		seen := *p.Seen
		seen.Tokens = nil
		for _, t := range p.Seen.Tokens {
			seen.Tokens = append(seen.Tokens, longToken(p.User, t))
		}
		p.Seen = &seen
	}
	return p.Op
}

// run observes a planted history in the order of the returns.
func run(opt Options, plans []planned, events []history.Event, windows ...Window) Outcome {
	c := New(opt)
	var ops []history.Op
	for _, p := range plans {
		ops = append(ops, p.finish())
	}
	slices.SortStableFunc(ops, func(a, b history.Op) int { return int(a.Return - b.Return) })
	for _, e := range events {
		begun := e
		begun.Terminating, begun.Ready, begun.Settled, begun.Killed = -1, -1, -1, nil
		c.Event(begun)
	}
	for _, op := range ops {
		c.Observe(op)
	}
	for _, e := range events {
		c.Event(e)
	}
	for _, w := range windows {
		c.Window(w)
	}
	return c.Finish()
}

// event is one that was triggered and has settled then.
func event(id, triggered, settled int) history.Event {
	return history.Event{ID: id, Kind: "scale-in", Target: "shop-1",
		Triggered: ms(triggered), Terminating: ms(triggered), Ready: ms(settled), Settled: ms(settled)}
}

func killed(e history.Event, instance string, at int) history.Event {
	e.Killed = append(e.Killed, history.Kill{Instance: instance, At: ms(at)})
	return e
}

// badOf are the guarantees with a violation and how many.
func badOf(o Outcome) map[ID]int {
	bad := map[ID]int{}
	for _, g := range o.Guarantees {
		if g.Bad > 0 {
			bad[g.ID] = g.Bad
		}
	}
	return bad
}

func checkExposed(t *testing.T, o Outcome, want map[ID]int) {
	t.Helper()
	for id, n := range want {
		if got := o.Guarantee(id).Exposed; got != n {
			t.Errorf("%v: %d exposures, want %d", id, got, n)
		}
	}
}
