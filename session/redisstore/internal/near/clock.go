package near

import "time"

// An instant is a moment on both local clocks. The monotonic one measures, but
// it stands still while a machine is suspended; the wall clock does not, but
// it may be set. So time has passed as soon as either of them says so: a clock
// that is set forward costs copies, and neither lengthens their life.
type instant struct{ mono, wall int64 } // nanoseconds

// start is where mono counts from.
var start = time.Now()

// farthest bounds additions, so that nothing overflows.
const farthest = 100 * 365 * 24 * time.Hour

func at(t time.Time) instant {
	return instant{mono: int64(t.Sub(start)), wall: t.UnixNano()}
}

func (i instant) add(d time.Duration) instant {
	d = max(min(d, farthest), -farthest)
	return instant{mono: i.mono + int64(d), wall: i.wall + int64(d)}
}

// reached tells whether i is at or after end.
func (i instant) reached(end instant) bool { return i.mono >= end.mono || i.wall >= end.wall }

// later is the later one of two moments that have been.
func later(a, b instant) instant {
	if a.mono > b.mono {
		return a
	}
	return b
}
