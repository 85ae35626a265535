package engine

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// world is where a journey is tried: a service that answers as it is told, in
// its own time, without goroutines.
type world struct {
	now     time.Duration
	rng     *rand.Rand
	journey journey
	pending pending
	ops     []history.Op
	shed    int
	answer  func(op *history.Op)
	takes   func(op *history.Op) time.Duration
	serial  int
}

type landing struct {
	at time.Duration
	a  *action
	op history.Op
}

type pending []landing

func (p pending) Len() int           { return len(p) }
func (p pending) Less(i, j int) bool { return p[i].at < p[j].at }
func (p pending) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }
func (p *pending) Push(x any)        { *p = append(*p, x.(landing)) }
func (p *pending) Pop() any {
	last := (*p)[len(*p)-1]
	*p = (*p)[:len(*p)-1]
	return last
}

func newWorld(seed uint64) *world {
	p := &plan{run: "r", interval: 50 * time.Millisecond, quiet: 150 * time.Millisecond, lanes: 6, slow: Slow{Kept: 5, Time: time.Second}}
	p.slots.most = 2
	for k := range p.offers {
		p.offers[k] = true
	}
	w := &world{rng: rand.New(rand.NewPCG(seed, 99))}
	w.journey = journey{plan: p, user: 17, rng: rand.New(rand.NewPCG(seed, 17))}
	w.takes = func(*history.Op) time.Duration {
		return time.Millisecond + time.Duration(w.rng.Int64N(int64(80*time.Millisecond)))
	}
	w.answer = w.faithful
	return w
}

// faithful answers as the contract says.
func (w *world) faithful(op *history.Op) {
	op.Status = 200
	switch op.Kind {
	case history.Login, history.Rotate:
		w.serial++
		op.SetCookie = fmt.Sprintf("c%d.%d", op.Epoch, w.serial)
	case history.State:
		op.Seen = &history.Seen{User: "u17"}
	case history.Replay:
		anonymous(op)
	default:
	}
}

func anonymous(op *history.Op) {
	op.Status, op.Outcome, op.Anonymous, op.Seen, op.SetCookie = 401, history.Failed, true, nil, ""
}

func broken(op *history.Op) {
	op.Status, op.Outcome, op.Seen, op.SetCookie = 503, history.Unknown, nil, ""
	op.Failure = &history.Failure{What: "status", Answered: true}
}

// run lets the world go on for d, and then until the user is over.
func (w *world) run(t *testing.T, d time.Duration) {
	t.Helper()
	closing := false
	for limit := d + time.Hour; w.journey.place != over; {
		next := w.journey.alarm
		if len(w.pending) > 0 {
			next = min(next, w.pending[0].at)
		}
		if !closing {
			next = min(next, d)
		}
		if next == never || next > limit {
			t.Fatalf("stuck in place %d at %v with %d in flight", w.journey.place, w.now, w.journey.inFlight.n)
		}
		w.now = max(w.now, next)
		switch {
		case !closing && w.now >= d:
			closing = true
			w.journey.end(w.now, w.now+time.Duration(w.rng.Int64N(int64(time.Second))))
		case len(w.pending) > 0 && w.pending[0].at <= w.now:
			l := heap.Pop(&w.pending).(landing)
			w.ops = append(w.ops, l.op)
			w.journey.ended(l.a, &l.op, w.now)
		default:
			fire, shed := w.journey.wake(w.now)
			w.shed += shed
			for i := range fire {
				w.send(&fire[i])
			}
		}
	}
	if w.journey.inFlight.n != 0 || len(w.pending) != 0 {
		t.Errorf("over with %d in flight", w.journey.inFlight.n)
	}
	if n := w.journey.plan.slots.taken.Load(); n != 0 {
		t.Errorf("over with %d slots for slow requests taken", n)
	}
}

func (w *world) send(a *action) {
	op := a.op
	op.Call, op.Sent = w.now, a.call.Cookie
	op.Return = w.now + w.takes(&op)
	if op.Kind == history.Slow {
		op.Return += a.call.Time
	}
	w.answer(&op)
	heap.Push(&w.pending, landing{op.Return, a, op})
}

func TestJourneyKeepsItsPromises(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(seed)
		w.run(t, time.Minute)
		wantPlausible(t, w.ops, w.journey.plan.quiet)
		seen := map[history.Kind]int{}
		for _, op := range w.ops {
			seen[op.Kind]++
		}
		for k := history.Login; k <= history.Slow; k++ {
			if seen[k] == 0 {
				t.Errorf("seed %d: no %v in a minute", seed, k)
			}
		}
		if last := w.ops[len(w.ops)-1]; !last.Settle && last.Kind != history.Replay {
			t.Errorf("seed %d: the last operation is %v, want a settle read, or a replay of one who has signed out", seed, last.Kind)
		}
		if t.Failed() {
			return
		}
	}
}

func TestJourneyIsRepeatable(t *testing.T) {
	a, b, c := newWorld(1), newWorld(1), newWorld(2)
	for _, w := range []*world{a, b, c} {
		w.run(t, 10*time.Second)
	}
	if diff := cmp.Diff(a.ops, b.ops); diff != "" {
		t.Errorf("the same seed differs: %s", diff)
	}
	if cmp.Equal(a.ops, c.ops) {
		t.Error("another seed does not differ")
	}
}

// Whatever the service answers, the journey ends and keeps its promises.
func TestJourneyThroughFaults(t *testing.T) {
	for seed := range uint64(60) {
		w := newWorld(seed)
		w.answer = func(op *history.Op) {
			w.faithful(op)
			switch r := w.rng.IntN(100); {
			case r < 10:
				broken(op)
			case r < 15 && op.Kind != history.Login && op.Kind != history.Slow:
				anonymous(op)
			case r < 16 && op.Seen != nil:
				op.Seen.User = "u18"
			case r < 18:
				op.Outcome, op.Status = history.Failed, 404
				op.Seen, op.SetCookie = nil, ""
			}
		}
		w.run(t, time.Minute)
		wantPlausible(t, w.ops, w.journey.plan.quiet)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// A user who is answered as anonymous makes sure, and signs in again.
func TestJourneyAfterLosingTheSession(t *testing.T) {
	w := newWorld(3)
	lostAt := time.Duration(0)
	w.answer = func(op *history.Op) {
		w.faithful(op)
		if op.Epoch == 2 && op.Kind != history.Login && op.Kind != history.Replay {
			lostAt = max(lostAt, w.now)
			anonymous(op)
		}
	}
	w.run(t, 20*time.Second)
	var settle, again time.Duration
	for _, op := range w.ops {
		switch {
		case op.Epoch == 2 && op.Kind == history.Logout, op.Epoch == 2 && op.Kind == history.Replay:
			t.Errorf("%v of a session that was lost", op.Kind)
		case op.Epoch == 2 && op.Settle:
			settle = op.Return
		case op.Epoch == 3 && op.Kind == history.Login:
			again = op.Call
		}
	}
	if settle == 0 || again < settle || lostAt == 0 {
		t.Errorf("lost until %v, settled at %v, signed in again at %v", lostAt, settle, again)
	}
	if w.journey.epoch < 4 {
		t.Errorf("%d epochs: the user gave up", w.journey.epoch)
	}
}

// A session that was only missing for a moment goes on.
func TestJourneyAfterAMoment(t *testing.T) {
	w := newWorld(4)
	once := false
	w.answer = func(op *history.Op) {
		w.faithful(op)
		if op.Epoch == 1 && op.Kind == history.State && !op.Settle && !once {
			once = true
			anonymous(op)
		}
	}
	w.run(t, 20*time.Second)
	after, settles := 0, 0
	for _, op := range w.ops {
		if op.Epoch == 1 && op.Settle {
			settles++
		}
		if op.Epoch == 1 && settles == 1 && op.Kind == history.Append {
			after++
		}
	}
	if !once || settles < 2 || after == 0 {
		t.Errorf("anonymous once %v, then %d settle reads and %d appends in the same epoch", once, settles, after)
	}
}

// Without a settle read there is no logout, and without a logout no replay.
func TestJourneyWithoutAnswers(t *testing.T) {
	for _, deaf := range []history.Kind{history.State, history.Logout, history.Login} {
		w := newWorld(5)
		w.answer = func(op *history.Op) {
			w.faithful(op)
			if op.Kind == deaf {
				broken(op)
			}
		}
		w.run(t, 30*time.Second)
		wantPlausible(t, w.ops, w.journey.plan.quiet)
		n := map[history.Kind]int{}
		for _, op := range w.ops {
			n[op.Kind]++
		}
		switch deaf {
		case history.State:
			if n[history.Logout] != 0 {
				t.Errorf("%d logouts without a settle read", n[history.Logout])
			}
		case history.Logout:
			if n[history.Login] < 2 || n[history.Logout] < logoutTries {
				t.Errorf("%d logins, %d logouts", n[history.Login], n[history.Logout])
			}
		default:
			if n[history.Login] < 10 || len(w.ops) != n[history.Login] {
				t.Errorf("%d logins of %d operations", n[history.Login], len(w.ops))
			}
			if most := int(30*time.Second/breath) + 2; n[history.Login] > most {
				t.Errorf("%d logins in 30 s: no pause between attempts", n[history.Login])
			}
		}
	}
}

// With nothing offered but the login a user still comes to its end.
func TestJourneyWithFewCalls(t *testing.T) {
	w := newWorld(6)
	w.journey.plan.offers = [history.Stream + 1]bool{history.Login: true, history.State: true}
	w.run(t, 30*time.Second)
	for _, op := range w.ops {
		if op.Kind != history.Login && op.Kind != history.State {
			t.Fatalf("%v is not offered", op.Kind)
		}
	}
	if w.journey.epoch < 2 {
		t.Error("one session for ever")
	}
}

// Load that finds no lane is shed, counted and in no history.
func TestJourneySheds(t *testing.T) {
	w := newWorld(7)
	w.takes = func(*history.Op) time.Duration { return 400 * time.Millisecond }
	w.run(t, 20*time.Second)
	if w.shed == 0 {
		t.Error("eight requests per lane and nothing was shed")
	}
	wantPlausible(t, w.ops, w.journey.plan.quiet)

	w = newWorld(7)
	w.takes = func(*history.Op) time.Duration { return time.Millisecond }
	w.run(t, 20*time.Second)
	if w.shed != 0 {
		t.Errorf("%d shed by a service that answers at once", w.shed)
	}
}

// The schedule is kept: a service that is slow is not asked less often, within
// a session.
func TestJourneyIsOpen(t *testing.T) {
	for _, takes := range []time.Duration{time.Millisecond, 60 * time.Millisecond} {
		w := newWorld(8)
		w.journey.plan.offers[history.Slow] = false
		w.takes = func(*history.Op) time.Duration { return takes }
		var first, last time.Duration
		n := 0
		w.answer = func(op *history.Op) {
			w.faithful(op)
			if op.Epoch == 1 && op.Kind != history.Login && !op.Settle && op.Kind != history.Logout && op.Kind != history.Replay {
				if n == 0 {
					first = w.now
				}
				last = w.now
				n++
			}
		}
		w.run(t, 20*time.Second)
		rate := float64(n) / (last - first).Seconds()
		if rate < 13 || rate > 30 {
			t.Errorf("%v per answer: %.1f operations per second, want about 20", takes, rate)
		}
	}
}
