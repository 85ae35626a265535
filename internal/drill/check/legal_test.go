package check

import (
	"math/rand/v2"
	"testing"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// mortal is a service whose one session expires between the idle timeout and 1.1 times of
// it after the last activity, each request taking effect at a moment of its
// own. Times are milliseconds.
type mortal struct {
	rng            *rand.Rand
	idle, absolute int
	died           bool
	ends, limit    int
}

func (m *mortal) between(low, high int) int { return low + m.rng.IntN(high-low+1) }

// use is a request that takes effect then; false: the session has expired.
func (m *mortal) use(at int) bool {
	m.died = m.died || at > m.ends || at > m.limit
	if !m.died {
		m.extend(at)
	}
	return !m.died
}

func (m *mortal) extend(at int) {
	if at <= m.ends {
		m.ends = max(m.ends, at+m.between(m.idle, m.idle*11/10))
	}
}

// lives makes a history of a user of the service: activity of all kinds, in
// bursts, pauses of any length, and a stream, which is no activity.
func (m *mortal) lives() []planned {
	login := login(0, m.between(0, 30))
	at := m.between(0, int(login.Return.Milliseconds()))
	m.limit = at + m.absolute
	m.ends = at + m.idle
	ops, now := []planned{login}, int(login.Return.Milliseconds())
	ops = append(ops, stream(now+1, 30000).brought(1, 280))
	for range m.between(1, 12) {
		until := now
		for range m.between(0, 4) { // overlapping
			call := now + m.between(0, 20)
			ret := call + m.between(0, 200)
			op := m.does(call, ret)
			ops = append(ops, op)
			until = max(until, int(op.Return.Milliseconds()))
		}
		now = until + 1
		if m.rng.IntN(2) == 0 {
			now += m.between(1, 200)
			continue
		}
		now += m.between(1, m.idle*3/2)
		ret := now + m.between(0, 100)
		if m.use(m.between(now, ret)) {
			ops = append(ops, there(now, ret))
		} else {
			ops = append(ops, gone(now, ret))
		}
		now = ret + 1
	}
	return ops
}

func (m *mortal) does(call, ret int) planned {
	if m.rng.IntN(8) == 0 { // and may take effect long after
		m.extend(m.between(call, ret+2000))
		return look(call, ret, "").unknown()
	}
	if m.rng.IntN(4) == 0 { // answered to anyone, activity or not
		ret += 1000
		if m.rng.IntN(2) == 0 {
			m.extend(m.between(call, ret))
		}
		return plan(history.Slow, call, ret, history.OK)
	}
	if m.use(m.between(call, ret)) {
		return look(call, ret, "")
	}
	return look(call, ret, "").anonymous()
}

// What the contract allows is never a violation, whatever overlaps.
func TestMortalSessionsAreClean(t *testing.T) {
	exposed := 0
	for seed := range uint64(3000) {
		m := &mortal{rng: rand.New(rand.NewPCG(seed, 7)), idle: 3000, absolute: 10000}
		ops := m.lives()
		o := run(both, ops, nil)
		exposed += o.Guarantee(G7).Exposed
		for _, v := range o.Violations {
			t.Fatalf("seed %d: %s at %v: %s\n%+v", seed, describe(v), v.At, v.Detail, v.Witness)
		}
	}
	if exposed < 500 {
		t.Errorf("%d exposures", exposed)
	}
}

// legalStream is a stream that breaks in every way and is resumed in time, in a
// session that ends in one of the ways there are.
func legalStream(rng *rand.Rand) []planned {
	between := func(low, high int) int { return low + rng.IntN(high-low+1) }
	ops, now := []planned{login(0, 10)}, between(11, 100)
	last, broken := uint64(0), now
	for range between(1, 12) {
		limit := broken + 4900
		for ; now < limit && rng.IntN(3) == 0; now += between(100, 1500) {
			attempt := stream(now, now+between(0, 60)).after(broken, last)
			if rng.IntN(2) == 0 {
				attempt = attempt.failing(history.Failure{What: "refused", Idempotent: true})
			}
			ops = append(ops, attempt)
		}
		now = min(now, limit)
		n := uint64(between(1, 20))
		c := stream(now, now+50+int(n)*100).after(broken, last).brought(last+1, last+n).ended(history.StreamEnd(between(1, 4)))
		if c.Connection.End == history.Silent {
			c.Connection.End = history.Abrupt
		}
		ops = append(ops, c)
		last += n
		broken = int(c.Return.Milliseconds())
		now = broken + between(0, 1000)
	}
	switch rng.IntN(4) {
	case 0: // still running
		ops = append(ops, stream(now, broken+between(1100, 4900)).after(broken, last).ended(history.Stopped))
	case 1: // signed out, and what the service makes of it
		ret := now + between(0, 20000)
		ops = append(ops, logout(broken+between(0, 4900), ret), stream(now, now+between(0, 20000)).after(broken, last))
	case 2: // signs out without an answer, and the stream goes on from the start
		ops = append(ops, logout(broken-1, now+between(0, 100)).unknown(), stream(now, now+2000).after(broken, last).brought(1, 9))
	default: // expired: turned away, for however long
		ops = append(ops, logout(now, now+10))
		for range 3 {
			now += 3000
			ops = append(ops, stream(now, now+10).after(broken, last).anonymous())
		}
	}
	return ops
}

func TestLegalStreamsAreClean(t *testing.T) {
	exposed := 0
	for seed := range uint64(3000) {
		o := run(Options{}, legalStream(rand.New(rand.NewPCG(seed, 11))), nil)
		exposed += o.Guarantee(G11).Exposed
		for _, v := range o.Violations {
			t.Fatalf("seed %d: %s at %v: %s\n%+v", seed, describe(v), v.At, v.Detail, v.Witness)
		}
	}
	if exposed < 3000 {
		t.Errorf("%d exposures", exposed)
	}
}
