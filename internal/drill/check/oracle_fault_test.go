package check

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// faults change the answers of a history as a broken service would; where there
// is nothing to change they leave it. Some leave it legal.
var faults = []struct {
	name string
	do   func(*rand.Rand, []history.Op)
}{
	{"a token is lost", func(rng *rand.Rand, ops []history.Op) {
		text, from := someToken(rng, ops), someTime(rng, ops)
		hide(ops, text, func(r history.Op) bool { return r.Call >= from })
	}},
	{"a write is visible late", func(rng *rand.Rand, ops []history.Op) {
		text, until := someToken(rng, ops), someTime(rng, ops)
		hide(ops, text, func(r history.Op) bool { return r.Return < until })
	}},
	{"a read misses a token", func(rng *rand.Rand, ops []history.Op) {
		if r := someRead(rng, ops); r != nil {
			drop(r, someToken(rng, ops))
		}
	}},
	{"a read is stale", func(rng *rand.Rand, ops []history.Op) {
		if r := someRead(rng, ops); r != nil {
			keep := rng.IntN(len(r.Seen.Tokens) + 1)
			r.Seen.Tokens = r.Seen.Tokens[:keep]
		}
	}},
	{"two reads show the other's state", func(rng *rand.Rand, ops []history.Op) {
		if a, b := someRead(rng, ops), someRead(rng, ops); a != nil && a.Epoch == b.Epoch {
			a.Seen, b.Seen = b.Seen, a.Seen
		}
	}},
	{"a read is torn", func(rng *rand.Rand, ops []history.Op) {
		if r := someRead(rng, ops); r != nil {
			r.Seen.Tokens = slices.DeleteFunc(r.Seen.Tokens, func(string) bool { return rng.IntN(3) == 0 })
		}
	}},
	{"a write is applied twice", func(rng *rand.Rand, ops []history.Op) {
		text := someToken(rng, ops)
		for _, r := range ops {
			if isRead(r) && slices.Contains(r.Seen.Tokens, text) {
				r.Seen.Tokens = append(r.Seen.Tokens, text)
			}
		}
	}},
	{"a write without an answer is shown and taken back", func(rng *rand.Rand, ops []history.Op) {
		text := someToken(rng, ops)
		for i := range ops {
			if ops[i].Token == text {
				ops[i].Outcome, ops[i].Status = history.Unknown, 0
			}
		}
		from := someTime(rng, ops)
		hide(ops, text, func(r history.Op) bool { return r.Call >= from })
	}},
	{"an increment is lost", func(rng *rand.Rand, ops []history.Op) { shift(rng, ops, -1) }},
	{"an increment is applied twice", func(rng *rand.Rand, ops []history.Op) { shift(rng, ops, 1) }},
	{"a final count is wrong", func(rng *rand.Rand, ops []history.Op) {
		if r := someRead(rng, ops); r != nil {
			r.Seen.N = max(0, r.Seen.N+int64(rng.IntN(5))-2)
		}
	}},
	{"tickets are given out of order", func(rng *rand.Rand, ops []history.Op) {
		var taken []*history.Op
		for i := range ops {
			if ops[i].Kind == history.Incr && ops[i].Seen != nil {
				taken = append(taken, &ops[i])
			}
		}
		if n := len(taken); n > 1 {
			a, b := taken[rng.IntN(n)], taken[rng.IntN(n)]
			a.Seen, b.Seen = b.Seen, a.Seen
		}
	}},
	{"a logout is undone", func(rng *rand.Rand, ops []history.Op) {
		from := someTime(rng, ops)
		for i := range ops {
			if r := &ops[i]; r.Kind == history.Replay && r.Call >= from {
				r.Outcome, r.Status, r.Anonymous = history.OK, 200, false
				r.Seen = &history.Seen{User: history.UserName(r.User)}
			}
		}
	}},
	{"a write was made later than was said", func(rng *rand.Rand, ops []history.Op) {
		moved := someToken(rng, ops)
		for i := range ops {
			if w := &ops[i]; w.Kind == history.Append && w.Token == moved {
				w.Call = min(w.Return, w.Call+time.Duration(rng.IntN(8))*time.Millisecond)
			}
		}
	}},
	{"an answer that was lost is known", func(rng *rand.Rand, ops []history.Op) {
		for i := range ops {
			if w := &ops[i]; w.Kind == history.Append && w.Outcome == history.Unknown && rng.IntN(2) == 0 {
				w.Outcome, w.Status = history.OK, 200
			}
		}
	}},
}

// spoil plants one to three faults.
func spoil(rng *rand.Rand, ops []history.Op) []history.Op {
	for range 1 + rng.IntN(3) {
		faults[rng.IntN(len(faults))].do(rng, ops)
	}
	return observed(ops)
}

func someRead(rng *rand.Rand, ops []history.Op) *history.Op {
	from := rng.IntN(len(ops))
	for i := range ops {
		if r := &ops[(from+i)%len(ops)]; isRead(*r) {
			return r
		}
	}
	return nil
}

// someToken is one that was asked for, "" if there is none.
func someToken(rng *rand.Rand, ops []history.Op) string {
	from := rng.IntN(len(ops))
	for i := range ops {
		if text := ops[(from+i)%len(ops)].Token; text != "" {
			return text
		}
	}
	return ""
}

func someTime(rng *rand.Rand, ops []history.Op) time.Duration { return ops[rng.IntN(len(ops))].Return }

func hide(ops []history.Op, text string, where func(history.Op) bool) {
	for i := range ops {
		if isRead(ops[i]) && where(ops[i]) {
			drop(&ops[i], text)
		}
	}
}

func drop(r *history.Op, text string) {
	r.Seen.Tokens = slices.DeleteFunc(slices.Clone(r.Seen.Tokens), func(t string) bool { return t == text })
}

// shift changes all counts from some time on, in one epoch.
func shift(rng *rand.Rand, ops []history.Op, by int64) {
	first := ops[rng.IntN(len(ops))]
	for i := range ops {
		if r := &ops[i]; r.Epoch == first.Epoch && r.Call >= first.Return && r.Seen != nil && (isRead(*r) || r.Kind == history.Incr) {
			r.Seen.N = max(0, r.Seen.N+by)
		}
	}
}
