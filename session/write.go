package session

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// write writes p as one change, with the turn and mu held; mu is released while
// the store works.
func (s *Session) write(p staged) (Result, error) {
	starts := s.cur.base == nil
	if starts && len(p.ops) == 0 && p.signIn == "" || p.empty() {
		return Result{}, nil
	}
	if err := s.expired(); err != nil {
		s.view = nil
		return Result{}, err
	}
	if starts && p.signIn == "" && !s.m.starts.take() {
		s.view = nil
		s.m.count.startsRefused.Add(1)
		return Result{}, ErrStarts
	}
	w := s.prepare(p)
	s.inflight = p
	s.mu.Unlock()
	result, err := s.m.commit(s.ctx, w.to.cred.key, w.change)
	s.mu.Lock()
	s.inflight, s.view = staged{}, nil
	if err != nil {
		s.failed(w, err)
		return Result{}, err
	}
	s.wrote(w, p, result)
	return result, nil
}

// writing is a change on its way.
type writing struct {
	to     bound // the session that it is for
	change Change
	fresh  verifier // that it brings, if it starts or renews
}

func (s *Session) prepare(p staged) writing {
	w := writing{to: s.cur, change: Change{Clear: p.clear, Ops: p.ops, Passive: s.passive}}
	var absolute time.Time
	if d := s.m.opt.AbsoluteTimeout; d > 0 {
		absolute = s.m.clock.now().Add(d)
	}
	if p.signIn != "" {
		w.change.SignIn = &SignIn{Principal: p.signIn, Absolute: absolute}
	}
	if w.to.base == nil {
		w.fresh = newVerifier()
		w.to = bound{cred: credential{key: newKey(), verifiers: []verifier{w.fresh}}, newest: w.fresh}
		w.change.Start = &Start{Verifier: w.fresh.hash(), Idle: s.m.opt.IdleTimeout, Absolute: absolute}
		w.change.Clear = false
		return w
	}
	w.change.Base, w.change.Generation = w.to.base.Version, w.to.base.Generation
	if p.renew || p.signIn != "" {
		w.fresh = newVerifier()
		w.change.Renew = &Renew{Verifier: w.fresh.hash(), Strict: s.m.opt.StrictRenewal}
	}
	return w
}

// wrote makes the request see what it wrote.
func (s *Session) wrote(w writing, p staged, result Result) {
	rec := Record{Format: Format, Generation: result.Generation, Created: result.Now}
	if w.to.base != nil {
		rec = *w.to.base
	}
	rec.Version, rec.Now = result.Version, result.Now
	rec.Attributes = overlay(rec.Attributes, &p)
	for i, op := range p.ops {
		if op.Kind == OpAdd && i < len(result.Values) {
			rec.Attributes[op.Name] = fmt.Append(nil, result.Values[i])
		}
	}
	rec.Size = attributes(rec.Attributes).size()
	if !s.still(w) {
		return
	}
	s.cur = w.to
	s.cur.base = &rec
	if start := w.change.Start; start != nil {
		rec.Idle, rec.Absolute = start.Idle, start.Absolute
		s.loaded, s.loadErr = true, nil
		s.m.count.started.Add(1)
		s.give(s.cur.cred)
	}
	if in := w.change.SignIn; in != nil {
		rec.Principal, rec.Absolute = in.Principal, in.Absolute
	}
	if !result.Renewed {
		return
	}
	rec.Generation = result.Generation
	s.cur.newest, s.renewed = w.fresh, true
	if w.change.SignIn != nil {
		// After any other renewal this request goes on with the verifier that
		// it has: to present the new one is the browser's part.
		s.cur.cred.verifiers = []verifier{w.fresh}
	}
	s.m.count.renewed.Add(1)
	s.give(credential{key: s.cur.cred.key, verifiers: []verifier{w.fresh}})
}

// still tells whether the request still has the session that it wrote to: a
// goroutine may have signed out meanwhile.
func (s *Session) still(w writing) bool {
	return w.change.Start != nil || s.cur.cred.key == w.to.cred.key
}

// failed takes note of a change that was refused, or may have been.
func (s *Session) failed(w writing, err error) {
	if w.change.Start != nil || !s.still(w) {
		return
	}
	if absent(err) {
		s.cur.base, s.loadErr, s.broken = nil, err, err
		s.watch.invalidated()
		return
	}
	if !errors.As(err, new(*outcomeError)) {
		return
	}
	s.stale = true
	if w.change.Renew != nil {
		both := credential{key: w.to.cred.key, verifiers: []verifier{w.fresh, w.to.newest}}
		s.cur.cred.verifiers = slices.Clone(both.verifiers)
		s.give(both)
	}
}

// give lets the response carry c.
func (s *Session) give(c credential) {
	var left time.Duration
	if rec := s.cur.base; !rec.Absolute.IsZero() {
		left = rec.Absolute.Sub(s.m.clock.now())
	}
	s.cookie = s.m.opt.Cookie.cookie(c, left)
}

// invalidate ends the sessions that the request has left, with the turn and mu
// held; mu is released while the store works. The cookie is taken
// from the browser only by the request that ended its session: where somebody
// else did, the browser may hold a newer one by now.
func (s *Session) invalidate() error {
	if len(s.ending) == 0 {
		return nil
	}
	if err := s.expired(); err != nil {
		return err
	}
	done := false
	for _, e := range s.ending {
		c := Change{Base: e.base.Version, Generation: e.base.Generation, Invalidate: ReasonSignOut}
		s.mu.Unlock()
		_, err := s.m.commit(s.ctx, e.cred.key, c)
		s.mu.Lock()
		if err != nil && !absent(err) {
			return err
		}
		if err == nil {
			done = true
			s.m.count.ended.Add(1)
		}
	}
	s.ending = nil
	s.watch.invalidated()
	if s.cur.base == nil {
		s.cookie = nil
		if done {
			s.cookie = s.m.opt.Cookie.deletion()
		}
	}
	return nil
}
