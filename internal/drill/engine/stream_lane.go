package engine

import (
	"bytes"
	"cmp"
	"context"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// minRetry keeps a service that says "retry: 0" from being hammered.
const minRetry = 100 * time.Millisecond

// follow starts a user's stream when the user has signed in, and ends it when
// the session is left, under the user's lock.
func (l *Load) follow(v *virtual) {
	j := &v.journey
	if !v.streams {
		return
	}
	if v.stop != nil && (!j.place.signedIn() || v.streaming != j.epoch) {
		v.stop()
		v.stop = nil
	}
	if v.stop == nil && j.place.signedIn() {
		ctx, cancel := context.WithCancel(l.life)
		v.stop, v.streaming = cancel, j.epoch
		s := &listening{load: l, v: v, epoch: j.epoch, retry: l.opt.Streams.Retry, broken: -1, random: j.rng.Uint64()}
		l.workers.Go(func() {
			defer cancel()
			s.run(ctx)
		})
	}
}

// listening is a user's stream in one epoch. One goroutine owns it.
type listening struct {
	load  *Load
	v     *virtual
	epoch int

	last   uint64        // ID of the last event
	broken time.Duration // see history.Connection; negative: not asked for yet
	retry  time.Duration
	random uint64
	data   []byte // of the last event, whose user is known to be this one
}

// run keeps the stream up as EventSource does, and more stubbornly: it asks
// again whatever it was answered, as long as the user is signed in.
func (s *listening) run(ctx context.Context) {
	for {
		op := s.connect(ctx)
		s.load.sink(op)
		if op.Anonymous {
			s.load.doubt(s.v, s.epoch)
		}
		if ctx.Err() != nil {
			return
		}
		select {
		case <-time.After(s.retry):
		case <-ctx.Done():
			s.load.sink(s.waited())
			return
		}
	}
}

// connect holds one connection until it ends, and moves on to what is broken.
func (s *listening) connect(ctx context.Context) history.Op {
	l := s.load
	d := l.dialect.(Streamer)
	if s.broken < 0 {
		s.broken = l.opt.Clock.Now()
	}
	c := &history.Connection{LastEventID: s.last, Broken: s.broken}
	op := s.op(c)
	user, drop := "", s.dropAt()
	l.count.streams.Add(1)
	x, end := s.v.client.stream(ctx, d.StreamRequest(s.last), l.opt.Streams.Within, func(m message) bool {
		now := l.opt.Clock.Now()
		s.retry = max(cmp.Or(m.retry, s.retry), minRetry)
		user = cmp.Or(user, s.foreign(d, m.data))
		if m.hasID {
			s.heard(c, m.id, now)
		}
		return now < drop
	})
	l.count.streams.Add(-1)
	c.End = end
	d.Read(&op, &x)
	if c.Events > 0 || user != "" {
		op.Seen = &history.Seen{User: cmp.Or(user, history.UserName(op.User)), MarkerOnly: true}
		if s.data == nil && user == "" { // nobody was named
			op.Seen = nil
		}
	}
	switch {
	case c.Events == 0: // still
	case end == history.Silent:
		s.broken = c.LastAt
	default:
		s.broken = x.Return
	}
	return op
}

func (s *listening) op(c *history.Connection) history.Op {
	return history.Op{User: s.v.journey.user, Epoch: s.epoch, Kind: history.Stream, Connection: c}
}

// waited is an end of the stream between two connections.
func (s *listening) waited() history.Op {
	op := s.op(&history.Connection{LastEventID: s.last, Broken: s.broken, End: history.Stopped})
	op.Call = s.load.opt.Clock.Now()
	op.Return, op.Outcome = op.Call, history.Failed
	return op
}

// heard takes an event's ID in.
func (s *listening) heard(c *history.Connection, text string, now time.Duration) {
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		id = 0
	}
	if c.Events == 0 {
		c.First, c.FirstAt = id, now
	} else if c.Jump == nil && id != c.Last+1 {
		c.Jump = &history.Jump{From: c.Last, To: id, Good: c.LastAt, At: now}
	}
	c.Events++
	c.Last, c.LastAt = id, now
	s.last = id
}

// foreign is whom the data names other than this user. Data that is the same as
// before is not looked into again.
func (s *listening) foreign(d Streamer, data []byte) string {
	if len(data) == 0 || bytes.Equal(data, s.data) {
		return ""
	}
	user := d.StreamUser(data)
	if user == history.UserName(s.v.journey.user) {
		s.data = append(s.data[:0], data...)
		return ""
	}
	return user
}

// dropAt is when the user will drop the next connection.
func (s *listening) dropAt() time.Duration {
	drop := s.load.opt.Streams.Drop
	if drop < 0 {
		return never
	}
	s.random = s.random*6364136223846793005 + 1442695040888963407
	return s.load.opt.Clock.Now() + drop/2 + time.Duration(s.random>>33)%max(drop, 1)
}

// doubt has the user look whether the session is there, after its stream was
// answered as anonymous.
func (l *Load) doubt(v *virtual, epoch int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	j := &v.journey
	if j.place != active || j.epoch != epoch {
		return
	}
	j.settle.doubt = true
	j.settleSoon(l.opt.Clock.Now())
	l.changed(v, active)
}
