package engine

import (
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// keys is the number of attributes that users write to.
const keys = 8

var keyNames = [keys]string{"k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"}

// slowPerUser bounds the slow requests of one user, who waits for them before
// every settle read.
const slowPerUser = 2

// Slow requests that are kept on their way, so that what leaves an instance too
// early is noticed.
type Slow struct {
	// Kept is how many are in flight at least, across the run, if there are
	// half as many users; 0 is 5, negative none.
	Kept int
	// Time is how long the shortest take; the longest take twice that. 0 is 1 s.
	Time time.Duration
}

// slots counts the slow requests in flight across the run. Three more than
// Slow.Kept are allowed, so that some can end before others begin.
type slots struct {
	taken atomic.Int64
	most  int64
}

func (s *slots) take() bool {
	if s.taken.Add(1) > s.most {
		s.taken.Add(-1)
		return false
	}
	return true
}

func (s *slots) give() { s.taken.Add(-1) }

// step gives the operations of one step of the schedule and moves it on. All
// begin at once.
func (j *journey) step(now time.Duration) (fire []action, shed int) {
	j.steps--
	due := j.due
	free := j.plan.lanes - j.inFlight.n
	var wanted []action
	if j.slowWanted(free) {
		a := j.action(history.Slow, due)
		a.call.Time = j.plan.slow.Time + time.Duration(j.rng.Int64N(int64(j.plan.slow.Time)))
		a.slot = true
		wanted = append(wanted, a)
	}
	// Lanes that a slow request holds are held by intention: no load is
	// planned for them that could only be shed.
	most := j.plan.lanes - j.inFlight.slow - len(wanted)
	for _, k := range j.choose(most) {
		if a, ok := j.work(k, now, due, wanted); ok {
			wanted = append(wanted, a)
		}
	}
	n := min(len(wanted), free)
	for _, a := range wanted[n:] {
		if a.slot {
			j.plan.slots.give()
		}
	}
	pause := j.jitter(max(len(wanted), 1))
	if j.trial.stays && j.trial.expiry.Idle > 0 { // it must not end for being idle
		pause = min(pause, j.trial.expiry.Idle/3)
	}
	j.due += pause
	j.alarm = j.due
	return wanted[:n], len(wanted) - n
}

func (j *journey) slowWanted(free int) bool {
	return j.plan.offers[history.Slow] && free >= 3 && j.inFlight.slow < slowPerUser && j.plan.slots.take()
}

// choose gives the kinds of a step, at most that many: bursts of writes, reads
// at once, tickets at once, a renewal amid other requests, or a mix.
func (j *journey) choose(most int) []history.Kind {
	repeat := func(k history.Kind, n int) []history.Kind {
		kinds := make([]history.Kind, 0, n)
		for range n {
			kinds = append(kinds, k)
		}
		return kinds
	}
	var kinds []history.Kind
	switch r := j.rng.IntN(100); {
	case r < 40:
		kinds = repeat(history.Append, 2+j.rng.IntN(5))
	case r < 58:
		kinds = repeat(history.State, 1+j.rng.IntN(2))
	case r < 70:
		kinds = repeat(history.Incr, 1+j.rng.IntN(3))
	case r < 80:
		kinds = append(repeat(history.Append, 1+j.rng.IntN(2)), history.Rotate, history.State, history.Incr)
	case r < 87:
		kinds = []history.Kind{history.Replay, history.State}
	default:
		kinds = []history.Kind{history.Append, history.State, history.Append, history.Incr, history.State}
		kinds = kinds[:2+j.rng.IntN(4)]
	}
	return kinds[:min(len(kinds), max(most, 0))]
}

// work makes an action of a kind; false where that cannot be now. planned are
// the step's actions so far.
func (j *journey) work(k history.Kind, now, due time.Duration, planned []action) (action, bool) {
	if !j.plan.offers[k] && (k == history.Append || k == history.Incr || k == history.Rotate) {
		k = history.State // a look in place of what the service does not have keeps the pace
	}
	if !j.plan.offers[k] {
		return action{}, false
	}
	a := j.action(k, due)
	switch k {
	case history.Append:
		key, ok := j.freeKey(now, planned)
		if !ok {
			return a, false
		}
		j.session.seq++
		a.key = key
		a.op.Key, a.op.Token = keyNames[key], history.Token(j.plan.run, j.user, j.epoch, j.session.seq)
		a.call.Key, a.call.Token = a.op.Key, a.op.Token
	case history.Rotate:
		return a, !j.inFlight.rotating
	case history.Replay: // of a session that was left, or an ID that a renewal has replaced
		if n := len(j.left); n > 0 && j.rng.IntN(2) == 0 {
			return j.replay(j.left[j.rng.IntN(n)], due), true
		}
		if n := len(j.session.cookies); n > 1 && !j.inFlight.rotating {
			a.call.Cookie = j.session.cookies[j.rng.IntN(2)*j.rng.IntN(n-1)] // often the oldest, whose grace is over
			return a, true
		}
		return a, false
	default:
	}
	return a, true
}

// freeKey is a key that no append is on its way to: only writes to distinct
// attributes may overlap.
func (j *journey) freeKey(now time.Duration, planned []action) (int, bool) {
	busy := j.inFlight.keys
	for i := range planned {
		if planned[i].op.Kind == history.Append {
			busy[planned[i].key] = never
		}
	}
	from := j.rng.IntN(keys)
	for i := range keys {
		if k := (from + i) % keys; busy[k] <= now {
			return k, true
		}
	}
	return 0, false
}

// companion is the request that is on its way when the user signs out; often
// there is none.
func (j *journey) companion(now, due time.Duration) (action, bool) {
	var k history.Kind
	switch r := j.rng.IntN(100); {
	case r < 30:
		k = history.Append
	case r < 45:
		k = history.State
	case r < 55:
		k = history.Incr
	case r < 75:
		k = history.Slow
	default:
		return action{}, false
	}
	a, ok := j.work(k, now, due, nil)
	if ok && k == history.Slow {
		a.call.Time = j.plan.slow.Time/20 + time.Duration(j.rng.Int64N(int64(j.plan.slow.Time/4)+1))
	}
	return a, ok
}
