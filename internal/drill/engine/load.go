package engine

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// Load is a run of users against a service. Its methods are safe for
// concurrent use; Run may be called once.
type Load struct {
	opt     Options
	client  *Client
	dialect Dialect // after scouting
	plan    plan
	users   []*virtual
	when    *timeline
	canary  canary
	count   counters
	phase   atomic.Value // Phase; Control and Running are told apart by time
	begun   atomic.Int64 // on the clock; negative: not yet
	done    atomic.Int64 // users who are over
	sink    func(history.Op)
	life    context.Context // of what is in flight; outlives that of Run
	workers sync.WaitGroup
	crew    crew
}

// virtual is a user of a load.
type virtual struct {
	client *User

	mu      sync.Mutex
	journey journey
	// A user who holds a stream: in which epoch, and how to end it; nil: none
	// is held now.
	streams   bool
	streaming int
	stop      context.CancelFunc

	// Of the timeline, under its lock.
	alarm time.Duration
	slot  int
}

// New prepares a load. It neither connects nor starts anything.
func New(opt Options) (*Load, error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	opt = opt.withDefaults()
	client, err := NewClient(opt.Targets, opt.Clock, opt.Client)
	if err != nil {
		return nil, err
	}
	l := &Load{opt: opt, client: client, dialect: opt.Dialect, when: newTimeline()}
	l.canary = canary{clock: opt.Clock, load: &l.count, used: processCPU, exhausted: l.client.exhausted.Load}
	l.phase.Store(Waiting)
	l.begun.Store(-1)
	return l, nil
}

// Run drives a load to its end and returns it for its figures. See Load.Run.
func Run(ctx context.Context, opt Options, sink func(history.Op)) (*Load, error) {
	l, err := New(opt)
	if err != nil {
		return nil, err
	}
	return l, l.Run(ctx, sink)
}

// Clock is what all times of the load are measured by.
func (l *Load) Clock() Clock { return l.opt.Clock }

// Run scouts, lets the users in, drives them for Options.Duration or until ctx
// ends, has all of them settle, and returns when nothing is in flight any more;
// after the end of the load that is bounded by the time-outs. An error means
// that there was no load: it wraps ErrTarget where the service cannot be
// reached or does not let the drill in.
//
// sink gets each operation once, after its return and before the same user's
// next one that waits for it. It is called from many goroutines at once, and
// must not block for long: it is part of the load.
func (l *Load) Run(ctx context.Context, sink func(history.Op)) error {
	if !l.phase.CompareAndSwap(Waiting, Control) {
		return errors.New("load: it has run already")
	}
	defer l.phase.Store(Ended)
	if s, ok := l.dialect.(Scouter); ok {
		d, err := s.Scout(ctx, l.client)
		if err != nil {
			return err
		}
		l.dialect = d
	}
	l.sink = sink
	// The exchanges outlive ctx: its end is the end of the load, not theirs.
	l.life = context.WithoutCancel(ctx)
	l.begin()
	stop, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		l.canary.run(stop)
	}()
	l.crew.handed = make(chan task)
	l.drive(l.life, ctx.Done())
	close(l.crew.handed)
	l.workers.Wait()
	close(stop)
	<-watched
	for _, v := range l.users {
		v.client.Close()
	}
	return nil
}

// begin makes the users and sets their first alarms.
func (l *Load) begin() {
	l.plan.run, l.plan.interval, l.plan.quiet = l.opt.Run, l.opt.Pace.Think, l.opt.Quiet
	l.plan.lanes, l.plan.slow = l.client.opt.Lanes, l.opt.Slow
	l.plan.slots.most = l.opt.slotsOf()
	for k := range l.plan.offers {
		l.plan.offers[k] = l.dialect.Offers(history.Kind(k))
	}
	_, streaming := l.dialect.(Streamer)
	streaming = streaming && l.plan.offers[history.Stream]
	now := l.opt.Clock.Now()
	l.begun.Store(int64(now))
	for i := range l.opt.Users {
		v := &virtual{client: l.client.User(), streams: streaming && chosen(i, l.opt.Streams.Users, l.opt.Users)}
		v.journey = journey{plan: &l.plan, user: i, rng: rand.New(rand.NewPCG(l.opt.Seed, uint64(i)))}
		if l.opt.Expiry.tries(i, l.opt.Users) {
			v.journey.trial.expiry = l.opt.Expiry
		}
		v.journey.alarm = now + time.Duration(int64(l.opt.Pace.Ramp)*int64(i)/int64(l.opt.Users))
		v.journey.due = v.journey.alarm
		l.users = append(l.users, v)
		l.when.set(v, v.journey.alarm)
	}
}

// drive wakes users when they are due, until all are over.
func (l *Load) drive(ctx context.Context, enough <-chan struct{}) {
	end := time.Duration(l.begun.Load()) + l.opt.Duration
	settling := false
	timer := time.NewTimer(0)
	defer timer.Stop()
	for l.done.Load() < int64(len(l.users)) {
		now := l.opt.Clock.Now()
		switch {
		case now < end:
		case settling:
			l.each(func(j *journey, _ time.Duration) { j.abandon() })
			continue
		default:
			settling, enough, end = true, nil, now+l.patience()
			l.phase.Store(Settling)
			l.each(func(j *journey, offset time.Duration) { j.end(now, now+offset) })
		}
		v, next := l.when.due(now)
		if v != nil {
			l.wake(ctx, v)
			continue
		}
		timer.Reset(min(next, end) - now)
		select {
		case <-timer.C:
		case <-l.when.earlier:
		case <-enough:
			enough, end = nil, now
		}
	}
}

// patience is how long users may take to settle: what is in flight, the one
// resend, and a settle read, each with all of its time-outs.
func (l *Load) patience() time.Duration {
	c := l.client.opt
	return l.opt.Pace.Ramp + 3*(c.DialTimeout+c.Timeout) + 2*l.opt.Slow.Time + l.opt.Quiet + time.Second
}

// each changes all journeys. offset spreads what they do next over the time of
// the ramp, so that the end is no burst that the beginning was not.
func (l *Load) each(f func(j *journey, offset time.Duration)) {
	for i, v := range l.users {
		v.mu.Lock()
		before := v.journey.place
		f(&v.journey, time.Duration(int64(l.opt.Pace.Ramp)*int64(i)/int64(len(l.users))))
		l.changed(v, before)
		v.mu.Unlock()
	}
}

// changed follows a journey that may have changed, under the user's lock.
func (l *Load) changed(v *virtual, before place) {
	j := &v.journey
	switch {
	case j.place == over: // a session goes on without its user
	case j.place.signedIn() && !before.signedIn():
		l.count.sessions.Add(1)
	case before.signedIn() && !j.place.signedIn():
		l.count.sessions.Add(-1)
	}
	if before != over && j.place == over {
		l.done.Add(1)
		l.when.poke()
	}
	l.follow(v)
	l.when.set(v, j.alarm)
}

// wake lets a user act whose alarm is due.
func (l *Load) wake(ctx context.Context, v *virtual) {
	v.mu.Lock()
	now := l.opt.Clock.Now()
	if v.journey.alarm > now { // it was moved meanwhile
		l.when.set(v, v.journey.alarm)
		v.mu.Unlock()
		return
	}
	before := v.journey.place
	fire, shed := v.journey.wake(now)
	l.changed(v, before)
	v.mu.Unlock()
	l.count.shed.Add(int64(shed))
	for i := range fire {
		l.hand(ctx, task{v, &fire[i]})
	}
}

// perform sends one operation, and hands on what became of it.
func (l *Load) perform(ctx context.Context, v *virtual, a *action) {
	l.count.began(l.opt.Clock.Now(), a.due)
	op := a.op
	x := l.dialect.Perform(func(req Request) Exchange { return v.send(ctx, req, a.due) }, a.call, &op)
	l.count.ended(&op, &x)
	l.sink(op)
	v.mu.Lock()
	defer v.mu.Unlock()
	before := v.journey.place
	v.journey.ended(a, &op, l.opt.Clock.Now())
	l.changed(v, before)
}

// send makes one request of an operation. An operation holds one lane at most.
func (v *virtual) send(ctx context.Context, req Request, due time.Duration) Exchange {
	req.Due = due
	x, err := v.client.Do(ctx, req)
	if err != nil {
		panic("engine: a journey has more in flight than lanes: " + err.Error())
	}
	x, _ = v.client.Masked(ctx, req, x)
	return x
}

// Stats is a snapshot of the figures so far.
func (l *Load) Stats() Stats {
	c := &l.count
	s := Stats{
		Phase: l.phase.Load().(Phase),
		Sent:  c.sent.Load(), OK: c.ok.Load(), Failed: c.failed.Load(), Masked: c.masked.Load(),
		Late: c.late.Load(), Shed: c.shed.Load(), Stale: l.client.stale.Load(),
		InFlight: c.inFlight.Load(), Sessions: c.sessions.Load(), Streams: c.streams.Load(),
		FromDue: c.fromDue.latency(), FromSend: c.fromSend.latency(),
	}
	if begun := time.Duration(l.begun.Load()); begun >= 0 {
		s.Elapsed = l.opt.Clock.Now() - begun
	}
	if s.Phase == Control && s.Elapsed >= l.opt.Control {
		s.Phase = Running
	}
	return s
}

// Health tells how far the drill has been able to do its work.
func (l *Load) Health() Health { return l.canary.health() }
