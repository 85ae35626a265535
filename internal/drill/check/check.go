package check

import (
	"cmp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// Options of a Checker. The zero value checks a service without timeouts whose
// users and tokens are named by package history.
type Options struct {
	UserName  func(user int) string                    // what a marker shows; nil is history.UserName
	TokenUser func(token string) (user int, ours bool) // nil is history.TokenUser

	// IdleTimeout and AbsoluteTimeout are the service's; a session that is
	// gone after 90 % of them (or 200 ms before, if that is earlier) is no
	// violation, and one that is there after history.Gone of them is. Zero:
	// none.
	IdleTimeout, AbsoluteTimeout time.Duration
	// ResumeWithin is how soon a stream has to go on after it has broken. Zero
	// is history.ResumeWithin.
	ResumeWithin time.Duration
	// RenewalGrace is for how long an ID that was renewed still opens the
	// session, counted from when the new one has been presented. Zero is
	// 10 s; negative: not at all, so that an anonymous answer during a
	// renewal is no violation.
	RenewalGrace time.Duration
	// Tail is for how long after an event has settled a violation is still
	// attributed to it. Zero is 1 s, negative none.
	Tail time.Duration
	// Witnesses is how many violations of each guarantee keep their witness.
	// Zero is 200, negative none.
	Witnesses int
}

func (o Options) withDefaults() Options {
	if o.UserName == nil {
		o.UserName = history.UserName
	}
	if o.TokenUser == nil {
		o.TokenUser = history.TokenUser
	}
	if o.RenewalGrace == 0 {
		o.RenewalGrace = 10 * time.Second
	}
	o.ResumeWithin = cmp.Or(o.ResumeWithin, history.ResumeWithin)
	if o.Tail == 0 {
		o.Tail = time.Second
	}
	o.Tail = max(o.Tail, 0)
	if o.Witnesses == 0 {
		o.Witnesses = 200
	}
	return o
}

const shards = 64

// Checker judges operations one by one, as they return. It is safe for
// concurrent use; users do not wait for one another except within one of 64
// shards.
type Checker struct {
	opt      Options
	shards   [shards]shard
	timeline timeline
	cookies  cookieIndex
	// witnesses counts those taken, by ID.
	witnesses [last + 1]atomic.Int64
}

// shard holds the users whose number is the same modulo 64.
type shard struct {
	mu       sync.Mutex
	users    map[int]*user
	tally    tally
	findings []finding
	spans    []span        // observations of G7 without a finding
	kept     [last + 1]int // of findings, by ID
	names    []string      // instances by number; 0 is the unknown one
	numbers  map[string]uint16
}

// tally is what a shard has counted.
type tally struct {
	exposed, bad, suspect [last + 1]int
	requests              Requests
	crossings             map[int]int // by event ID
	twice                 int         // closed sessions that were checked at least twice
	end                   time.Duration
}

// New returns a Checker that has seen nothing.
func New(opt Options) *Checker {
	c := &Checker{opt: opt.withDefaults()}
	for i := range c.shards {
		c.shards[i] = shard{
			users:   map[int]*user{},
			tally:   tally{crossings: map[int]int{}},
			names:   []string{""},
			numbers: map[string]uint16{"": 0},
		}
	}
	return c
}

// Observe judges an operation that has returned. It keeps op.Token and strings
// of cookies, and nothing else of op.
func (c *Checker) Observe(op history.Op) {
	s := &c.shards[uint(op.User)%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	v := visit{c: c, s: s, u: s.user(op.User, c.opt.UserName), op: &op}
	s.tally.end = max(s.tally.end, op.Return)
	v.u.remember(&op, s.instance(op.Instance))
	if op.Kind != history.Stream {
		v.request()
	}
	if op.Kind != history.Slow {
		v.judge()
	}
	v.touch()
}

// Event announces that a scale event was triggered, and, with the same ID, what
// has become of it. Phases it has not come to are negative.
func (c *Checker) Event(e history.Event) { c.timeline.event(e) }

// Window marks a time in which the drill itself was late.
func (c *Checker) Window(w Window) { c.timeline.window(w) }

// Progress is a snapshot of what is known. It costs some microseconds.
func (c *Checker) Progress() Progress {
	var p Progress
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		p.add(&s.tally)
		s.mu.Unlock()
	}
	return p
}

func (p *Progress) add(t *tally) {
	for id := range t.exposed {
		p.Exposed[id] += t.exposed[id]
		p.Bad[id] += t.bad[id]
		p.Suspect[id] += t.suspect[id]
	}
	crossed := 0
	for _, n := range t.crossings {
		crossed += n
	}
	p.Exposed[G1] += max(crossed, t.twice)
	p.Requests.add(t.requests)
}

func (r *Requests) add(o Requests) {
	r.Sent += o.Sent
	r.RawFailures += o.RawFailures
	r.Masked += o.Masked
	r.Seen += o.Seen
}

// instance numbers an instance's name; beyond 65535 names they are unknown.
func (s *shard) instance(name string) uint16 {
	if n, ok := s.numbers[name]; ok {
		return n
	}
	if len(s.names) > 1<<16-1 {
		return 0
	}
	n := uint16(len(s.names))
	s.names = append(s.names, name)
	s.numbers[name] = n
	return n
}

// visit is one operation being judged, under the shard's lock.
type visit struct {
	c  *Checker
	s  *shard
	u  *user
	e  *epoch // of op; nil where it is closed or, for a Replay, unknown
	op *history.Op
}

// judge hands the operation to the guarantees that it can show something about.
func (v *visit) judge() {
	if v.foreign() {
		if e := v.u.epoch(v.op.Epoch); e != nil && v.op.Kind == history.Incr {
			e.counter.unknown++ // it may have counted here or there
		}
		return
	}
	if v.op.Kind == history.Replay {
		v.replay()
		return
	}
	if v.e = v.u.epoch(v.op.Epoch); v.e == nil {
		if v.e = v.begin(); v.e == nil {
			return
		}
	}
	before, suspected := v.e.suspicion(&v.c.opt)
	v.apply()
	after, suspects := v.e.suspicion(&v.c.opt)
	if suspected {
		v.s.tally.suspect[before.id]--
	}
	if suspects {
		v.s.tally.suspect[after.id]++
	}
}

func (v *visit) apply() {
	if v.op.Anonymous {
		v.anonymous()
		return
	}
	switch v.op.Kind {
	case history.Login:
		v.login()
	case history.Append:
		v.appended()
	case history.State:
		v.state()
	case history.Incr:
		v.incremented()
	case history.Rotate:
		v.rotated()
	case history.Logout:
		v.loggedOut()
	case history.Stream:
		v.streamed()
	case history.Replay, history.Slow:
	}
}
