package check

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// sim drives simulated users against a simulated service on a clock of its
// own, and hands every operation to a Checker as it returns.
type sim struct {
	rng      *rand.Rand
	clock    time.Duration
	queue    agenda
	seq      int
	service  *service
	checker  *Checker
	ops      []history.Op // in the order of observation
	events   []history.Event
	replicas []string
	started  int
	flying   map[*flight]bool
	until    time.Duration
}

// flight is a request on its way.
type flight struct {
	op       history.Op
	cookie   string
	instance string
	early    bool // takes effect on arrival, else when done
	answer   answer
	loaded   *simSession // blob: what was loaded on arrival
	loadKey  int
	lost     bool // its instance was ended
	done     func(history.Op)
}

type appointment struct {
	at  time.Duration
	seq int
	do  func()
}

type agenda []appointment

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].seq < a[j].seq
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(appointment)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

func (s *sim) after(d time.Duration, do func()) {
	s.seq++
	heap.Push(&s.queue, appointment{at: s.clock + d, seq: s.seq, do: do})
}

func (s *sim) between(low, high time.Duration) time.Duration {
	return low + time.Duration(s.rng.Int64N(int64(high-low)+1))
}

// simulate runs users for a time, with an event every 400 ms, and returns the
// simulation with its outcome.
func simulate(f fault, seed uint64, users int, until time.Duration) (*sim, Outcome) {
	s := &sim{rng: rand.New(rand.NewPCG(seed, 1)), flying: map[*flight]bool{}, until: until,
		checker: New(Options{RenewalGrace: simGrace})}
	s.service = newService(f, s.rng, func() time.Duration { return s.clock })
	for range 3 {
		s.start()
	}
	for id := range users {
		a := &agent{sim: s, id: id, rng: s.rng}
		s.after(s.between(0, 50*time.Millisecond), a.login)
	}
	for at := 400 * time.Millisecond; at < until; at += 400 * time.Millisecond {
		s.after(at, s.replace)
	}
	for len(s.queue) > 0 {
		next := heap.Pop(&s.queue).(appointment)
		s.clock = next.at
		next.do()
	}
	return s, s.checker.Finish()
}

func (s *sim) start() {
	s.started++
	s.replicas = append(s.replicas, fmt.Sprintf("shop-%d", s.started))
}

// replace ends an instance and starts another one. It is killed, or, by the
// service that does not drain, told to stop, which comes to the same.
func (s *sim) replace() {
	i := s.rng.IntN(len(s.replicas))
	victim := s.replicas[i]
	s.replicas = append(s.replicas[:i], s.replicas[i+1:]...)
	e := history.Event{ID: len(s.events) + 1, Kind: "kill", Target: victim, Triggered: s.clock, Terminating: s.clock, Ready: -1, Settled: -1}
	s.events = append(s.events, e)
	s.checker.Event(e)
	if s.service.fault != noDrain {
		e.Killed = []history.Kill{{Instance: victim, At: s.clock}}
	}
	s.service.lose(victim)
	s.cut(victim)
	s.after(20*time.Millisecond, func() {
		s.start()
		e.Ready, e.Settled = s.clock, s.clock
		s.events[e.ID-1] = e
		s.checker.Event(e)
	})
}

// cut breaks the requests that are in flight to an instance.
func (s *sim) cut(victim string) {
	var cut []*flight
	for f := range s.flying {
		if f.instance == victim {
			cut = append(cut, f)
		}
	}
	sortFlights(cut)
	for _, f := range cut {
		f.lost = true
		delete(s.flying, f)
		op := f.op
		idempotent := op.Kind == history.State || op.Kind == history.Replay
		if idempotent && s.service.fault != noDrain {
			op.Failure = &history.Failure{What: "eof", Idempotent: true, Reused: true, Masked: true}
			s.after(time.Millisecond, func() { s.fly(&flight{op: op, cookie: f.cookie, done: f.done}) })
			continue
		}
		op.Outcome = history.Unknown
		op.Failure = &history.Failure{What: "reset", Idempotent: idempotent, Reused: true}
		s.after(s.between(0, 3*time.Millisecond), func() { s.deliver(op, f.done) })
	}
}

// send makes a request now; done is called when it has been observed.
func (s *sim) send(op history.Op, cookie string, done func(history.Op)) {
	op.Call, op.Sent = s.clock, cookie
	s.fly(&flight{op: op, cookie: cookie, done: done})
}

func (s *sim) fly(f *flight) {
	f.early = s.rng.IntN(2) == 0
	s.after(s.between(100*time.Microsecond, 3*time.Millisecond), func() { s.arrive(f) })
}

func (s *sim) arrive(f *flight) {
	// The gateway sends to an instance that lives; in memory, to the one that
	// holds the session if it lives.
	f.instance = s.replicas[s.rng.IntN(len(s.replicas))]
	if s.service.fault == memory {
		home := s.service.home[s.service.cookies[f.cookie].key]
		for _, name := range s.replicas {
			if name == home {
				f.instance = home
			}
		}
	}
	s.flying[f] = true
	switch {
	case s.twoSteps(f):
		if key, sess, ok := s.service.open(f.cookie, f.instance); ok {
			f.loaded, f.loadKey = &sess, key
		}
		if f.loaded != nil && f.op.Kind == history.Rotate {
			delete(s.service.sessions, f.loadKey)
		}
	case f.early:
		f.answer = s.service.handle(&f.op, f.cookie, f.instance)
	}
	s.after(s.between(0, 8*time.Millisecond), func() { s.finish(f) })
}

// twoSteps: the faulty service loads on arrival and saves when done.
func (s *sim) twoSteps(f *flight) bool {
	switch s.service.fault {
	case blob, blobRevives:
		return f.op.Kind == history.Append || f.op.Kind == history.Incr
	case deleteThenCreate:
		return f.op.Kind == history.Rotate
	default:
		return false
	}
}

func (s *sim) finish(f *flight) {
	if f.lost {
		return
	}
	delete(s.flying, f)
	if s.service.fault == flaky && s.rng.IntN(20) == 0 {
		s.lose(f)
		return
	}
	late := s.service.fault == saveAfterReply && (f.op.Kind == history.Append || f.op.Kind == history.Incr)
	switch {
	case s.twoSteps(f):
		f.answer = s.save(f)
	case late && !f.early:
		f.answer = s.promise(f)
	case !f.early:
		f.answer = s.service.handle(&f.op, f.cookie, f.instance)
	}
	op := f.op
	op.Instance, op.Status, op.SetCookie, op.Seen = f.instance, f.answer.status, f.answer.cookie, f.answer.seen
	if op.Status == 401 {
		op.Outcome, op.Anonymous = history.Failed, true
	}
	s.after(s.between(100*time.Microsecond, 3*time.Millisecond), func() { s.deliver(op, f.done) })
}

// lose drops the answer; an operation that has not taken effect by now does so
// within 20 ms, or never.
func (s *sim) lose(f *flight) {
	if !f.early && s.rng.IntN(2) == 0 {
		op := f.op
		s.after(s.between(0, 20*time.Millisecond), func() { s.service.handle(&op, f.cookie, f.instance) })
	}
	op := f.op
	op.Outcome = history.Unknown
	op.Failure = &history.Failure{What: "timeout", Idempotent: op.Kind == history.State || op.Kind == history.Replay}
	s.after(s.between(0, 3*time.Millisecond), func() { s.deliver(op, f.done) })
}

// save is the second step of a service that loads, modifies and saves.
func (s *sim) save(f *flight) answer {
	if f.loaded == nil {
		return denied
	}
	if s.service.fault == deleteThenCreate {
		s.service.sessions[f.loadKey] = *f.loaded
		delete(s.service.cookies, f.cookie)
		return answer{status: 200, cookie: s.service.newCookie(f.loadKey)}
	}
	_, exists := s.service.sessions[f.loadKey]
	if !exists && s.service.fault != blobRevives {
		return denied
	}
	sess, a := s.service.write(&f.op, *f.loaded)
	s.service.sessions[f.loadKey] = sess
	return a
}

// promise answers a write and performs it some time later.
func (s *sim) promise(f *flight) answer {
	_, sess, ok := s.service.open(f.cookie, f.instance)
	if !ok {
		return denied
	}
	_, a := s.service.write(&f.op, sess)
	op := f.op
	s.after(s.between(5*time.Millisecond, 20*time.Millisecond), func() { s.service.handle(&op, f.cookie, f.instance) })
	return a
}

func (s *sim) deliver(op history.Op, done func(history.Op)) {
	op.Return = s.clock
	s.ops = append(s.ops, op)
	s.checker.Observe(op)
	done(op)
}
