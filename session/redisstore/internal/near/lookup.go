package near

import (
	"crypto/subtle"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// Lookup answers a load in the mode CacheBounded, and returns nil if the server
// has to be asked, as it has in all other modes. Of the answer the caller owns
// the Record, but not what that refers to; its Now is zero.
func (c *Cache) Lookup(key session.Key, opt session.LoadOptions) *session.Record {
	if opt.Cache != session.CacheBounded || opt.Fresh {
		return nil
	}
	c.lease.want()
	t, now := c.lease.term.Load(), at(time.Now())
	s := c.shard(key)
	s.mu.Lock()
	e := s.find(key, now)
	why, ok := c.bounded(e, opt, t, now)
	s.counts.bounded.count(why, ok)
	return s.answer(e, ok)
}

// Peek returns the copy that there is, nil if there is none, for what an own
// write makes of it: see Wrote, which looks again. Nobody may change it.
func (c *Cache) Peek(key session.Key) *session.Record {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.find(key, at(time.Now())); e != nil && !e.over {
		return e.rec
	}
	return nil
}

// Stale answers a load while the server does not: with a copy that was known to
// be right within Options.ReadGrace, never where the load is Fresh or its mode
// CacheOff. It returns nil if there is none. For the answer see Lookup.
func (c *Cache) Stale(key session.Key, opt session.LoadOptions) *session.Record {
	if c.opt.ReadGrace == 0 || opt.Fresh || opt.Cache == session.CacheOff {
		return nil
	}
	t, now := c.lease.term.Load(), at(time.Now())
	s := c.shard(key)
	s.mu.Lock()
	e := s.find(key, now)
	why, ok := e.opens(opt)
	if ok && now.reached(e.known(t).add(c.opt.ReadGrace)) {
		why, ok = TooOld, false
	}
	s.counts.stale.count(why, ok)
	return s.answer(e, ok)
}

// find returns the key's entry. One whose life is over goes.
func (s *shard) find(key session.Key, now instant) *entry {
	e := s.entries[key]
	if e != nil && now.reached(e.until) {
		s.drop(e)
		e.over = true
	}
	return e
}

// answer unlocks the shard and copies the record if the entry is to be served.
func (s *shard) answer(e *entry, ok bool) *session.Record {
	if !ok {
		s.mu.Unlock()
		return nil
	}
	e.used = true
	shared := e.rec
	s.mu.Unlock()
	rec := *shared
	return &rec
}

// opens tells whether the entry is a copy for this load at all.
func (e *entry) opens(opt session.LoadOptions) (Miss, bool) {
	switch {
	case e == nil || e.rec == nil:
		return Absent, false
	case e.over:
		return Expired, false
	case e.rec.Version.N < opt.Floor:
		return Behind, false
	case !presents(opt.Verifiers, &e.rec.Verifier):
		return Verifier, false
	}
	return 0, true
}

// presents tells whether the first verifier is the current one. Where that is
// the second, the browser has renewed it since, or believes so.
func presents(verifiers []session.Hash, current *session.Hash) bool {
	return len(verifiers) > 0 && subtle.ConstantTimeCompare(verifiers[0][:], current[:]) == 1
}

// bounded tells whether the entry answers without asking.
func (c *Cache) bounded(e *entry, opt session.LoadOptions, t *term, now instant) (Miss, bool) {
	why, ok := e.opens(opt)
	switch {
	case !ok:
		return why, false
	case e.unsettled():
		return Unsettled, false
	case !opt.Passive && now.reached(e.touch):
		return TouchDue, false
	case e.epoch != t.epoch:
		return Untracked, false
	case !t.live(now):
		return NoLease, false
	case now.reached(e.asked.add(c.opt.Recheck)):
		return Unasked, false
	}
	return 0, true
}

// known is when the entry was last known to be right.
func (e *entry) known(t *term) instant {
	if e.epoch == t.epoch && t.end != (instant{}) {
		return later(e.asked, t.sent)
	}
	return e.asked
}
