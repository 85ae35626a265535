package check

import (
	"cmp"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// maxKept bounds the findings kept for a guarantee in a shard.
const maxKept = 512

// finding is a violation before it is known which event it belongs to, and
// whether the drill or a kill excuses it.
type finding struct {
	id           ID
	grade        Grade
	user         *user
	lastGood, at time.Duration
	instance     string
	detail       string
	failure      string
	witness      []Step
	subject      *token // whose write belongs in the witness
	post         bool   // G10
	exposure     bool   // the session is gone, and not among the crossings
	timed        bool   // rests on all of the time from lastGood on
	checkedTwice bool   // G1: the session is among tally.twice
}

// fileNow files a finding that the operation shows by itself; note says what,
// in the witness.
func (v *visit) fileNow(f finding, note string) {
	f.user = v.u
	f.instance = v.op.Instance
	f.witness = v.witness(f.id, f.subject, note)
	v.s.file(f)
}

// file keeps a finding, or only counts it.
func (s *shard) file(f finding) {
	s.tally.bad[f.id]++
	if s.kept[f.id] < maxKept {
		f.subject = nil
		s.kept[f.id]++
		s.findings = append(s.findings, f)
	}
}

// maxSteps bounds a witness.
const maxSteps = 12

// witness picks the operations that show what is wrong with the one being
// judged: itself, the write that it is about, logins, renewals and logouts,
// what overlapped that write, and then the latest. Nil once the guarantee has
// enough witnesses.
func (v *visit) witness(id ID, subject *token, note string) []Step {
	if v.c.witnesses[id].Add(1) > int64(v.c.opt.Witnesses) {
		return nil
	}
	picked := v.pick(subject)
	steps := make([]Step, 0, len(picked)+1)
	wrote := subject == nil || subject.ackRet == never
	for _, r := range picked {
		wrote = wrote || r.kind == history.Append && r.token == subject.text
		steps = append(steps, v.s.step(r))
	}
	if !wrote {
		steps = append(steps[:min(len(steps), maxSteps-1)], v.s.step(&record{
			call: subject.ackCall, ret: subject.ackRet, token: subject.text, tokens: -1,
			status: 200, instance: subject.instance, kind: history.Append,
		}))
	}
	steps[0].Note = note
	slices.SortStableFunc(steps, func(a, b Step) int { return cmp.Compare(a.Call, b.Call) })
	return steps
}

// pick returns the most telling records of the epoch, the one being judged
// first.
func (v *visit) pick(subject *token) []*record {
	picked := []*record{v.u.latest(0)}
	taken := map[*record]bool{picked[0]: true}
	for _, wanted := range []func(*record) bool{
		func(r *record) bool { return subject != nil && r.kind == history.Append && r.token == subject.text },
		func(r *record) bool {
			return r.kind == history.Login || r.kind == history.Rotate || r.kind == history.Logout
		},
		func(r *record) bool {
			return subject != nil && subject.ackRet != never && r.call <= subject.ackRet && r.ret >= subject.ackCall
		},
		func(*record) bool { return true },
	} {
		for i := 1; i < len(v.u.recent) && len(picked) < maxSteps; i++ {
			r := v.u.latest(i)
			if !taken[r] && r.epoch == int32(v.op.Epoch) && wanted(r) {
				taken[r] = true
				picked = append(picked, r)
			}
		}
	}
	return picked
}

func (s *shard) step(r *record) Step {
	return Step{
		Call: r.call, Return: r.ret, Kind: r.kind, Outcome: r.outcome, Status: int(r.status),
		Instance: s.names[r.instance], Token: r.token, Tokens: int(r.tokens), N: r.n,
		Settle: r.settle, Anonymous: r.anonymous,
	}
}
