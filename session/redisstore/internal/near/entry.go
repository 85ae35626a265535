package near

import (
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// An entry is the copy of one session's record. Its shard's mutex guards it;
// the record itself never changes.
type entry struct {
	key   session.Key
	rec   *session.Record // as a hit returns it, so Now is zero
	until instant         // the end of its life
	touch instant         // from here on an active load has to record its access
	asked instant         // before the sending of what last showed that rec is the record
	epoch uint64          // in which the key is tracked; 0 is not
	cost  int64           // bytes
	used  bool            // since the hand of the clock was here
	over  bool            // it was found at the end of its life, and dropped
	slot  int             // in shard.ring
}

// newEntry makes a copy of what the server answered to a request that was sent
// then. It returns nil for what can never be served: a tombstone, a record
// without the server's clock, one whose life is over.
func newEntry(key session.Key, rec *session.Record, sent instant) *entry {
	if rec.Gone != "" || rec.Now.IsZero() || !rec.Now.Before(rec.Expires()) {
		return nil
	}
	e := &entry{key: key, asked: sent}
	e.set(*rec, sent)
	e.cost = cost(e)
	return e
}

// set keeps rec, whose Now is the server's clock some time after sent.
func (e *entry) set(rec session.Record, sent instant) {
	now := rec.Now
	rec.Now, rec.Presented, rec.Current = time.Time{}, 0, true
	e.rec = &rec
	e.until = sent.add(rec.Expires().Sub(now))
	e.touch = sent.add(rec.Idle/10 - now.Sub(rec.Accessed))
}

// confirm notes that the server, asked at sent over a connection of that epoch,
// still had this version.
func (e *entry) confirm(a Answer, sent instant, epoch uint64) {
	e.asked = later(e.asked, sent)
	e.epoch = max(e.epoch, epoch)
	if a.Accessed.After(e.rec.Accessed) && !a.Now.IsZero() {
		rec := *e.rec
		rec.Accessed, rec.Now = a.Accessed, a.Now
		e.set(rec, sent)
	}
}

// unsettled tells whether the next load with the current verifier changes the
// record on the server: by confirming the session, or by letting superseded
// verifiers lapse.
func (e *entry) unsettled() bool {
	if e.rec.Accessed.IsZero() {
		return true
	}
	for i := range e.rec.Superseded {
		if e.rec.Superseded[i].Open {
			return true
		}
	}
	return false
}

// Estimates of what Go's allocator and maps add, on 64-bit machines.
const (
	entryBytes     = 112 + 352 + 56 // entry, session.Record, and their places in the map and the ring
	attributeBytes = 56             // headers of name and value, and what a map leaves free
	allocBytes     = 8              // rounding up to a size class
	writeBytes     = 56             // session.Write, and what a ring that grew leaves free
	olderBytes     = 136            // session.Superseded
)

// cost estimates the memory that an entry holds on to.
func cost(e *entry) int64 {
	r := e.rec
	n := entryBytes + len(e.key) + len(r.Version.Write) + len(r.Principal)
	for name, value := range r.Attributes {
		n += attributeBytes + len(name) + len(value) + 2*allocBytes
	}
	for i := range r.Writes {
		n += writeBytes + len(r.Writes[i].ID) + 8*len(r.Writes[i].Values) + 2*allocBytes
	}
	for i := range r.Superseded {
		n += olderBytes
		for _, name := range r.Superseded[i].Fenced {
			n += len(name) + 2*allocBytes
		}
	}
	return int64(n)
}
