package session

import (
	"fmt"
	"slices"
	"time"
)

// windowOpen is the rule at Superseded.
func windowOpen(end, now time.Time) bool {
	return now.Before(end) && !end.After(now.Add(RenewalGrace))
}

// opens tells whether the verifier still opens the session.
func (s *Superseded) opens(now time.Time) bool {
	return s.Open || windowOpen(s.LoadUntil, now)
}

// commits tells whether requests loaded under the generation may commit.
func (s *Superseded) commits(now time.Time) bool {
	return windowOpen(s.CommitUntil, now)
}

// admits checks that a request loaded under c.Generation may still do c.
func (r *Record) admits(c *Change, now time.Time) error {
	if c.Generation == r.Generation {
		return nil
	}
	if c.Generation > r.Generation || c.SignIn != nil {
		return ErrSuperseded
	}
	for g := c.Generation; g < r.Generation; g++ {
		i := slices.IndexFunc(r.Superseded, func(s Superseded) bool { return s.Generation == g })
		if i < 0 || !r.Superseded[i].commits(now) {
			return ErrSuperseded
		}
		if err := r.Superseded[i].fence(c); err != nil {
			return err
		}
	}
	return nil
}

// fence refuses to requests from before a sign-in what belongs to those after
// it. A logout is among that: the anonymous page's must not end the login
// that came after it.
func (s *Superseded) fence(c *Change) error {
	if !s.SignIn {
		return nil
	}
	if c.Clear || c.Invalidate != "" {
		return ErrSuperseded
	}
	all := slices.Contains(s.Fenced, FencedAll)
	for i := range c.Ops {
		op := &c.Ops[i]
		if all || op.Privileged || slices.Contains(s.Fenced, op.Name) {
			return fmt.Errorf("%w: by a sign-in that closed attribute %q", ErrSuperseded, op.Name)
		}
	}
	return nil
}

// hadVerifier tells whether the generation is known to have had the verifier.
func (r *Record) hadVerifier(generation int64, h Hash) bool {
	if generation == r.Generation {
		return h == r.Verifier
	}
	return slices.ContainsFunc(r.Superseded, func(s Superseded) bool {
		return s.Generation == generation && s.Verifier == h
	})
}

// settle returns a copy in which the windows that are closed at now are
// closed for good, so that no later step of the clock opens them again.
func settle(list []Superseded, now time.Time) []Superseded {
	list = slices.Clone(list)
	for i := range list {
		s := &list[i]
		if !windowOpen(s.LoadUntil, now) {
			s.LoadUntil = time.Time{}
		}
		if !windowOpen(s.CommitUntil, now) {
			s.CommitUntil = time.Time{}
		}
	}
	return list
}

// renew gives r the new verifier. The caller owns r and has settled its
// superseded generations.
func (r *Record) renew(c *Change, now time.Time) {
	old := Superseded{Verifier: r.Verifier, Generation: r.Generation}
	if !c.Renew.Strict {
		old.CommitUntil = now.Add(RenewalGrace)
	}
	if c.SignIn != nil {
		old.SignIn, old.Fenced = true, c.fenced()
		for i := range r.Superseded {
			r.Superseded[i].Open, r.Superseded[i].LoadUntil = false, time.Time{}
		}
	} else {
		old.Open = true
	}
	// What is forgotten is the oldest, which may do nothing that newer ones may
	// not: sign-ins and lapses close it first, and its requests need the
	// windows of all the newer ones.
	r.Superseded = slices.Insert(r.Superseded, 0, old)
	r.Superseded = r.Superseded[:min(len(r.Superseded), MaxSuperseded)]
	r.Generation++
	r.Verifier = c.Renew.Verifier
}

// fenced is what Superseded.Fenced says of a sign-in by c.
func (c *Change) fenced() []string {
	if c.Clear {
		return []string{FencedAll}
	}
	var names []string
	for i := range c.Ops {
		names = append(names, c.Ops[i].Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
