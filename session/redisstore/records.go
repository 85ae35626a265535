package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/index"
)

// records is the side of the sessions that the index of principals needs.
type records struct{ s *Store }

var _ index.Records = records{}

// Look implements index.Records.
func (r records) Look(ctx context.Context, key session.Key) (*session.Record, time.Time, error) {
	reply, err := r.s.inspection(ctx, key)
	if err != nil {
		return nil, time.Time{}, failure(err)
	}
	if at, absent := strings.CutPrefix(reply.text, "absent "); absent {
		ms, err := strconv.ParseInt(at, 10, 64)
		return nil, time.UnixMilli(ms).UTC(), err
	}
	rec, err := decodeLoad(reply)
	if err != nil {
		return nil, time.Time{}, err
	}
	return rec, rec.Now, nil
}

// Destroy implements index.Records.
func (r records) Destroy(ctx context.Context, key session.Key, v index.Victim) (bool, error) {
	var q request
	if !q.session(r.s.keys, key) {
		return false, fmt.Errorf("%w: %q is no session key", session.ErrMalformed, key)
	}
	q.string(r.s.now())
	q.string(v.Principal)
	q.number(v.UpTo)
	q.string(string(v.Reason))
	q.number(max(deadline(v.PendingUntil), 0))
	name, args := q.parts()
	before := r.s.durable.Before(ctx, name)
	reply, err := r.s.exec(ctx, r.s.link.Call, r.s.scripts.destroy, name, args)
	r.s.cache.forget(key)
	switch {
	case err != nil:
		return false, failure(err)
	case reply.text == "ended" || reply.text == "kept":
		_, err := r.s.acknowledged(ctx, name, before)
		return reply.text == "ended", err
	}
	return false, refusal(reply.text, nil)
}

// Sessions implements session.Principals.
func (s *Store) Sessions(ctx context.Context, principal string) ([]session.Listed, error) {
	return s.index.Sessions(ctx, principal)
}

// Revoke implements session.Principals. Of all, or all but one, nothing that
// it is to end is valid any more from its first step on, on every instance but
// for those that answer from a copy; see session.CacheBounded.
func (s *Store) Revoke(ctx context.Context, principal string, r session.Revocation) (int, error) {
	return s.index.Revoke(ctx, principal, r)
}

// signIn is commit for a change with a SignIn: the index of the principal knows
// of it before the session does, so that no session is the principal's which
// cannot be found, counted and ended.
func (s *Store) signIn(ctx context.Context, key session.Key, c *session.Change) (done, error) {
	number, err := s.index.Register(ctx, key, *c)
	if err != nil {
		return done{}, err
	}
	in, registered := *c.SignIn, *c
	in.Epoch = number
	registered.SignIn = &in
	d, err := s.commit(ctx, key, &registered)
	if errors.Is(err, session.ErrExists) {
		err = s.ended(ctx, key, err)
	}
	if refused(err) && !c.Retry {
		// If that fails, the entry counts until the change is too late.
		_ = s.index.Unregister(ctx, key, *c)
	}
	return d, err
}

// ended is why a session that was to begin with a sign-in cannot: a tombstone
// of a revocation or an eviction that came before it. Otherwise it is err.
func (s *Store) ended(ctx context.Context, key session.Key, err error) error {
	if rec, _, looked := (records{s}).Look(ctx, key); looked == nil && rec != nil && rec.Gone != "" {
		return session.ErrGone{Reason: rec.Gone}
	}
	return err
}

// refused tells whether err says that nothing was written, by this attempt.
func refused(err error) bool {
	for _, verdict := range []error{
		session.ErrNotFound, session.ErrSuperseded, session.ErrExists, session.ErrConflict, session.ErrType,
		session.ErrLimit, session.ErrPrincipal, session.ErrMalformed, session.ErrFormat, ErrCorrupt,
	} {
		if errors.Is(err, verdict) {
			return true
		}
	}
	return errors.As(err, new(session.ErrGone)) || errors.As(err, new(session.ErrLate)) || errors.As(err, new(session.ErrUnavailable))
}
