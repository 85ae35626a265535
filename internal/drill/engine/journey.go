package engine

import (
	"math/rand/v2"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// place is where a user stands in its journey.
type place uint8

const (
	away      place = iota // not signed in; replays what is left to replay, then signs in
	signingIn              // the login is on its way
	active                 // works in steps
	settling               // begins nothing until all has ended and been quiet
	checking               // the settle read is on its way
	resting                // does nothing until its session has, or has not, expired
	parting                // settled; a last request, then the logout
	leaving                // the logout is on its way
	over                   // done for good
)

// signedIn tells whether the user has a session as far as it knows.
func (p place) signedIn() bool { return p >= active && p <= leaving }

const (
	settleTries = 5
	logoutTries = 3
	// breath is between attempts at something that has failed.
	breath = 250 * time.Millisecond
	// generations of a session's ID that are remembered for replays.
	generations = 8
)

// plan is what all users of a run have in common.
type plan struct {
	run      string
	interval time.Duration // between a user's operations, on average
	quiet    time.Duration // before a settle read
	lanes    int
	slow     Slow
	offers   [history.Stream + 1]bool
	slots    slots
}

// action is an operation to be sent.
type action struct {
	op   history.Op // what is known before: user, epoch, kind, key, token, settle
	call Call
	due  time.Duration
	slot bool // holds one of plan.slots
	key  int  // Append
}

// journey is the state machine of one user. It does nothing by itself: whoever
// owns it calls wake at the alarm, sends the actions, and calls ended for each.
// It has no clock and no connection, and all its choices come from rng. Not
// safe for concurrent use.
type journey struct {
	plan *plan
	rng  *rand.Rand
	user int

	place place
	alarm time.Duration // when wake wants to be called; never
	due   time.Duration // of the next step
	epoch int
	steps int // left before the user signs out

	inFlight flight
	settle   settlement
	trial    trial
	session  generation // of this epoch
	left     []generation
	replays  int  // left to make of the last one
	closing  bool // the run is ending
}

// flight is what a user has on its way.
type flight struct {
	n, slow  int
	rotating bool
	lastEnd  time.Duration
	keys     [keys]time.Duration // busy until; never while on its way
}

// settlement is the way to the next settle read or logout.
type settlement struct {
	doubt    bool          // an answer was anonymous: is the session lost?
	tries    int           // of the read or of the logout
	notUntil time.Duration // so that not all users settle at once in the end
	lastSent bool          // the last request before the logout has been sent
}

// generation is an epoch's session cookies, in the order given.
type generation struct {
	epoch   int
	cookies []string
	seq     int // writes
}

// wake gives the actions that are due and sets the next alarm. shed is the
// number of operations that found no free lane.
func (j *journey) wake(now time.Duration) (fire []action, shed int) {
	due := j.alarm
	j.alarm = never
	switch j.place {
	case away:
		fire = j.awayStep(due)
	case active:
		if j.closing || j.settle.doubt || j.steps == 0 || j.trial.ofAge(now) {
			j.settleSoon(now)
			return nil, 0
		}
		fire, shed = j.step(now)
	case settling:
		if j.inFlight.n > 0 { // the last one to end sets the alarm
			return nil, 0
		}
		fire = []action{j.look(due, j.trial.state != forNothing || j.trial.ofAge(now))}
	case resting:
		fire = []action{j.look(due, true)}
	case parting:
		fire = j.part(now, due)
	case signingIn, checking, leaving, over:
	}
	for i := range fire {
		j.began(&fire[i])
	}
	return fire, shed
}

// look is the settle read; expiry: to see whether the session has expired.
func (j *journey) look(due time.Duration, expiry bool) action {
	j.place = checking
	a := j.action(history.State, due)
	a.op.Settle, a.op.Expiry = true, expiry
	return a
}

func (j *journey) action(k history.Kind, due time.Duration) action {
	return action{
		op:   history.Op{User: j.user, Epoch: j.epoch, Kind: k},
		call: Call{Kind: k, User: history.UserName(j.user)},
		due:  due,
	}
}

func (j *journey) began(a *action) {
	j.inFlight.n++
	switch a.op.Kind {
	case history.Slow:
		j.inFlight.slow++
	case history.Rotate:
		j.inFlight.rotating = true
	case history.Append:
		j.inFlight.keys[a.key] = never
	default:
	}
}

// awayStep replays the session that was left, or signs in.
func (j *journey) awayStep(due time.Duration) []action {
	if j.replays > 0 {
		j.replays--
		return []action{j.replay(j.left[len(j.left)-1], due)}
	}
	if j.closing {
		j.place = over
		return nil
	}
	j.place = signingIn
	j.epoch++
	j.session = generation{epoch: j.epoch}
	a := j.action(history.Login, due)
	if len(j.left) > 0 && j.rng.IntN(2) == 0 {
		a.call.Cookie = j.pick(j.left[len(j.left)-1])
	}
	return []action{a}
}

// replay presents a cookie of g.
func (j *journey) replay(g generation, due time.Duration) action {
	a := j.action(history.Replay, due)
	a.op.Epoch = g.epoch
	a.call.Cookie = j.pick(g)
	return a
}

// pick is the newest cookie more often than not.
func (j *journey) pick(g generation) string {
	if j.rng.IntN(3) > 0 {
		return g.cookies[len(g.cookies)-1]
	}
	return g.cookies[j.rng.IntN(len(g.cookies))]
}

// part sends a last request ahead of the logout, so that it is on its way when
// the session ends, and then the logout.
func (j *journey) part(now, due time.Duration) []action {
	if !j.settle.lastSent {
		j.settle.lastSent = true
		if a, ok := j.companion(now, due); ok {
			j.alarm = now + time.Duration(j.rng.Int64N(int64(10*time.Millisecond)))
			return []action{a}
		}
	}
	j.place = leaving
	return []action{j.action(history.Logout, due)}
}

// ended takes in what became of an action, and sets the next alarm.
func (j *journey) ended(a *action, op *history.Op, now time.Duration) {
	j.landed(a, op, now)
	current := op.Epoch == j.epoch && op.Kind != history.Replay
	if current && op.SetCookie != "" {
		j.remember(op.SetCookie)
	}
	switch {
	case current && op.Kind == history.Login && j.place == signingIn:
		j.loggedIn(op, now)
	case current && op.Settle && j.place == checking:
		j.settled(op, now)
	case current && op.Kind == history.Logout && j.place == leaving:
		j.loggedOut(op, now)
	case current && op.Anonymous && j.place == active:
		j.settle.doubt = true
		j.settleSoon(now)
	case j.place == settling:
		j.alarm = j.quietAt(now)
	case j.place == away:
		j.alarm = j.awayAlarm(now)
	}
}

func (j *journey) landed(a *action, op *history.Op, now time.Duration) {
	f := &j.inFlight
	f.n--
	f.lastEnd = now
	switch op.Kind {
	case history.Slow:
		f.slow--
		if a.slot {
			j.plan.slots.give()
		}
	case history.Rotate:
		f.rotating = false
	case history.Append:
		f.keys[a.key] = now
		if op.Outcome == history.Unknown { // it may still be at work
			f.keys[a.key] = now + time.Second
		}
	default:
	}
}

func (j *journey) remember(cookie string) {
	g := &j.session
	if len(g.cookies) == generations {
		g.cookies = append(g.cookies[:1], g.cookies[2:]...)
	}
	g.cookies = append(g.cookies, cookie)
}

func (j *journey) loggedIn(op *history.Op, now time.Duration) {
	if op.Outcome != history.OK {
		j.leave(now, max(j.plan.interval, breath))
		return
	}
	j.place = active
	j.steps = 2 + j.rng.IntN(17)
	j.settle = settlement{notUntil: j.settle.notUntil}
	j.tryExpiry(op)
	j.inFlight.keys = [keys]time.Duration{}
	j.due = now + j.jitter(1)
	j.alarm = j.due
	if j.closing {
		j.alarm = now
	}
}

// settleSoon stops new operations; the settle read follows when all have ended
// and been quiet.
func (j *journey) settleSoon(now time.Duration) {
	j.place = settling
	j.settle.tries = 0
	j.trial.state = forNothing
	j.alarm = j.quietAt(now)
}

func (j *journey) quietAt(now time.Duration) time.Duration {
	if j.inFlight.n > 0 {
		return never
	}
	return max(now, j.inFlight.lastEnd+j.plan.quiet, j.settle.notUntil)
}

// settled goes on after a settle read: with the session, out of it, or without
// it where it is lost. A read without an answer is made again.
func (j *journey) settled(op *history.Op, now time.Duration) {
	lost := op.Anonymous || op.Seen != nil && op.Seen.User != history.UserName(j.user)
	answered := op.Outcome == history.OK || lost
	j.settle.tries++
	if j.tried(op, lost, answered, now) {
		return
	}
	switch {
	case !answered && j.settle.tries < settleTries:
		j.place = settling
		j.settle.notUntil = now + breath
		j.alarm = j.quietAt(now)
	case lost:
		j.leave(now, j.jitter(1))
	case j.closing:
		j.place = over
	case j.steps == 0 && answered && j.plan.offers[history.Logout]:
		j.place = parting
		j.settle.tries, j.settle.lastSent = 0, false
		j.alarm = now
	case j.steps == 0 && answered:
		j.leave(now, j.jitter(1)) // the next login is all the end there is
	default:
		j.place = active
		if !j.trial.stays {
			j.steps = max(j.steps, 3)
		}
		j.settle.doubt = false
		j.due = now + j.jitter(1)
		j.alarm = j.due
	}
}

func (j *journey) loggedOut(op *history.Op, now time.Duration) {
	j.settle.tries++
	if op.Outcome != history.OK && !op.Anonymous && j.settle.tries < logoutTries {
		j.place = parting
		j.alarm = now + breath
		return
	}
	if op.Outcome == history.OK && j.plan.offers[history.Replay] && len(j.session.cookies) > 0 {
		j.left = append(j.left, j.session)
		if len(j.left) > 2 {
			j.left = append(j.left[:0], j.left[1:]...)
		}
		j.replays = 2 // at once, and when nothing is in flight any more
	}
	j.leave(now, j.jitter(1))
}

// leave makes the user anonymous, to sign in again after a pause.
func (j *journey) leave(now, pause time.Duration) {
	j.place = away
	j.due = now + pause
	j.alarm = j.awayAlarm(now)
}

func (j *journey) awayAlarm(now time.Duration) time.Duration {
	switch {
	case j.replays == 2:
		return now
	case j.inFlight.n > 0:
		return never
	case j.replays == 1 || j.closing:
		return now
	}
	return max(now, j.due)
}

// jitter is the time of n operations, give or take a half.
func (j *journey) jitter(n int) time.Duration {
	return time.Duration(float64(n) * float64(j.plan.interval) * (0.5 + j.rng.Float64()))
}

// end has the user settle, not before the given time, and stop.
func (j *journey) end(now, notBefore time.Duration) {
	j.closing = true
	j.settle.notUntil = notBefore
	switch j.place {
	case active:
		j.settleSoon(now)
	case resting: // the pause is over
		j.place = settling
		j.alarm = j.quietAt(now)
	case settling:
		j.alarm = j.quietAt(now)
	case away:
		if j.alarm = j.awayAlarm(now); j.replays == 0 && j.inFlight.n == 0 {
			j.place, j.alarm = over, never
		}
	case signingIn, checking, parting, leaving, over:
	}
}

// abandon stops the user as it is.
func (j *journey) abandon() { j.place, j.alarm = over, never }
