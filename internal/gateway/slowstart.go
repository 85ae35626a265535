package gateway

import (
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway/balance"
	"github.com/evenkeel/evenkeel/internal/target"
)

// coldShare is what a target that has just become healthy gets of its share.
const coldShare = 0.1

// arrival is what a group knows of a target's beginning. It is under the group's
// mu.
type arrival struct {
	known   bool
	founder bool      // initial since before the group had anything to compare it with
	healthy bool      // when the table was built last
	since   time.Time // it became healthy among others; zero: it needs no slow start
}

// noteHealth notes who has become healthy. A target begins slowly that becomes
// healthy when others have been before; while none of the group has been, or
// no request has come, all are equally new. g.mu is held.
func (g *group) noteHealth(entries []*entry, states []target.State, now time.Time) {
	first := !g.proven || g.counters.requests.Load() == 0
	for i, e := range entries {
		b, healthy := &e.arrival, states[i] == target.Healthy
		if !b.known {
			b.known, b.founder = true, first
		}
		switch {
		case !healthy:
			b.since = time.Time{}
		case !b.healthy && !b.founder:
			b.since = now
		}
		if states[i] != target.Initial {
			b.founder = false
		}
		b.healthy = healthy
		g.proven = g.proven || healthy
	}
}

// warming is the slow start of a choice's targets. It needs no new table while
// the shares grow, and none when the last of them is warm.
type warming struct {
	picker balance.Picker
	since  []time.Time // by position; zero: warm
	oldest time.Time   // of since: the share is one of what the warmest gets
	over   time.Duration
	until  time.Time
	done   atomic.Bool
}

func (g *group) warmingOf(c *choice) *warming {
	if g.SlowStart <= 0 || len(c.entries) < 2 {
		return nil
	}
	w := &warming{since: make([]time.Time, len(c.entries)), over: g.SlowStart}
	newest := time.Time{}
	for i, e := range c.entries {
		at := e.arrival.since
		w.since[i] = at
		if i == 0 || at.Before(w.oldest) {
			w.oldest = at
		}
		if at.After(newest) {
			newest = at
		}
	}
	w.until = newest.Add(g.SlowStart)
	if !w.lasts() {
		return nil
	}
	w.picker = balance.Warming(g.picker(c.weights, func(i int) int { return balance.Inflated(c.load(i), w.share(i)) }), w.share)
	return w
}

// lasts reports whether there is a difference to make still.
func (w *warming) lasts() bool {
	if w.done.Load() {
		return false
	}
	if time.Now().Before(w.until) {
		return true
	}
	w.done.Store(true)
	return false
}

// share is what the target gets now of what it gets when it is warm, compared
// with the warmest one.
func (w *warming) share(i int) float64 {
	if w.since[i].Equal(w.oldest) {
		return 1
	}
	now := time.Now()
	return w.warmth(w.since[i], now) / w.warmth(w.oldest, now)
}

func (w *warming) warmth(since, now time.Time) float64 {
	if since.IsZero() {
		return 1
	}
	return min(coldShare+(1-coldShare)*float64(now.Sub(since))/float64(w.over), 1)
}
