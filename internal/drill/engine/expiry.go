package engine

import (
	"cmp"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// Expiry are the timeouts of the service that some of the users try out: they
// go idle on purpose, or stay for longer than any session may. A timeout that
// is zero, or longer than a third of the load's duration, is not tried.
type Expiry struct {
	Idle, Absolute time.Duration
	// Users who do it; 0 is one in ten and at least five, negative none.
	Users int
}

func (e Expiry) withDefaults(users int, duration time.Duration) Expiry {
	e.Users = min(max(cmp.Or(e.Users, max(users/10, 5)), 0), users)
	if e.Idle > duration/3 {
		e.Idle = 0
	}
	if e.Absolute > duration/3 {
		e.Absolute = 0
	}
	return e
}

// tries tells whether user i is one of those. Every other one of them is, by
// chosen, also among as many users of streams, which must keep nothing alive.
func (e Expiry) tries(i, users int) bool {
	if e.Idle == 0 && e.Absolute == 0 {
		return false
	}
	if e.Users == users {
		return true
	}
	before := (i + users - 1) % users
	return chosen(i, e.Users, users) && i*e.Users/users%2 == 0 ||
		chosen(before, e.Users, users) && before*e.Users/users%2 == 1
}

// chosen tells whether user i is one of n that are spread over all users.
func chosen(i, n, users int) bool { return (i+1)*n/users > i*n/users }

// waiting is what a user who rests waits for.
type waiting uint8

const (
	forNothing waiting = iota
	forIdle            // until shortly before the idle timeout
	forIdleEnd         // until the idle timeout has passed for certain
	forOldAge          // until the absolute timeout has, with a session that is gone
)

// trial is how a user tries timeouts out.
type trial struct {
	expiry Expiry        // no timeouts: not this user
	signed time.Duration // return of the login
	stays  bool          // this session is used until the absolute timeout has passed
	done   bool          // this session has been tried
	state  waiting
}

// tryExpiry chooses, after a login, how the session's end is tried, and how
// many steps come before.
func (j *journey) tryExpiry(op *history.Op) {
	e := j.trial.expiry
	j.trial = trial{expiry: e, signed: op.Return}
	switch {
	case e.Idle == 0 && e.Absolute == 0:
	case e.Absolute > 0 && (e.Idle == 0 || j.rng.IntN(2) == 0):
		j.trial.stays = true
		j.steps = -1 // never 0
	default:
		j.steps = 1 + j.rng.IntN(3)
	}
}

// aged is when the session must be gone by the absolute timeout.
func (t *trial) aged() time.Duration { return t.signed + beyond(t.expiry.Absolute) }

// beyond is a little longer than a session with that timeout may live.
func beyond(timeout time.Duration) time.Duration {
	return history.Gone(timeout) + history.Tolerance(timeout)/2
}

// ofAge: the session has been used until it must be gone.
func (t *trial) ofAge(now time.Duration) bool { return t.stays && now >= t.aged() }

// rest has the user do nothing until then.
func (j *journey) rest(state waiting, until time.Duration) {
	j.place, j.trial.state = resting, state
	j.settle.tries = 0
	j.alarm = until
}

// tried goes on after a settle read in a session whose end is tried; false:
// as in any other session.
func (j *journey) tried(op *history.Op, lost, answered bool, now time.Duration) bool {
	t := &j.trial
	idle := t.expiry.Idle
	switch {
	case !answered || j.closing || idle == 0 && t.expiry.Absolute == 0:
		return false
	case lost && t.stays && !op.Expiry && now >= t.signed+history.Lives(t.expiry.Absolute):
		j.rest(forOldAge, max(now, t.aged()))
	case lost && t.state == forIdle: // too early: the next read tells whether for good
		j.settle.doubt = true
		j.settleSoon(now)
	case lost:
		return false
	case t.state == forIdle:
		j.rest(forIdleEnd, op.Return+beyond(idle))
	case op.Expiry: // it should be gone
		t.done, t.stays, t.state = true, false, forNothing
		j.steps = 0
		return false
	case j.steps == 0 && !t.done && j.rng.IntN(3) > 0:
		j.rest(forIdle, op.Call+history.Lives(idle)*5/6)
	case j.steps == 0 && !t.done:
		j.rest(forIdleEnd, op.Return+beyond(idle))
	default:
		return false
	}
	return true
}
