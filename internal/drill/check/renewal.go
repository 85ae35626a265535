package check

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

const (
	maxRotations   = 8
	maxGenerations = 8
)

// renewal is what G8 knows about the session IDs of an epoch.
type renewal struct {
	rotations   []rotation   // the latest maxRotations
	generations []generation // cookie values in the order they were given, the latest maxGenerations
}

// rotation is one renewal that may have happened.
type rotation struct {
	call, ret time.Duration
	sent      string
	confirmed bool // answered with success or with a cookie
	silent    bool // answered with success, without a cookie
	bad       bool
	instance  uint16
	witness   []Step // of a silent one
}

// generation is one value of the session cookie.
type generation struct {
	value     string
	asked     time.Duration // call of the operation whose answer set it
	given     time.Duration // return of that operation
	presented time.Duration // return of the first answer to a request that can only have carried it; never
	bad       bool
}

// login starts the session and compares its ID with the one that was presented.
func (v *visit) login() {
	e, op := v.e, v.op
	if op.Outcome != history.OK {
		return
	}
	e.session.loginCall = op.Call
	e.expiry.signed = max(e.expiry.signed, op.Return)
	e.session.from = min(e.session.from, op.Return)
	v.alive()
	if op.Sent != "" {
		v.s.tally.exposed[G8]++
		if op.SetCookie == "" || op.SetCookie == op.Sent {
			v.fileNow(finding{id: G8, lastGood: op.Call, at: op.Return,
				detail: fmt.Sprintf("the login of %s kept the session ID that was presented", v.u.name),
			}, "same session ID")
		}
	}
	v.give()
}

// rotated compares the new ID with all that were known when it was asked for.
// Two overlapping renewals may answer with the same new one.
func (v *visit) rotated() {
	e, op := v.e, v.op
	if op.Outcome == history.Failed {
		return
	}
	r := rotation{
		call: op.Call, ret: op.Return, sent: op.Sent, instance: v.s.instance(op.Instance),
		confirmed: op.Outcome == history.OK || op.SetCookie != "",
	}
	if r.confirmed {
		v.s.tally.exposed[G8]++
	}
	if op.Outcome == history.OK {
		v.alive()
		r.silent = op.SetCookie == ""
		r.bad = op.SetCookie != "" && (op.SetCookie == op.Sent || e.renewal.knew(op.SetCookie, op.Call))
	}
	switch {
	case r.bad:
		v.fileNow(finding{id: G8, lastGood: op.Call, at: op.Return,
			detail: fmt.Sprintf("a renewal answered %s with a session ID that was in use before it", v.u.name),
		}, "same session ID")
	case r.silent:
		r.witness = v.witness(G8, nil, "no new session ID")
	}
	v.give()
	if len(e.renewal.rotations) == maxRotations {
		e.renewal.rotations = append(e.renewal.rotations[:0], e.renewal.rotations[1:]...)
	}
	e.renewal.rotations = append(e.renewal.rotations, r)
}

// knew: the value had been given before that call.
func (r *renewal) knew(value string, call time.Duration) bool {
	for i := range r.generations {
		if r.generations[i].value == value && r.generations[i].given < call {
			return true
		}
	}
	return false
}

// give notes the cookie value that the answer set.
func (v *visit) give() {
	r, value := &v.e.renewal, v.op.SetCookie
	if value == "" {
		return
	}
	for i := range r.generations {
		if r.generations[i].value == value {
			return
		}
	}
	if len(r.generations) == maxGenerations {
		r.generations = append(r.generations[:0], r.generations[1:]...)
	}
	r.generations = append(r.generations, generation{
		value: value, asked: v.op.Call, given: v.op.Return, presented: never,
	})
}

// presented notes that the newest ID has been used: an older one lives for the
// grace from then on.
func (r *renewal) presented(op *history.Op) {
	if len(r.generations) == 0 {
		return
	}
	newest := &r.generations[len(r.generations)-1]
	if newest.presented == never && newest.given < op.Call && (op.Sent == "" || op.Sent == newest.value) {
		newest.presented = op.Return
	}
}

// blames says whose an anonymous answer is, if anybody's: G8 if it overlaps a
// renewal that was acknowledged or was sent with the ID that one replaced, in
// its grace. A renewal with an unknown outcome that gave no cookie leaves the
// user with an ID that the service may drop after the grace.
func (r *renewal) blames(a *turnedAway, opt *Options) (ID, bool) {
	grace := max(opt.RenewalGrace, 0)
	id := G1
	for i := range r.rotations {
		rot := &r.rotations[i]
		overlaps := rot.call <= a.ret && a.call <= rot.ret
		old := rot.confirmed && a.sent != "" && a.sent == rot.sent && rot.call <= a.ret
		inGrace := a.ret < rot.call+history.Lives(grace)
		switch {
		case !rot.confirmed && !inGrace && rot.call <= a.ret:
			return 0, false
		case rot.confirmed && (overlaps || old) && opt.RenewalGrace < 0:
			return 0, false
		case old && !overlaps && !inGrace:
			return 0, false
		case rot.confirmed && (overlaps || old):
			id = G8
		}
	}
	return id, true
}

// oldGeneration judges a replay in a session that was not logged out: an ID that was
// replaced opens nothing after the grace.
func (v *visit) oldGeneration(e *epoch) {
	op, grace := v.op, max(v.c.opt.RenewalGrace, 0)
	if op.Sent == "" || op.Outcome != history.OK || op.Seen == nil || op.Seen.User == "" {
		return
	}
	generations := e.renewal.generations
	for i := range generations {
		old := &generations[i]
		if old.value != op.Sent || old.bad {
			continue
		}
		for j := range generations {
			newer := &generations[j]
			// Of two that overlapped either may have replaced the other.
			if newer.asked <= old.given || newer.presented == never || op.Call <= newer.presented+grace+history.Tolerance(grace) {
				continue
			}
			old.bad = true
			v.fileNow(finding{id: G8, lastGood: newer.presented, at: op.Return,
				detail: fmt.Sprintf("a session ID of %s that was renewed %v ago still opens the session", v.u.name, (op.Call - newer.given).Round(time.Millisecond)),
			}, "alive")
			return
		}
	}
}

// closeRenewal files renewals that answered without a new ID, unless another
// one gave it that overlapped or replaced the same ID, or an earlier one may
// have whose answer was lost: its user holds an ID that is replaced already.
func (c *Checker) closeRenewal(s *shard, u *user, e *epoch) {
	for i := range e.renewal.rotations {
		r := &e.renewal.rotations[i]
		if !r.silent {
			continue
		}
		given := false
		for j := range e.renewal.rotations {
			o := &e.renewal.rotations[j]
			same := o.call <= r.ret && r.call <= o.ret || r.sent != "" && r.sent == o.sent
			given = given || i != j && o.confirmed && !o.silent && same || !o.confirmed && o.call <= r.ret
		}
		if !given {
			s.file(finding{id: G8, user: u, lastGood: r.call, at: r.ret, instance: s.names[r.instance], witness: r.witness,
				detail: fmt.Sprintf("a renewal gave %s no new session ID", u.name)})
		}
	}
}
