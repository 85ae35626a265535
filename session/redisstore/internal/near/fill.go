package near

import (
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// Conn says over which connection the server is asked.
type Conn uint8

// The connections.
const (
	Plain   Conn = iota // the server does not remember what was read
	Tracked             // it tells of the next change
)

// Verdict says what an answer of the server means for the copy that there was
// when it was asked.
type Verdict uint8

// The verdicts.
const (
	Changed    Verdict = iota // it is not the record any more, or there was none
	Current                   // it is the record
	Lost                      // there is no record, though the copy had life left
	RolledBack                // the record is older, or another one of the same number
)

// Answer is what the server says of a session without sending all of it.
type Answer struct {
	// Version is the record's; zero if there is no record. A tombstone has one
	// that no copy has.
	Version session.Version
	// Accessed is the record's after the load has recorded its access, and Now
	// the server's clock then. Both are zero if no access was to be recorded.
	Accessed, Now time.Time
}

// A Fill is a question to the server about one session, from just before it is
// sent until Done, Confirm or Abort, of which the first one counts. It is the
// placeholder for what it brings: it keeps nothing of that if the session was
// invalidated or written, or the connection lost, since Begin. It is for one
// goroutine.
type Fill struct {
	c      *Cache
	key    session.Key
	sent   instant
	epoch  uint64  // 0 if the server will not tell
	flight *flight // nil when the fill has ended
	base   entry   // the copy at Begin; without a record if there was none
	given  *session.Record
}

// Begin opens a Fill. Any number of one key may be open at once.
func (c *Cache) Begin(key session.Key, conn Conn) *Fill {
	f := &Fill{c: c, key: key, sent: at(time.Now())}
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	f.flight = s.join(key)
	// Under the lock, so that a Flush which this epoch has not seen poisons f.
	if t := c.lease.term.Load(); conn == Tracked {
		f.epoch = t.epoch
	}
	if e := s.find(key, f.sent); e != nil {
		f.base = *e
	}
	return f
}

// Candidate returns the copy to serve if the server's answer makes it Current,
// nil if all of the record has to be read: there is no copy for this load, or
// the load changes more than the time of the last access. touch tells that an
// access has to be recorded along with the question. For the copy see
// Cache.Lookup.
func (f *Fill) Candidate(opt session.LoadOptions) (rec *session.Record, touch bool) {
	if opt.Fresh || opt.Cache == session.CacheOff {
		return nil, false
	}
	why, ok := f.base.opens(opt)
	if ok && f.base.unsettled() {
		why, ok = Unsettled, false
	}
	if !ok {
		s := f.c.shard(f.key)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.counts.validated.count(why, false)
		return nil, false
	}
	copied := *f.base.rec
	f.given = &copied
	return f.given, !opt.Passive && f.sent.reached(f.base.touch)
}

// Confirm takes the server's answer. If the verdict is Current, the Candidate may
// be served, and its times have been set to those of the answer. The zero
// Answer says that there is no record, whoever asks. That is more than
// session.ErrNotFound, which also stands for a record that none of the verifiers
// opens: of such a one nothing was learned, and the Fill is aborted.
func (f *Fill) Confirm(a Answer) Verdict {
	v := f.verdict(a.Version)
	s := f.c.shard(f.key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.flight != nil && f.given != nil {
		s.counts.validated.count(Outdated, v == Current)
	}
	if v == Current && f.given != nil && !a.Accessed.IsZero() {
		f.given.Accessed, f.given.Now = a.Accessed, a.Now
	}
	kept, e := f.end(s), s.entries[f.key]
	switch {
	case !kept || e == nil:
	case e.rec.Version == a.Version:
		e.confirm(a, f.sent, f.epoch)
		e.used = true
	default:
		s.drop(e)
	}
	return v
}

// Done takes the record as the server sent it; rec.Now is the server's clock.
// The cache keeps a copy of *rec and shares what that refers to: nobody may
// change it any more, so a Fresh load, whose answer belongs to its caller, gives
// a Clone or aborts.
func (f *Fill) Done(rec *session.Record) Verdict {
	v := f.verdict(rec.Version)
	fresh := newEntry(f.key, rec, f.sent)
	s := f.c.shard(f.key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !f.end(s) {
		return v
	}
	old := s.entries[f.key]
	switch {
	case old != nil && f.overtaken(old, rec):
	case fresh != nil:
		fresh.epoch, fresh.used = f.epoch, old != nil
		if old != nil && old.rec.Version == rec.Version {
			fresh.epoch = max(f.epoch, old.epoch)
		}
		s.put(fresh, f.sent)
	case old != nil:
		s.drop(old)
	}
	return v
}

// Abort ends a Fill that brought nothing. After another end it does nothing.
func (f *Fill) Abort() {
	s := f.c.shard(f.key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.flight != nil {
		s.leave(f.key, f.flight)
		f.flight = nil
	}
}

// end ends the fill and tells whether what it brought may be kept.
func (f *Fill) end(s *shard) bool {
	if f.flight == nil {
		return false
	}
	s.leave(f.key, f.flight)
	poisoned := f.flight.poisoned
	f.flight = nil
	if poisoned {
		s.counts.poisoned++
	}
	return !poisoned
}

// overtaken tells whether old came after the fill began and is newer than what
// it brought. That happens only where the server does not tell of changes.
func (f *Fill) overtaken(old *entry, rec *session.Record) bool {
	return old.rec.Version.N > rec.Version.N &&
		(f.base.rec == nil || f.base.rec.Version != old.rec.Version)
}

// verdict compares the version that the server has with the one that it had
// before it was asked.
func (f *Fill) verdict(found session.Version) Verdict {
	switch base := f.base.rec; {
	case base == nil:
		return Changed
	case found == base.Version:
		return Current
	case found == session.Version{}:
		return f.missing(at(time.Now()))
	case found.N <= base.Version.N:
		return RolledBack
	}
	return Changed
}

// missing tells whether a record that is not there must have been lost: the
// copy would have lived on, and a tombstone would still be there.
func (f *Fill) missing(now instant) Verdict {
	tombstone := min(max(f.base.rec.Idle, time.Minute), session.TombstoneLife)
	if now.reached(f.base.until) || now.reached(f.base.asked.add(tombstone)) {
		return Changed
	}
	return Lost
}
