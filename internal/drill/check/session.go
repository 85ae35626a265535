package check

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// session is what G1 knows: when the session was proven alive, and who was
// turned away.
type session struct {
	from      time.Duration // proven alive since: return of the login; never
	loginCall time.Duration
	lastCall  time.Duration // latest call of a check that showed the user
	lastRet   time.Duration // latest return of a proof of life
	active    time.Duration // latest call of an authenticated request
	checks    int
	instance  uint16 // of the last proof of life
	away      []turnedAway
}

// turnedAway is an anonymous answer where the session should have opened.
type turnedAway struct {
	call, ret time.Duration
	lastGood  time.Duration
	instance  uint16 // that last knew the session
	sent      string
	expiry    bool // after a pause on purpose, see looksExpired
	witness   []Step
}

// maxAway bounds session.away. The last slot is overwritten: the first ones
// show when it began, the last one whether it ended.
const maxAway = 8

// alive notes an answer that only the session can have given.
func (v *visit) alive() {
	e := v.e
	e.session.active = max(e.session.active, v.op.Call)
	if v.op.Return > e.session.lastRet {
		e.session.lastRet = v.op.Return
		e.session.instance = v.s.instance(v.op.Instance)
	}
	e.renewal.presented(v.op)
}

// checked notes an answer that showed the user.
func (v *visit) checked() {
	v.alive()
	v.e.session.checks++
	v.e.session.from = min(v.e.session.from, v.op.Return)
	v.e.session.lastCall = max(v.e.session.lastCall, v.op.Call)
}

// anonymous suspects the session lost, unless it had ended or expired. A
// logout or renewal that is still on its way may explain it later.
func (v *visit) anonymous() {
	e, op := v.e, v.op
	switch op.Kind {
	case history.State, history.Append, history.Incr, history.Rotate, history.Stream:
	case history.Logout:
		v.s.endHere(e, op.Call)
		return
	case history.Login, history.Replay, history.Slow:
		return
	}
	if c := op.Connection; c != nil {
		e.streams.away = c.Broken
	}
	v.expiredInTime()
	// Most answers after a logout end here; suspicion judges those before it.
	if e.session.from >= op.Call || e.endCall < op.Return || v.expired() {
		return
	}
	away := turnedAway{
		call: op.Call, ret: op.Return, sent: op.Sent, expiry: v.looksExpired(),
		lastGood: min(e.session.lastRet, op.Return), instance: e.session.instance,
	}
	if len(e.session.away) < 2 { // the second may be the one that no renewal explains
		away.witness = v.witness(G1, nil, "anonymous")
	}
	if len(e.session.away) < maxAway {
		e.session.away = append(e.session.away, away)
		return
	}
	e.session.away[maxAway-1] = away
}

// endHere is end within apply, which keeps count of the suspicion itself.
func (s *shard) endHere(e *epoch, call time.Duration) { e.endCall = min(e.endCall, call) }

// expired: the service was entitled to have let the session go by now.
func (v *visit) expired() bool {
	idle, absolute := v.c.opt.IdleTimeout, v.c.opt.AbsoluteTimeout
	if idle > 0 && v.op.Return-v.e.session.active > history.Lives(idle) {
		return true
	}
	return absolute > 0 && v.op.Return-v.e.session.loginCall > history.Lives(absolute)
}

// suspicion is what the anonymous answers of an epoch amount to.
type suspicion struct {
	id    ID // G1 or G8
	grade Grade
	away  *turnedAway
}

// suspicion judges the anonymous answers by all that is known now. One answer
// that no renewal explains makes it G1.
func (e *epoch) suspicion(opt *Options) (suspicion, bool) {
	var first [last + 1]*turnedAway
	var latest [last + 1]time.Duration
	for i := range e.session.away {
		a := &e.session.away[i]
		if e.endCall < a.ret {
			continue
		}
		id, ok := e.renewal.blames(a, opt)
		if !ok {
			continue
		}
		if first[id] == nil {
			first[id] = a
		}
		latest[id] = max(latest[id], a.ret)
	}
	id := G1
	if first[G1] == nil {
		id = G8
	}
	if first[id] == nil {
		return suspicion{}, false
	}
	away, grade := first[id], Lost
	if e.session.lastCall > latest[id] {
		grade = Stale
	}
	if id == G1 && grade == Lost && first[G1].expiry { // and by nothing before it
		id = G7
	}
	return suspicion{id: id, grade: grade, away: away}, true
}

// closeSession files the session's loss and counts the events it lived through.
func (c *Checker) closeSession(s *shard, u *user, e *epoch) {
	crossed := 0
	for _, event := range c.timeline.snapshot() {
		if event.Err == "" && event.Settled >= 0 &&
			e.session.from < event.Triggered && event.Settled <= e.session.lastCall {
			s.tally.crossings[event.ID]++
			crossed++
		}
	}
	if e.session.checks >= 2 {
		s.tally.twice++
	}
	found, ok := e.suspicion(&c.opt)
	if !ok {
		return
	}
	s.tally.suspect[found.id]--
	f := finding{
		id: found.id, grade: found.grade, user: u, lastGood: found.away.lastGood, at: found.away.ret,
		instance: s.names[found.away.instance], witness: found.away.witness,
	}
	if f.witness == nil {
		f.witness = e.session.away[0].witness
	}
	f.detail = fmt.Sprintf("%s was logged in and is answered as anonymous", u.name)
	if found.id == G8 {
		f.detail = fmt.Sprintf("%s is answered as anonymous while the session ID is renewed", u.name)
	}
	if found.id == G7 {
		s.tally.exposed[G7]++
		f.detail = fmt.Sprintf("%s was idle for less than the timeout and is answered as anonymous", u.name)
	}
	f.exposure = found.id != G8 && (found.grade == Lost || crossed == 0)
	f.checkedTwice = e.session.checks >= 2
	s.file(f)
}
