package redisstore

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// change is what some request might want, sensible or not.
func (w *twin) change(k *twinKey) session.Change {
	c := session.Change{WriteID: w.id(), NotAfter: w.now.Add(time.Minute), Passive: w.IntN(4) == 0}
	if w.IntN(25) == 0 {
		c.NotAfter = w.now.Add(pick(w, 0, time.Nanosecond, -time.Nanosecond, -time.Millisecond, time.Millisecond, -time.Hour, math.MaxInt64))
	}
	if len(k.loaded) == 0 || !w.alive(k) && w.IntN(2) == 0 || w.IntN(25) == 0 {
		c.Start = &session.Start{
			Verifier: w.hash(k),
			Idle:     pick(w, 30*time.Minute, 30*time.Minute, 30*time.Minute, time.Minute, 5*time.Second+999*time.Microsecond, 1000*time.Hour, math.MaxInt64, 8384883669867*time.Millisecond),
			Absolute: w.absolute(),
		}
	} else {
		rec := k.loaded[len(k.loaded)-1-min(w.IntN(9)/3, len(k.loaded)-1)]
		c.Base, c.Generation = rec.Version, rec.Generation
	}
	w.distort(&c)
	if c.Start == nil && w.IntN(50) == 0 {
		c.Invalidate = pick(w, session.ReasonSignOut, session.ReasonSignOut, "a reason\n", "\xff")
		return c
	}
	for range pick(w, 0, 1, 1, 2, 3, 5) {
		c.Ops = append(c.Ops, w.op(k))
	}
	c.Clear = w.IntN(12) == 0
	if c.Start == nil && w.IntN(4) == 0 || w.IntN(100) == 0 {
		c.Renew = &session.Renew{Verifier: w.hash(k), Strict: w.IntN(8) == 0}
		if w.IntN(12) == 0 {
			c.Renew.Verifier = w.known(k)
		}
	}
	if (c.Renew != nil || c.Start != nil) && w.IntN(3) == 0 || w.IntN(100) == 0 {
		c.SignIn = w.signIn()
	}
	if w.IntN(5) == 0 || c.Clear && w.IntN(2) == 0 {
		c.Limits = session.Limits{AttributeBytes: pick(w, 0, 0, 3, 8, 40, -1), SessionBytes: pick(w, 0, 0, 10, 20, 60, -1), Attributes: pick(w, 0, 0, 1, 2, 3, 5)}
	}
	return c
}

// again is a change that was sent before, mostly as retries are.
func (w *twin) again(k *twinKey) session.Change {
	c := k.sent[len(k.sent)-1-w.IntN(min(len(k.sent), 25))]
	c.Retry, c.NotAfter = w.IntN(4) > 0, w.now.Add(time.Minute)
	if c.Renew != nil && w.IntN(3) == 0 {
		c.WriteID = w.id()
	}
	if w.IntN(10) == 0 {
		c.Generation++
	}
	return c
}

// distort makes some changes stranger than any request would send.
func (w *twin) distort(c *session.Change) {
	switch w.IntN(40) {
	case 0:
		c.Generation += pick[int64](w, -1, 1, 2)
	case 1:
		c.Generation = pick[int64](w, math.MinInt64, math.MaxInt64, math.MaxInt64-1, 0, -1)
	case 2:
		c.Base.N = pick[int64](w, math.MinInt64, math.MaxInt64, 0, w.now.UnixMilli())
		c.Retry = true
	case 3:
		c.Retry = true
	case 4:
		c.WriteID = pick(w, "", strings.Repeat("x", session.MaxWriteIDBytes+1))
	}
}

func (w *twin) absolute() time.Time {
	switch w.IntN(6) {
	case 0:
		return w.now.Add(pick(w, time.Hour, 3*time.Hour, 5*time.Second, 24*time.Hour, 3*time.Hour+time.Nanosecond))
	case 1:
		if w.IntN(3) > 0 {
			break
		}
		return w.now.Add(pick(w, 0, time.Millisecond, -time.Millisecond, -time.Hour, time.Microsecond))
	case 2:
		if w.IntN(3) > 0 {
			break
		}
		return pick(w, time.UnixMilli(-1), time.UnixMilli(0), time.UnixMilli(math.MaxInt64), time.Time{}.Add(time.Hour))
	}
	return time.Time{}
}

func (w *twin) signIn() *session.SignIn {
	return &session.SignIn{
		Principal: pick(w, "alice", "alice", "alice", "alice", "alice", "alice", "alice", "alice", "bob", "", "\x00\n @"),
		Absolute:  w.absolute(), Persistent: w.IntN(2) == 0,
		Idle: pick(w, 0, 0, 0, time.Hour, time.Hour, time.Hour, 2*time.Minute, 3*time.Second, -1, time.Microsecond, 90*time.Minute+time.Microsecond),
	}
}

func (w *twin) op(k *twinKey) session.Op {
	op := session.Op{
		Kind: pick(w, session.OpSet, session.OpSet, session.OpSet, session.OpRemove, session.OpAdd, session.OpAdd,
			session.OpAppend, session.OpUnion, session.OpDiff),
		Name:       pick(w, "a", "b", "n", "l", "s", "@a", "_v", "ä \"", "%s:"),
		Value:      []byte(w.value()),
		N:          w.number(),
		Max:        pick(w, 0, 0, 1, 2, 3, math.MaxInt),
		Privileged: w.IntN(10) == 0,
	}
	if w.IntN(3) > 0 { // mostly of the attribute's kind
		op.Name = map[session.OpKind]string{session.OpSet: op.Name, session.OpRemove: op.Name, session.OpAdd: "n",
			session.OpAppend: "l", session.OpUnion: "s", session.OpDiff: "s"}[op.Kind]
	}
	for range w.IntN(4) {
		op.Elements = append(op.Elements, []byte(pick(w, "", "x", "y", "z", "\xff", strings.Repeat("w", 127), strings.Repeat("w", 128), strings.Repeat("v", 300))))
	}
	if count, err := strconv.ParseInt(w.stored(k, op.Name), 10, 64); err == nil && w.IntN(4) == 0 {
		op.N = pick[int64](w, math.MaxInt64, math.MinInt64, math.MaxInt64-1, math.MinInt64+1, 1e10, 2e10, -1e10, -2e10, 0) - count // may wrap around
	}
	if w.IntN(8) == 0 {
		op.Expect = &session.Expect{Present: w.IntN(3) > 0, Value: []byte(w.value())}
		if k.rec != nil && w.IntN(3) > 0 {
			op.Expect.Value, op.Expect.Present = k.rec.Attributes[op.Name]
		}
	}
	switch w.IntN(150) {
	case 0:
		op.Name = pick(w, "", "a\x00", "\x7f", strings.Repeat("n", session.MaxNameBytes), strings.Repeat("n", session.MaxNameBytes+1), "\xff")
	case 1:
		op.Kind = session.OpDiff + 1
	case 2:
		op.Max = -1
	}
	return op
}

func (w *twin) stored(k *twinKey, name string) string {
	if k.rec == nil {
		return ""
	}
	return string(k.rec.Attributes[name])
}

func (w *twin) number() int64 {
	switch w.IntN(6) {
	case 0:
		return pick[int64](w, math.MaxInt64, math.MinInt64, math.MaxInt64-1, math.MinInt64+1, 1e10, 1e10-1, -1e10, 1-1e10, 9e18, -9e18, 1<<53+1)
	case 1:
		return int64(w.Uint64())
	case 2:
		return int64(w.Uint64()) >> w.IntN(64)
	}
	return int64(w.IntN(7) - 3)
}

// value is text, a counter, a list, a set, or nearly one.
func (w *twin) value() string {
	switch w.IntN(4) {
	case 0:
		return pick(w, "0", "1", "-1", "9223372036854775807", "-9223372036854775808", "9223372036854775806", "10000000000", "-9999999999", "19999999999", "-19999999999",
			"9223372036854775808", "-9223372036854775809", "99999999999999999999", "-0", "00", "01", "+1", " 1", "1 ", "1e3", "0x10", "nan", "inf", "1.0", "-", "")
	case 1:
		return pick(w, "\xff", "\xff\x00", "\xff\x01a", "\xff\x01a\x01b", "\xff\x01a\x01a", "\xff\x00\x00", "\xff\x01a\x00", "\xff\x80\x01"+strings.Repeat("w", 128),
			"\xff\x80\x00", "\xff\x81\x00a", "\xff\x02a", "\xff\x80", "\xff\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00a",
			"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "\xff"+strings.Repeat("\x80", 200)+"\x01",
			"\xff"+strings.Repeat("\x80", 9)+"\x01", "\xff\x7f"+strings.Repeat("w", 127), "\xfe\x01a", "\xff\x01\x00")
	case 2:
		return randomText(w.Rand, w.IntN(12))
	}
	return pick(w, "text", "x", strings.Repeat("t", 30), strings.Repeat("t", 300), "")
}

func randomText(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	if n > 0 && r.IntN(2) == 0 {
		b[0] = 0xff
	}
	return string(b)
}
