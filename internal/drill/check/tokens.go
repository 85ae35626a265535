package check

import (
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// tokens is what G2, G3, G4 and G12 know about the writes of an epoch: those
// that were acknowledged and those that were seen.
type tokens struct {
	known map[string]*token
	list  []*token // by index
	reads []read   // the latest maxReads, in order of observation
	found []*token // of the read being judged; reused
}

type token struct {
	text     string
	index    int
	next     *token // that followed it in the last read: the guess that saves a look-up
	ackRet   time.Duration
	ackCall  time.Duration
	seen     time.Duration // earliest return of a read that saw it; never
	lastSeen time.Duration // latest
	instance uint16        // that acknowledged it
	exposed  [4]bool       // to G2, G3, G4, G12
	doubled  bool
	gone     bool // missing in the latest settle read
	owed     bool // and in one that was called after it was acknowledged
	missed   *miss
}

const (
	byG2 = iota
	byG3
	byG4
	byG12
)

// miss is a read that lacked a token it had to show.
type miss struct {
	lastGood, at time.Duration
	seen         bool // a read had shown it before
	back         bool // and one has since
	instance     uint16
	witness      []Step
}

// read is what a read showed, as a set of indexes.
type read struct {
	call, ret time.Duration
	set       bits
}

const maxReads = 64

// appended notes a write that was acknowledged. Others are of interest only
// once they are seen.
func (v *visit) appended() {
	if v.op.Outcome != history.OK || v.op.Token == "" || v.revived() {
		return
	}
	v.alive()
	t := v.e.tokens.add(v.op.Token)
	t.ackCall, t.ackRet = v.op.Call, v.op.Return
	t.instance = v.s.instance(v.op.Instance)
}

// add returns the token, new or known.
func (ts *tokens) add(text string) *token {
	if t := ts.known[text]; t != nil {
		return t
	}
	t := &token{text: text, index: len(ts.list), ackRet: never, seen: never, lastSeen: -1}
	ts.known[text] = t
	ts.list = append(ts.list, t)
	return t
}

// state judges a read.
func (v *visit) state() {
	op := v.op
	if op.Outcome != history.OK || op.Seen == nil || v.revived() {
		return
	}
	if op.Seen.User == v.u.name {
		v.outlived()
		v.checked()
	}
	if op.Seen.MarkerOnly {
		return
	}
	v.read()
	if op.Settle {
		v.final()
	}
}

// revived judges an answer of an epoch that had been logged out before the
// call; true if it was one.
func (v *visit) revived() bool {
	if v.e.logoutRet >= v.op.Call {
		return false
	}
	if v.op.Kind == history.State {
		v.afterLogout(&v.e.ending)
	}
	return true
}

// read judges what a read shows and what it lacks.
func (v *visit) read() {
	ts, op := &v.e.tokens, v.op
	r := read{call: op.Call, ret: op.Return}
	ts.found = ts.found[:0]
	var previous *token
	for _, text := range op.Seen.Tokens {
		t := ts.find(previous, text)
		if t == nil {
			if _, ours := v.c.opt.TokenUser(text); !ours {
				continue // not a token, or one whose write is still unknown
			}
			t = ts.add(strings.Clone(text))
		}
		if previous != nil {
			previous.next = t
		}
		previous = t
		if r.set.has(t.index) {
			v.doubled(t)
			continue
		}
		r.set.add(t.index, len(ts.list))
		ts.found = append(ts.found, t)
	}
	complete := v.missing(&r)
	for _, t := range ts.found {
		v.shows(t)
	}
	if !complete || !v.chain(&r) {
		return // a read that is wrong proves nothing about others
	}
	if len(ts.reads) == maxReads {
		ts.reads = append(ts.reads[:0], ts.reads[1:]...)
	}
	ts.reads = append(ts.reads, r)
}

// find looks a known token up; the one that followed the previous token last
// time is tried first.
func (ts *tokens) find(previous *token, text string) *token {
	if previous != nil && previous.next != nil && previous.next.text == text {
		return previous.next
	}
	return ts.known[text]
}

func (v *visit) expose(t *token, by int, id ID) {
	if !t.exposed[by] {
		t.exposed[by] = true
		v.s.tally.exposed[id]++
	}
}

// missing looks for the tokens that were acknowledged or seen before the read
// was called; false if it lacks one.
func (v *visit) missing(r *read) bool {
	complete := true
	for _, t := range v.e.tokens.list {
		acked, seen := t.ackRet < r.call, t.seen < r.call
		if acked {
			v.expose(t, byG3, G3)
			if v.op.Settle {
				v.expose(t, byG4, G4)
			}
		}
		if seen {
			v.expose(t, byG2, G2)
		}
		if (acked || seen) && !r.set.has(t.index) {
			complete = false
			v.misses(t, seen, v.op.Settle)
		}
	}
	return complete
}

// misses notes that the read lacks the token.
func (v *visit) misses(t *token, seen, settle bool) {
	if settle {
		v.reclass(t, func() { t.gone, t.owed = true, t.owed || t.ackRet < v.op.Call })
	}
	if t.missed != nil && !t.missed.back {
		return
	}
	m := miss{at: v.op.Return, seen: seen, instance: v.s.instance(v.op.Instance)}
	m.lastGood = min(max(t.lastSeen, v.ackedBefore(t)), m.at)
	if t.missed != nil {
		m.seen = t.missed.seen
	}
	id, note := G3, "lacks "+t.text
	if m.seen {
		id = G2
	}
	m.witness = v.witness(id, t, note)
	v.reclass(t, func() { t.missed = &m })
}

func (v *visit) ackedBefore(t *token) time.Duration {
	if t.ackRet == never {
		return -1
	}
	return t.ackRet
}

// shows notes that the read has the token.
func (v *visit) shows(t *token) {
	v.expose(t, byG12, G12)
	t.seen = min(t.seen, v.op.Return)
	t.lastSeen = max(t.lastSeen, v.op.Return)
	if t.missed != nil {
		v.reclass(t, func() { t.gone, t.owed, t.missed.back = false, false, true })
	}
}

func (v *visit) doubled(t *token) {
	v.expose(t, byG12, G12)
	if t.doubled {
		return
	}
	t.doubled = true
	v.fileNow(finding{id: G12, lastGood: min(max(t.lastSeen, v.ackedBefore(t), 0), v.op.Return), at: v.op.Return,
		subject: t, detail: fmt.Sprintf("%s wrote %s once and it is there twice", v.u.name, t.text)}, "shows "+t.text+" twice")
}

// chain compares the read with those that it overlaps: tokens are only added,
// so one of two reads must contain the other; false if none does.
func (v *visit) chain(r *read) bool {
	ts := &v.e.tokens
	for i := len(ts.reads) - 1; i >= 0; i-- {
		other := &ts.reads[i]
		if other.ret < r.call || r.ret < other.call {
			continue
		}
		lacks := other.set.without(r.set)
		if lacks < 0 || r.set.without(other.set) < 0 {
			continue
		}
		t := ts.list[lacks]
		v.expose(t, byG2, G2)
		v.misses(t, true, false)
		return false
	}
	return true
}

// class is what a token that was missed amounts to by all that is known now.
func (t *token) class() (id ID, grade Grade, ok bool) {
	switch {
	case t.missed == nil:
		return 0, NoGrade, false
	case t.owed && t.seen == never:
		return G4, Lost, true
	case t.owed:
		return G4, Rollback, true
	case t.gone:
		return G2, Rollback, true
	case t.missed.seen:
		return G2, Stale, true
	}
	return G3, Stale, true
}

// reclass changes a token and keeps count of the suspicion.
func (v *visit) reclass(t *token, change func()) {
	if id, _, ok := t.class(); ok {
		v.s.tally.suspect[id]--
	}
	change()
	if id, _, ok := t.class(); ok {
		v.s.tally.suspect[id]++
	}
}

// closeTokens files what was missed.
func (c *Checker) closeTokens(s *shard, u *user, e *epoch) {
	for _, t := range e.tokens.list {
		id, grade, ok := t.class()
		if !ok {
			continue
		}
		s.tally.suspect[id]--
		m := t.missed
		f := finding{id: id, grade: grade, user: u, lastGood: m.lastGood, at: m.at, witness: m.witness, instance: s.names[m.instance]}
		switch {
		case t.owed:
			f.instance = s.names[t.instance]
			f.detail = fmt.Sprintf("%s of %s was acknowledged and is gone", t.text, u.name)
		case t.gone:
			f.instance = s.names[t.instance]
			f.detail = fmt.Sprintf("%s of %s was seen and is gone", t.text, u.name)
		case m.seen:
			f.detail = fmt.Sprintf("a read of %s lacks %s, which another read had shown", u.name, t.text)
		default:
			f.detail = fmt.Sprintf("a read of %s lacks %s, which was acknowledged before", u.name, t.text)
		}
		s.file(f)
	}
}
