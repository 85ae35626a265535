package memstore

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

var (
	_ session.Principals = (*Store)(nil)
	_ session.Inspector  = (*Store)(nil)
)

// Sessions implements session.Principals.
func (s *Store) Sessions(ctx context.Context, principal string) ([]session.Listed, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	var list []session.Listed
	for _, e := range s.of(principal) {
		list = append(list, e.listed())
	}
	return list, nil
}

// Revoke implements session.Principals.
func (s *Store) Revoke(ctx context.Context, principal string, r session.Revocation) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if r.Only != "" && r.Except != "" {
		return 0, fmt.Errorf("%w: a revocation of only one and of all but one", session.ErrMalformed)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.sweep()
	n := 0
	for _, e := range s.of(principal) {
		if r.Only != "" && e.key != r.Only || r.Except != "" && e.key == r.Except {
			continue
		}
		if err := s.end(e, cmp.Or(r.Reason, session.ReasonRevoked), now); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// Inspect implements session.Inspector.
func (s *Store) Inspect(ctx context.Context, key session.Key) (*session.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.sweep()
	stored := s.record(key)
	switch {
	case stored == nil:
		return nil, session.ErrNotFound
	case stored.Format < 1 || stored.Format != session.Format && stored.Format != session.Format-1:
		return nil, session.ErrFormat
	}
	rec := stored.Clone()
	rec.Verifier, rec.Superseded, rec.Now = session.Hash{}, nil, now
	return rec, nil
}

// of are the principal's sessions, the one signed in first first.
func (s *Store) of(principal string) []*entry {
	return slices.SortedFunc(maps.Values(s.owned[principal]), func(a, b *entry) int { return cmp.Compare(a.signedIn, b.signedIn) })
}

func (s *Store) own(e *entry) {
	principal := e.record.Principal
	if principal == "" || s.owned[principal][e.key] != nil {
		return
	}
	if s.owned[principal] == nil {
		s.owned[principal] = map[session.Key]*entry{}
	}
	s.owned[principal][e.key] = e
}

func (s *Store) disown(e *entry) {
	principal := e.record.Principal
	e.device = ""
	delete(s.owned[principal], e.key)
	if len(s.owned[principal]) == 0 {
		delete(s.owned, principal)
	}
}

// makeRoom ends the principal's oldest sessions beyond the bound of in, which
// is about to sign the session of key in, or refuses.
func (s *Store) makeRoom(key session.Key, in *session.SignIn, now time.Time) error {
	if in.MaxSessions == 0 {
		return nil
	}
	others := slices.DeleteFunc(s.of(in.Principal), func(e *entry) bool { return e.key == key })
	tooMany := len(others) + 1 - in.MaxSessions
	if tooMany > 0 && in.Refuse {
		return fmt.Errorf("%w: %d of %d", session.ErrTooMany, len(others), in.MaxSessions)
	}
	for _, e := range others[:max(0, tooMany)] {
		if err := s.end(e, session.ReasonEvicted, now); err != nil {
			return err
		}
	}
	return nil
}

// end makes a session a tombstone.
func (s *Store) end(e *entry, reason session.Reason, now time.Time) error {
	next, _, err := session.Apply(e.record, session.Change{
		WriteID:    rand.Text()[:16],
		Generation: e.record.Generation,
		NotAfter:   now.Add(time.Second),
		Invalidate: reason,
	}, now)
	if err != nil {
		return err
	}
	s.put(e.key, next)
	return nil
}

func (e *entry) listed() session.Listed {
	r := e.record
	return session.Listed{
		Key: e.key, Device: e.device, Created: r.Created, SignedIn: r.Authenticated,
		Accessed: r.Accessed, Expires: r.Expires(), Persistent: r.Persistent,
	}
}
