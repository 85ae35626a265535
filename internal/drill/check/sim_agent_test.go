package check

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// agent is a simulated user: it logs in, fires bursts of overlapping
// operations, settles, logs out (sometimes with requests in flight) and replays
// what should be dead.
type agent struct {
	sim     *sim
	rng     *rand.Rand
	id      int
	epoch   int
	cookie  string
	old     string // an earlier cookie of this epoch
	ended   string // the cookie of an epoch that was logged out
	endedIn int
	writes  int
	pending int
	denied  bool
	bursts  int
}

func (a *agent) op(kind history.Kind) history.Op {
	return history.Op{User: a.id, Epoch: a.epoch, Kind: kind}
}

func (a *agent) login() {
	if a.sim.clock > a.sim.until {
		return
	}
	a.epoch++
	a.denied, a.old, a.bursts = false, "", 1+a.rng.IntN(4)
	a.sim.send(a.op(history.Login), a.cookie, func(op history.Op) {
		if op.Outcome != history.OK {
			a.sim.after(a.sim.between(0, 5*time.Millisecond), a.login)
			return
		}
		a.cookie = op.SetCookie
		a.burst()
	})
}

// burst fires two to six operations that overlap, and one State when they have
// ended if one was denied.
func (a *agent) burst() {
	a.bursts--
	a.pending = 2 + a.rng.IntN(5)
	for range a.pending {
		a.sim.after(a.sim.between(0, 6*time.Millisecond), func() {
			a.sim.send(a.random(), a.cookie, func(op history.Op) {
				a.note(op)
				if a.pending--; a.pending == 0 {
					a.next()
				}
			})
		})
	}
}

func (a *agent) random() history.Op {
	switch a.rng.IntN(12) {
	case 0, 1, 2, 3:
		op := a.op(history.Append)
		a.writes++
		op.Token = history.Token("sim", a.id, a.epoch, a.writes)
		return op
	case 4, 5:
		return a.op(history.Incr)
	case 6:
		return a.op(history.Rotate)
	default:
		return a.op(history.State)
	}
}

func (a *agent) note(op history.Op) {
	if op.Anonymous {
		a.denied = true
	}
	if op.Kind == history.Rotate && op.SetCookie != "" && op.SetCookie != a.cookie {
		a.old, a.cookie = a.cookie, op.SetCookie
	}
}

// next goes on after a burst.
func (a *agent) next() {
	switch {
	case a.denied:
		a.denied = false
		a.sim.send(a.op(history.State), a.cookie, func(op history.Op) {
			if op.Anonymous {
				a.login()
				return
			}
			a.again()
		})
	default:
		a.again()
	}
}

func (a *agent) again() {
	pause := a.sim.between(0, 20*time.Millisecond)
	switch {
	case a.sim.clock > a.sim.until:
		a.sim.after(40*time.Millisecond, func() { a.settle(func() {}) })
	case a.bursts > 0:
		a.sim.after(pause, a.burst)
	case a.rng.IntN(5) == 0:
		a.sim.after(pause, a.login) // without a logout
	case a.old != "" && a.rng.IntN(4) == 0:
		a.sim.after(700*time.Millisecond, a.tryOld)
	default:
		a.sim.after(40*time.Millisecond, func() { a.settle(a.logout) })
	}
}

// tryOld uses the current ID and then one that was renewed long ago.
func (a *agent) tryOld() {
	a.sim.send(a.op(history.State), a.cookie, func(op history.Op) {
		if op.Anonymous {
			a.login()
			return
		}
		a.sim.send(a.op(history.Replay), a.old, func(history.Op) { a.settle(a.logout) })
	})
}

func (a *agent) settle(then func()) {
	op := a.op(history.State)
	op.Settle = true
	a.sim.send(op, a.cookie, func(op history.Op) {
		switch {
		case op.Anonymous:
			a.login()
		case op.Outcome != history.OK:
			a.settle(then)
		default:
			then()
		}
	})
}

// logout is sometimes overtaken by what is still in flight; then the cookie is
// replayed at once, when nothing is in flight, and in the next epoch.
func (a *agent) logout() {
	a.pending = 1
	if a.rng.IntN(2) == 0 {
		for range 2 {
			a.pending++
			a.sim.send(a.random(), a.cookie, a.stray)
		}
	}
	cookie, epoch := a.cookie, a.epoch
	a.sim.after(a.sim.between(0, 3*time.Millisecond), func() {
		a.sim.send(a.op(history.Logout), cookie, func(op history.Op) {
			if op.Outcome == history.OK {
				a.ended, a.endedIn = cookie, epoch
				a.replay(func() {})
			}
			a.stray(op)
		})
	})
}

func (a *agent) stray(history.Op) {
	if a.pending--; a.pending == 0 {
		a.sim.after(25*time.Millisecond, func() { a.replay(a.login) })
	}
}

func (a *agent) replay(then func()) {
	if a.ended == "" {
		then()
		return
	}
	op := a.op(history.Replay)
	op.Epoch = a.endedIn
	a.sim.send(op, a.ended, func(history.Op) { then() })
}

// sortFlights gives the requests that a kill cuts an order that does not depend
// on the map they are kept in.
func sortFlights(flights []*flight) {
	slices.SortFunc(flights, func(a, b *flight) int {
		return cmp.Or(cmp.Compare(a.op.Call, b.op.Call), cmp.Compare(a.op.User, b.op.User),
			cmp.Compare(a.op.Kind, b.op.Kind), cmp.Compare(a.op.Token, b.op.Token), cmp.Compare(a.cookie, b.cookie))
	})
}
