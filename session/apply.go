package session

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Apply is the meaning of Store.Commit: what c makes of rec, nil if there is
// no record, when the store's clock shows now. The store reads its clock while
// nobody else can change the record.
//
// Apply is pure. It checks everything and computes the merges before it builds
// the new record, and returns rec itself, untouched, with an error or where
// Result.Repeated says that there is nothing to write. The new record shares
// no memory with c, but values with rec: neither may be changed in place.
//
// A record that has expired counts as absent. One of an unknown format is
// ErrFormat.
func Apply(rec *Record, c Change, now time.Time) (*Record, Result, error) {
	now = millis(now)
	if err := c.Check(); err != nil {
		return rec, Result{}, err
	}
	if rec != nil && !rec.readable() {
		return rec, Result{}, ErrFormat
	}
	old := rec.live(now)
	if result, known, err := old.repeated(&c); known || err != nil {
		result.Now = now
		return rec, result, err
	}
	if !now.Before(c.NotAfter) {
		return rec, Result{}, ErrLate{Now: now}
	}
	if old == nil && c.Start != nil {
		old = c.Start.record(now)
		c.Generation = 1
	} else if err := old.takes(&c, now); err != nil {
		return rec, Result{}, err
	}
	next, values, err := old.apply(&c, now)
	if err != nil {
		return rec, Result{}, err
	}
	return next, Result{
		Version:    next.Version,
		Generation: next.Generation,
		Values:     values,
		Renewed:    next.renewedBy(&c),
		Now:        now,
	}, nil
}

// repeated answers a change that has been applied before: by its write ID, or
// by what its renewal did.
func (r *Record) repeated(c *Change) (Result, bool, error) {
	if r == nil {
		return Result{}, false, nil
	}
	if result, ok := r.stored(c.WriteID); ok {
		result.Renewed = r.renewedBy(c)
		return result, true, nil
	}
	if c.Renew == nil || r.Gone != "" || !r.hadVerifier(c.Generation+1, c.Renew.Verifier) {
		return Result{}, false, nil
	}
	if c.merges() {
		return Result{}, false, ErrUnknown // it was applied, but its values are forgotten
	}
	return Result{
		Version:    r.Version,
		Generation: r.Generation,
		Values:     make([]int64, len(c.Ops)),
		Renewed:    r.renewedBy(c),
		Repeated:   true,
	}, true, nil
}

// renewedBy tells whether c's verifier is the newest.
func (r *Record) renewedBy(c *Change) bool {
	return c.Renew != nil && r.Gone == "" && r.Generation == c.Generation+1 && r.Verifier == c.Renew.Verifier
}

// takes checks whether an existing record takes c at all.
func (r *Record) takes(c *Change, now time.Time) error {
	switch {
	case r == nil:
		return ErrNotFound
	case c.Retry && !r.remembers(c.Base):
		return ErrUnknown
	case c.Start != nil:
		return ErrExists
	case r.Gone != "":
		return ErrGone{Reason: r.Gone}
	}
	return r.admits(c, now)
}

// apply builds the record that c makes of r, which takes c.
func (r *Record) apply(c *Change, now time.Time) (*Record, []int64, error) {
	if c.SignIn != nil && r.Principal != "" && r.Principal != c.SignIn.Principal {
		return nil, nil, ErrPrincipal
	}
	state := attributes{}
	if !c.Clear && c.Invalidate == "" && r.Attributes != nil {
		state = maps.Clone(r.Attributes)
	}
	values, err := state.apply(c.Ops)
	if err != nil {
		return nil, nil, err
	}
	if err := c.Limits.check(r, state, c.Ops); err != nil {
		return nil, nil, err
	}
	renew := c.Renew != nil && c.Generation == r.Generation
	if renew && r.knows(c.Renew.Verifier) {
		return nil, nil, fmt.Errorf("%w: a renewal needs a new verifier", ErrMalformed)
	}

	next := *r
	next.Format = Format
	next.Version = Version{N: max(r.Version.N+1, now.UnixMilli()), Write: c.WriteID}
	next.Writes = remember(r.Writes, Write{ID: c.WriteID, Base: r.Version.N, Values: slices.Clone(values)})
	next.Attributes, next.Size = state, state.size()
	next.become(c, renew, now)
	if !next.Absolute.IsZero() && !now.Before(next.Absolute) {
		return nil, nil, fmt.Errorf("%w: the absolute limit has passed", ErrMalformed) // it comes from c: r is live
	}
	if c.Invalidate != "" {
		next.bury(c.Invalidate)
	}
	return &next, values, nil
}

// record is what Start makes, before the rest of its change.
func (in *Start) record(now time.Time) *Record {
	return &Record{Idle: in.Idle.Truncate(time.Millisecond), Verifier: in.Verifier,
		Generation: 1, Created: now, Absolute: millis(in.Absolute)}
}

// become does to r, of which the caller owns all but what it refers to, what c
// does besides its operations; renew tells whether its renewal counts.
func (r *Record) become(c *Change, renew bool, now time.Time) {
	r.Superseded = settle(r.Superseded, now)
	if !c.Passive && !r.Accessed.IsZero() {
		r.Accessed = later(r.Accessed, now)
	}
	if c.SignIn != nil {
		r.signIn(c.SignIn, now)
	}
	if renew {
		r.renew(c, now)
	}
}

func (r *Record) signIn(in *SignIn, now time.Time) {
	r.Principal, r.Epoch, r.Absolute = in.Principal, in.Epoch, millis(in.Absolute)
	r.Authenticated, r.Persistent = now, in.Persistent
	if in.Idle > 0 {
		r.Idle = in.Idle.Truncate(time.Millisecond)
	}
}

// knows tells whether the verifier belongs, or is known to have belonged, to
// the record.
func (r *Record) knows(h Hash) bool {
	return h == r.Verifier || slices.ContainsFunc(r.Superseded, func(s Superseded) bool { return s.Verifier == h })
}

// bury makes r, whose attributes are gone, a tombstone: what answers retries
// and verifiers stays, whose it was does not.
func (r *Record) bury(reason Reason) {
	r.Gone, r.Attributes = reason, nil
	r.Principal, r.Epoch = "", 0
	r.Authenticated, r.Persistent = time.Time{}, false
	for i := range r.Superseded {
		r.Superseded[i].Fenced = nil
	}
}
