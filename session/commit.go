package session

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Commit writes what is staged, at once. The middleware does it for every
// response; a handler that streams does it itself: Commit before the first
// byte, which also puts the cookie into the response's header, and again
// whenever it has changed something. After a call of Commit, Set and the like
// may be called after the first byte too; what is still staged when the
// handler returns is committed then, and if that fails the connection is cut.
//
// ctx bounds the wait for other calls of the same request; a write that has
// begun is finished within Options.Budget and half a second.
//
// After an error nothing is staged any more. If Status of the error is 503 the
// write may have happened, and if it has not by then, it never will.
func (s *Session) Commit(ctx context.Context) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer func() { <-s.turn }()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == phaseDone {
		return ErrDone
	}
	s.manual = true
	return s.flush(false)
}

// seal commits with the response; periodic allows a renewal that is due. It
// closes the session for changes first, so that none is staged that no commit
// would see. After an error every later change fails with it.
func (s *Session) seal(periodic bool) error {
	s.mu.Lock()
	s.phase = phaseSealed
	s.mu.Unlock()
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.flush(periodic)
	if err != nil && s.broken == nil {
		s.broken = err
	}
	return err
}

// last commits what a handler that commits itself has left.
func (s *Session) last() error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flush(false)
}

// flush writes all that is staged, with the turn and mu held.
func (s *Session) flush(periodic bool) error {
	p := s.pending
	s.pending = staged{}
	asked := !p.empty() || len(s.ending) > 0
	if s.broken != nil {
		s.view, s.ending = nil, nil
		if asked || s.spoiled {
			return s.broken
		}
		return nil // the handler was told when it happened
	}
	p.renew = p.renew || periodic && s.due()
	_, err := s.write(p)
	if err == nil {
		err = s.invalidate()
	}
	if err == nil || !asked {
		// A renewal that nobody asked for fails nobody: the session stays as
		// it is, under a cookie that opens it.
		return nil
	}
	if len(s.ending) > 0 { // back to the one that the browser holds
		s.cur, s.ending, s.cookie = s.ending[0], nil, nil
		s.stale, s.view = true, nil
	}
	return err
}

// due tells whether the periodic renewal is.
func (s *Session) due() bool {
	every, rec := s.m.opt.RenewEvery, s.cur.base
	if every < 0 || rec == nil || s.passive || s.renewed || s.ctx.Err() != nil {
		return false
	}
	now := s.m.clock.now()
	if now.Before(rec.Created.Add(time.Duration(rec.Generation) * every)) {
		return false
	}
	if len(rec.Superseded) == 0 {
		return true
	}
	// A session that comes back after a long time is behind by several
	// renewals; it catches up one by one, each after the other's grace.
	last := &rec.Superseded[0]
	return !now.Before(last.LoadUntil) && !now.Before(last.CommitUntil) && (!last.Open || !s.m.opt.StrictRenewal)
}

// expired is the error of writing for a request whose deadline has passed:
// whoever set it (as http.TimeoutHandler does) has answered already, and what
// would be written now is not what the client was told.
func (s *Session) expired() error {
	if errors.Is(s.ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("session: commit: the request is over: %w", s.ctx.Err())
	}
	return nil
}
