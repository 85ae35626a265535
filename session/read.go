package session

import (
	"context"
)

// ensure reads the session if necessary. Its error is why base is nil
// although the request presented a cookie.
func (s *Session) ensure() error {
	s.mu.Lock()
	s.touched = true
	known, err := s.loaded && !s.stale, s.loadErr
	s.mu.Unlock()
	if known {
		return err
	}
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	return s.read(false)
}

// Reload reads the session again, so that a stream sees what other requests
// have written since. Staged changes stay. If the session has ended meanwhile
// the error is ErrGone, ErrNotFound or ErrSuperseded, here and from every
// later change; any other error leaves everything as it was,
// as does ErrDone after the handler.
func (s *Session) Reload(ctx context.Context) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer func() { <-s.turn }()
	return s.read(true)
}

// take waits for the turn. A call of the store that has begun is finished,
// whatever becomes of ctx.
func (s *Session) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// read loads the session, with the turn held. again is to do it although it
// has been done.
func (s *Session) read(again bool) error {
	s.mu.Lock()
	s.touched = true
	cred, first := s.cur.cred, !s.loaded
	switch {
	case s.phase == phaseDone && (first || again):
		s.mu.Unlock()
		return ErrDone
	case s.phase == phaseDone, !first && (s.cur.base == nil || !again && !s.stale):
		err := s.loadErr
		s.mu.Unlock()
		return err
	case cred.key == "":
		s.loaded = true
		s.mu.Unlock()
		return nil
	}
	floor := s.cur.seen()
	s.mu.Unlock()

	// Only the first read is the browser's; the others must not extend
	// anything, nor be answered by a cache that this request has outrun.
	rec, err := s.m.load(context.WithoutCancel(s.ctx), cred.key, LoadOptions{
		Verifiers: cred.hashes(),
		Passive:   s.passive || !first,
		Fresh:     s.fresh || again || !first,
		Cache:     s.cache,
		Floor:     floor,
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if !first {
		s.reread(rec, err)
		return err
	}
	s.loaded, s.cur.base, s.loadErr, s.view = true, rec, err, nil
	if err == nil {
		s.cur.newest = cred.verifiers[rec.Presented]
	}
	return err
}

// reread takes the answer to a load that was not the first.
func (s *Session) reread(rec *Record, err error) {
	switch {
	case err == nil:
		s.cur.base, s.view, s.stale = rec, nil, false
	case absent(err) || superseded(err):
		// It was there when this request began. To start another one now
		// would bring back what somebody has ended.
		s.cur.base, s.view, s.stale = nil, nil, false
		s.loadErr, s.broken = err, err
	}
}
