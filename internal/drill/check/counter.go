package check

import (
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// maxTickets is how many tickets are compared one by one; of older ones only
// the highest is known. maxFinals is how many settle reads are: the counts of
// later ones are no lower.
const (
	maxTickets = 64
	maxFinals  = 8
)

// counter is what G5 knows about the increments of an epoch.
type counter struct {
	ok, unknown int64
	tickets     []ticket // the latest maxTickets, in order of observation
	floor       int64    // the highest older ticket that returned by floorRet
	floorRet    time.Duration
	finals      []final // the latest maxFinals
	bad         bool    // one of the findings has been filed
}

type ticket struct {
	n         int64
	call, ret time.Duration
}

// final is the count that a settle read showed.
type final struct {
	n   int64
	ret time.Duration
}

// incremented judges a ticket: nobody else's, higher than those that were
// returned before it was asked for, and lower than those asked for after it
// was returned.
func (v *visit) incremented() {
	e, op := v.e, v.op
	switch op.Outcome {
	case history.Failed:
		return
	case history.Unknown:
		e.counter.unknown++
		return
	case history.OK:
	}
	if v.revived() {
		return
	}
	v.alive()
	if op.Seen == nil {
		e.counter.unknown++
		return
	}
	e.counter.ok++
	v.s.tally.exposed[G5]++
	t := ticket{n: op.Seen.N, call: op.Call, ret: op.Return}
	if other, what := e.counter.conflict(t); what != "" {
		e.counter.bad = true
		v.fileNow(finding{id: G5, grade: Lost, lastGood: min(other, op.Return), at: op.Return,
			detail: fmt.Sprintf("%s was given ticket %d, %s", v.u.name, t.n, what)}, what)
	}
	e.counter.add(t)
}

// conflict finds what contradicts t, another ticket or a settle read, and when
// that one was returned.
func (c *counter) conflict(t ticket) (ret time.Duration, what string) {
	if t.n < 1 {
		return t.ret, "which no increment gives"
	}
	for i := range c.tickets {
		o := &c.tickets[i]
		switch {
		case o.n == t.n:
			return o.ret, "which was given before"
		case o.ret < t.call && o.n > t.n:
			return o.ret, fmt.Sprintf("after ticket %d", o.n)
		case t.ret < o.call && o.n < t.n:
			return o.ret, fmt.Sprintf("before ticket %d", o.n)
		}
	}
	if c.floorRet >= 0 && c.floorRet < t.call && t.n <= c.floor {
		return c.floorRet, fmt.Sprintf("after ticket %d", c.floor)
	}
	for _, f := range c.finals {
		if f.ret < t.call && t.n <= f.n {
			return f.ret, fmt.Sprintf("after the counter was %d", f.n)
		}
	}
	return 0, ""
}

func (c *counter) add(t ticket) {
	if len(c.tickets) == maxTickets {
		old := c.tickets[0]
		c.floor, c.floorRet = max(c.floor, old.n), max(c.floorRet, old.ret)
		c.tickets = append(c.tickets[:0], c.tickets[1:]...)
	}
	c.tickets = append(c.tickets, t)
}

// least is the lowest count that a settle read may show: it has every
// increment that was acknowledged before the call, is no lower than the highest
// of their tickets, and no lower than what a settle read before it showed.
func (c *counter) least(call time.Duration) int64 {
	ok, highest := c.ok, int64(0)
	for i := range c.tickets {
		if t := &c.tickets[i]; t.ret < call {
			highest = max(highest, t.n)
		} else {
			ok--
		}
	}
	if c.floorRet < call {
		highest = max(highest, c.floor)
	}
	for _, f := range c.finals {
		if f.ret < call {
			highest = max(highest, f.n)
		}
	}
	return max(ok, highest)
}

func (c *counter) settle(f final) {
	if len(c.finals) == maxFinals {
		c.finals = append(c.finals[:0], c.finals[1:]...)
	}
	c.finals = append(c.finals, f)
}

// final judges the count of a settle read: every acknowledged increment is in
// it, and none was applied more often than attempted. A count that is short in
// an epoch with a bad ticket is the same loss.
func (v *visit) final() {
	e, n := v.e, v.op.Seen.N
	lower, upper := e.counter.least(v.op.Call), v.u.upper(e)
	e.counter.settle(final{n, v.op.Return})
	if e.counter.ok+e.counter.unknown == 0 {
		return
	}
	v.s.tally.exposed[G5]++
	if e.counter.bad || n >= lower && n <= upper {
		return
	}
	e.counter.bad = true
	f := finding{id: G5, lastGood: min(e.session.lastRet, v.op.Return), at: v.op.Return}
	if n < lower {
		f.grade = Lost
		f.detail = fmt.Sprintf("%s incremented with success, at least to %d, and the counter is %d", v.u.name, lower, n)
	} else {
		f.detail = fmt.Sprintf("%s incremented at most %d times and the counter is %d", v.u.name, upper, n)
	}
	v.fileNow(f, fmt.Sprintf("counter %d", n))
}

// upper is the highest count the epoch can have come to: its own attempts, on
// top of what it may have taken over from an earlier one that was not logged
// out.
func (u *user) upper(e *epoch) int64 {
	sum := e.counter.ok + e.counter.unknown
	for _, earlier := range slices.Backward(u.open) {
		if earlier.n < e.n {
			if earlier.logoutRet != never {
				return sum
			}
			sum += earlier.counter.ok + earlier.counter.unknown
		}
	}
	if n := len(u.ended); n > 0 && u.ended[n-1].epoch < e.n && u.ended[n-1].logoutRet == never {
		sum += u.ended[n-1].upper
	}
	return sum
}
