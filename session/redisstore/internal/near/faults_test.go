package near

import (
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// subject is what the model drives: the cache, or one with a planted fault.
type subject interface {
	begin(conn Conn) filler
	wrote(prev int64, next *session.Record, sent time.Time)
	forget()
	invalidate()
	flush()
	lookup(opt session.LoadOptions) *session.Record
	term() *term
	pinged(t *term, sent time.Time)
}

type filler interface {
	Candidate(opt session.LoadOptions) (*session.Record, bool)
	Done(rec *session.Record) Verdict
	Confirm(a Answer) Verdict
	Abort()
}

// sound is the cache as it is.
type sound struct{ c *Cache }

func (s sound) begin(conn Conn) filler { return s.c.Begin(modelKey, conn) }
func (s sound) wrote(prev int64, next *session.Record, sent time.Time) {
	s.c.Wrote(modelKey, modelVersion(prev), next, sent)
}
func (s sound) forget()                                        { s.c.Forget(modelKey) }
func (s sound) invalidate()                                    { s.c.Invalidate([]string{string(modelKey)}) }
func (s sound) flush()                                         { s.c.Invalidate(nil) }
func (s sound) lookup(opt session.LoadOptions) *session.Record { return s.c.Lookup(modelKey, opt) }
func (s sound) term() *term                                    { return s.c.lease.term.Load() }
func (s sound) pinged(t *term, sent time.Time)                 { s.c.lease.renew(t, at(sent)) }

// forgiving does not poison: fills are begun anew after the events named.
type forgiving struct {
	sound
	events string
	open   *[]*reopened
}

type reopened struct {
	*Fill
	conn Conn
}

func forgives(events string) func(*Cache) subject {
	return func(c *Cache) subject { return forgiving{sound{c}, events, new([]*reopened)} }
}

func (f forgiving) begin(conn Conn) filler {
	r := &reopened{f.c.Begin(modelKey, conn), conn}
	*f.open = append(*f.open, r)
	return r
}

func (f forgiving) after(event string) {
	if f.events != event && f.events != "all" {
		return
	}
	for _, r := range *f.open {
		if r.flight != nil {
			r.Abort()
			again := f.c.Begin(modelKey, r.conn)
			again.base, again.given = r.base, r.given
			r.Fill = again
		}
	}
}

func (f forgiving) wrote(prev int64, next *session.Record, sent time.Time) {
	f.sound.wrote(prev, next, sent)
	f.after("write")
}
func (f forgiving) forget()     { f.sound.forget(); f.after("forget") }
func (f forgiving) invalidate() { f.sound.invalidate(); f.after("invalidation") }
func (f forgiving) flush()      { f.sound.flush(); f.after("flush") }

// The other faults, each in one method.
type (
	careless  struct{ sound } // writes through whatever version there is
	eager     struct{ sound } // keeps a write although there was no copy
	floorless struct{ sound } // serves what is older than the floor
	late      struct{ sound } // lets the lease run from the answer
	endless   struct{ sound } // knows no end of the lease
	deaf      struct{ sound } // ignores invalidations
	loyal     struct{ sound } // ignores that the connection was lost
	hopeful   struct{ sound } // ignores writes of unknown outcome
	gullible  struct{ sound } // takes plain connections for tracked ones
)

func (s careless) wrote(prev int64, next *session.Record, sent time.Time) {
	sh := s.c.shard(modelKey)
	sh.mu.Lock()
	if e := sh.entries[modelKey]; e != nil {
		prev = e.rec.Version.N
	}
	sh.mu.Unlock()
	s.sound.wrote(prev, next, sent)
}

func (s eager) wrote(prev int64, next *session.Record, sent time.Time) {
	s.sound.wrote(prev, next, sent)
	s.c.Begin(modelKey, Tracked).Done(next)
}

func (s floorless) lookup(opt session.LoadOptions) *session.Record {
	opt.Floor = 0
	return s.sound.lookup(opt)
}

func (s late) pinged(t *term, _ time.Time) { s.sound.pinged(t, time.Now()) }

func (s endless) lookup(opt session.LoadOptions) *session.Record {
	s.sound.pinged(s.term(), time.Now())
	return s.sound.lookup(opt)
}

func (deaf) invalidate() {}
func (loyal) flush()     {}
func (hopeful) forget()  {}

func (s gullible) begin(Conn) filler { return s.sound.begin(Tracked) }
