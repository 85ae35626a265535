package session

import (
	"crypto/subtle"
	"time"
)

// Open is the meaning of Store.Load: what a load of rec, nil if there is no
// record, answers when the store's clock shows now.
//
// Open is pure. view is the caller's own copy if the load is Fresh; else it
// shares with rec what both refer to, which is never changed in place. updated,
// if not nil, is what the store must keep in place of rec, before it answers:
// it differs by the access, the confirmation and the windows of superseded
// verifiers, never by version or writes. It shares values with rec.
//
// A record that has expired counts as absent. One of an unknown format is
// ErrFormat.
func Open(rec *Record, opt LoadOptions, now time.Time) (view, updated *Record, err error) {
	now = millis(now)
	if rec != nil && !rec.readable() {
		return nil, nil, ErrFormat
	}
	r := rec.live(now)
	if r == nil {
		return nil, nil, ErrNotFound
	}
	m := r.match(opt.Verifiers, now)
	switch {
	case !m.known:
		return nil, nil, ErrNotFound
	case r.Gone != "":
		return nil, nil, ErrGone{Reason: r.Gone}
	case m.presented < 0:
		return nil, nil, ErrSuperseded
	}
	if updated = r.touched(m.current, opt.Passive, now); updated != nil {
		r = updated
	}
	if opt.Fresh {
		view = r.Clone()
	} else {
		copied := *r
		view = &copied
	}
	view.Now, view.Presented, view.Current = now, m.presented, m.current
	return view, updated, nil
}

// match is what the presented verifiers are to a record.
type match struct {
	known     bool // one of them is or was its verifier
	presented int  // index of the one of the newest generation that opens it, -1 if none
	current   bool // and whether it is the newest
}

// match compares every presented verifier with every known one, in constant
// time for each pair.
func (r *Record) match(presented []Hash, now time.Time) match {
	m := match{presented: -1}
	var best int64
	for i, h := range presented {
		if same(h, r.Verifier) && !m.current {
			m = match{known: true, presented: i, current: true}
			best = r.Generation
		}
		for j := range r.Superseded {
			s := &r.Superseded[j]
			if !same(h, s.Verifier) {
				continue
			}
			m.known = true
			if s.opens(now) && s.Generation > best {
				m.presented, best = i, s.Generation
			}
		}
	}
	return m
}

func same(a, b Hash) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }

// touched is the record as a load leaves it, nil if it leaves it as it is.
func (r *Record) touched(current, passive bool, now time.Time) *Record {
	accessed := r.Accessed
	switch {
	case r.Accessed.IsZero():
		if current {
			accessed = now
		}
	case !passive && now.Sub(r.Accessed) >= r.Idle/10:
		accessed = later(r.Accessed, now)
	}
	lapses := current && r.unlapsed()
	if accessed.Equal(r.Accessed) && !lapses {
		return nil
	}
	next := *r
	next.Accessed = accessed
	next.Superseded = settle(r.Superseded, now)
	for i := range next.Superseded {
		if s := &next.Superseded[i]; lapses && s.Open {
			s.Open, s.LoadUntil = false, now.Add(RenewalGrace)
		}
	}
	return &next
}

// unlapsed tells whether superseded verifiers wait for the current one to
// come back.
func (r *Record) unlapsed() bool {
	for i := range r.Superseded {
		if r.Superseded[i].Open {
			return true
		}
	}
	return false
}
