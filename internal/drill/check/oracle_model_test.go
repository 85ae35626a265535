package check

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// Porcupine decides whether operations can be put in one order that respects
// a.Return < b.Call and that a model accepts. Each question below is one that
// the checker answers as well, put to a model of a session:
//
//	growing   a set that reads reveal: a read must show what was acknowledged
//	          before it in that order, and what any read before it showed
//	settled   the same, judged by settle reads alone; what a later answer shows
//	          was not gone
//	tickets   a counter with distinct, ordered tickets; others may take numbers
//	          in between
//	life      what was signed out stays so
//	once      a bag in which a token is once at most
//
// The exact models accept what a session does and nothing else; the checker asks
// for less on purpose, and the tests count where:
//
//   - that a token is shown that nobody can have written by then,
//   - that of two writes, one after the other, a read that overlaps the first
//     shows the second alone,
//   - that a number between two tickets was taken by nobody.

// deed is what an operation does to a model or shows of it.
type deed struct {
	verb  verb
	set   uint64 // of tokens: the one that is added, those that are shown
	twice bool   // one of them is shown twice
	n     int64  // the ticket or count
	low   int64  // of a count: increments that are certain to be in it
	high  int64  // and those that may be
}

type verb uint8

const (
	adds verb = iota
	shown
	takes
	mayTake // an increment without an answer
	counts
	finds // a count before any increment
	ends
	opens
)

// model makes one from a start and a step that reports whether the deed is
// legal.
func model[S comparable](start S, step func(S, deed) (S, bool)) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return start },
		Step: func(state, input, _ any) (bool, any) {
			next, legal := step(state.(S), input.(deed))
			return legal, next
		},
	}
}

var (
	growing = model(0, func(s uint64, d deed) (uint64, bool) {
		if d.verb == adds {
			return s | d.set, true
		}
		return d.set, s&^d.set == 0
	})
	settled = model(0, func(s uint64, d deed) (uint64, bool) {
		if d.verb == adds {
			return s | d.set, true
		}
		return s, s&^d.set == 0
	})
	exactSet = model(0, func(s uint64, d deed) (uint64, bool) {
		if d.verb == adds {
			return s | d.set, true
		}
		return s, s == d.set
	})
	tickets = model(0, func(n int64, d deed) (int64, bool) {
		switch d.verb {
		case finds:
			return max(n, d.n), true
		case counts:
			return d.n, d.n >= n && d.low <= d.n && d.n <= d.high
		default:
			return d.n, d.n > n
		}
	})
	exactCounter = model(0, func(n int64, d deed) (int64, bool) {
		switch d.verb {
		case counts, finds:
			return n, d.n == n
		case mayTake:
			return n + 1, true
		default:
			return d.n, d.n == n+1
		}
	})
	life = model(false, func(over bool, d deed) (bool, bool) {
		return over || d.verb == ends, d.verb == ends || !over
	})
	once = model(0, func(s uint64, d deed) (uint64, bool) { return s, !d.twice })
)

// act is an operation for Porcupine.
func act(op history.Op, d deed) porcupine.Operation {
	return porcupine.Operation{Call: int64(op.Call), Return: int64(op.Return), Input: d}
}

// perhaps is one of which nobody knows whether or when it happened: it can
// always be put at the end, where it changes nothing that was shown.
func perhaps(op history.Op, d deed) porcupine.Operation {
	return porcupine.Operation{Call: int64(op.Call), Return: math.MaxInt64, Input: d}
}

// chapter is one epoch of the user, in the order of observation, without what
// was called after its logout was acknowledged.
type chapter struct {
	ops     []history.Op
	after   []history.Op // what was
	tokens  []string
	carried int64 // increments that an epoch before may have left
}

// chapters divides a history of one user.
func chapters(ops []history.Op) []chapter {
	var all []chapter
	carried := int64(0)
	epochs := 0
	for _, op := range ops {
		epochs = max(epochs, op.Epoch)
	}
	for epoch := 1; epoch <= epochs; epoch++ {
		mine := slices.DeleteFunc(slices.Clone(ops), func(op history.Op) bool { return op.Epoch != epoch })
		c, end := chapter{carried: carried}, logoutReturn(mine)
		for _, op := range mine {
			if end < op.Call {
				c.after = append(c.after, op)
				continue
			}
			c.ops = append(c.ops, op)
			c.know(op)
		}
		carried += c.attempts(never)
		if end != never {
			carried = 0
		}
		all = append(all, c)
	}
	return all
}

func (c *chapter) know(op history.Op) {
	texts := []string{op.Token}
	if op.Seen != nil {
		texts = append(texts, op.Seen.Tokens...)
	}
	for _, text := range texts {
		if text != "" && !slices.Contains(c.tokens, text) {
			c.tokens = append(c.tokens, text)
		}
	}
	if len(c.tokens) > 64 {
		panic(fmt.Sprintf("%d tokens do not fit a word", len(c.tokens)))
	}
}

func (c *chapter) bit(text string) uint64 { return 1 << slices.Index(c.tokens, text) }

// set of the tokens that an answer shows.
func (c *chapter) set(op history.Op) (set uint64, twice bool) {
	for _, text := range op.Seen.Tokens {
		b := c.bit(text)
		twice = twice || set&b != 0
		set |= b
	}
	return set, twice
}

func isRead(op history.Op) bool {
	return op.Kind == history.State && op.Outcome == history.OK && op.Seen != nil
}

func isWrite(op history.Op) bool { return op.Kind == history.Append && op.Outcome == history.OK }

// attempts are the increments called by then that may count.
func (c *chapter) attempts(by time.Duration) (n int64) {
	for _, op := range c.ops {
		if op.Kind == history.Incr && op.Outcome != history.Failed && op.Call <= by {
			n++
		}
	}
	return n
}
