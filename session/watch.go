package session

import (
	"context"
	"math/rand/v2"
	"time"
)

// watch is the goroutine behind Done.
type watch struct {
	ended  chan struct{} // closed when the session, or the request, is over
	over   bool          // ended is closed; under Session.mu
	stop   context.CancelFunc
	exited chan struct{}
}

// invalidated closes what Done returned. Session.mu is held; a nil watch is
// nobody's.
func (w *watch) invalidated() {
	if w != nil && !w.over {
		w.over = true
		close(w.ended)
	}
}

// Done returns a channel that is closed when the session has ended: at once
// if this request ends it, within Options.Recheck (and one call of the store)
// if anybody else does or if it expires, and in any case when the handler
// returns. Streams wait for it:
//
//	select {
//	case <-s.Done():
//		return // signed out elsewhere
//	case event := <-events:
//
// A store that cannot be reached ends nothing, nor does a renewal: a stream
// goes on under a cookie that has been superseded since. Waiting keeps no
// session alive. Without a session the channel is closed only when the handler
// returns. Nothing is asked before the first call of Done.
func (s *Session) Done() <-chan struct{} {
	known := s.mustLoad() == nil
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watch != nil {
		return s.watch.ended
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(s.ctx))
	s.watch = &watch{ended: make(chan struct{}), stop: stop, exited: make(chan struct{})}
	switch {
	case s.phase == phaseDone:
		s.watch.invalidated()
		fallthrough
	case !known || s.cur.base == nil:
		close(s.watch.exited)
	default:
		go s.poll(ctx)
	}
	return s.watch.ended
}

// poll asks whether the session is still there, until it is not or until the
// request is done.
func (s *Session) poll(ctx context.Context) {
	defer close(s.watch.exited)
	for s.sleep(ctx) {
		s.mu.Lock()
		cred := s.cur.cred
		s.mu.Unlock()
		if cred.key == "" {
			continue // left, not yet committed
		}
		_, err := s.m.load(ctx, cred.key, LoadOptions{Verifiers: cred.hashes(), Passive: true, Fresh: true})
		if !absent(err) {
			continue
		}
		s.mu.Lock()
		same := s.cur.cred.key == cred.key
		if same {
			s.cur.base, s.view, s.loadErr = nil, nil, err
			if s.broken == nil {
				s.broken = err
			}
			s.watch.invalidated()
		}
		s.mu.Unlock()
		if same {
			return
		}
	}
}

// sleep waits a little less than Recheck, by chance, so that the streams of
// an instance do not all ask at once.
func (s *Session) sleep(ctx context.Context) bool {
	most := s.m.opt.Recheck
	t := time.NewTimer(most - time.Duration(rand.Int64N(int64(most)/4+1)))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// end closes the session for the request's goroutines that live on.
func (s *Session) end() {
	s.mu.Lock()
	s.phase = phaseDone
	s.pending, s.ending, s.view = staged{}, nil, nil
	w := s.watch
	w.invalidated()
	s.mu.Unlock()
	if w != nil {
		w.stop()
		<-w.exited
	}
}
