package session

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// write writes p as one change, with the turn and mu held; mu is released while
// the store works.
func (s *Session) write(p staged) (Result, error) {
	starts := s.cur.base == nil
	if starts && len(p.ops) == 0 && p.signIn == nil || p.empty() {
		return Result{}, nil
	}
	if err := s.expired(); err != nil {
		s.view = nil
		return Result{}, err
	}
	if starts && p.signIn == nil && !s.m.starts.take() {
		s.view = nil
		s.m.count.startsRefused.Add(1)
		return Result{}, ErrStarts
	}
	w := s.prepare(p)
	s.inflight = p
	s.mu.Unlock()
	result, err := s.m.commit(s.ctx, w.to.cred.key, &w.change)
	s.mu.Lock()
	s.inflight, s.view = staged{}, nil
	if err != nil {
		s.failed(&w, err)
		return Result{}, err
	}
	s.wrote(&w, &p, result)
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
	idle, absolute := p.life(&s.m.opt, s.m.clock.now())
	if in := p.signIn; in != nil {
		w.change.SignIn = &SignIn{Principal: in.principal, Absolute: absolute, Idle: idle, Persistent: in.opt.Persistent,
			Device: in.device, MaxSessions: s.m.opt.Sessions.Max, Refuse: s.m.opt.Sessions.Refuse}
	}
	if w.to.base == nil {
		w.fresh = newVerifier()
		w.to = bound{cred: credential{key: newKey(), verifiers: []verifier{w.fresh}}, newest: w.fresh}
		w.change.Start = &Start{Verifier: w.fresh.hash(), Idle: idle, Absolute: absolute}
		w.change.Clear = false
		return w
	}
	w.change.Base, w.change.Generation = w.to.base.Version, w.to.base.Generation
	if p.renew || p.signIn != nil {
		w.fresh = newVerifier()
		w.change.Renew = &Renew{Verifier: w.fresh.hash(), Strict: s.m.opt.StrictRenewal}
	}
	return w
}

// life is how long the session lives that p makes or signs in.
func (p *staged) life(opt *Options, now time.Time) (idle time.Duration, absolute time.Time) {
	idle, bound := opt.IdleTimeout, opt.AbsoluteTimeout
	if p.signIn != nil {
		idle = orDefault(p.signIn.opt.IdleTimeout, idle)
		bound = orDefault(p.signIn.opt.AbsoluteTimeout, bound)
	}
	if bound > 0 {
		absolute = now.Add(bound)
	}
	return idle, absolute
}

// wrote makes the request see what it wrote.
func (s *Session) wrote(w *writing, p *staged, result Result) {
	if !s.still(w) {
		return
	}
	s.cur = w.to
	s.cur.base = w.made(p, result)
	switch {
	case w.change.Start != nil:
		s.loaded, s.loadErr = true, nil
		s.m.count.started.Add(1)
		s.give(s.cur.cred, s.cur.base)
	case result.Renewed:
		s.cur.newest, s.renewed = w.fresh, true
		if w.change.SignIn != nil {
			// After any other renewal this request goes on with the verifier
			// that it has: to present the new one is the browser's part.
			s.cur.cred.verifiers = []verifier{w.fresh}
		}
		s.m.count.renewed.Add(1)
		s.give(credential{key: s.cur.cred.key, verifiers: []verifier{w.fresh}}, s.cur.base)
	}
}

// made is the record after the change, as far as this request knows: without
// what others wrote since it was loaded, and without the ring of writes and
// the principal's epoch, which are the store's affair.
func (w *writing) made(p *staged, result Result) *Record {
	at := millis(result.Now)
	if result.Repeated { // it was done before; versions are made of the clock
		at = time.UnixMilli(min(at.UnixMilli(), result.Version.N)).UTC()
	}
	var rec Record
	if start := w.change.Start; start != nil {
		rec = *start.record(at)
	} else {
		rec = *w.to.base
	}
	rec.Format, rec.Version, rec.Now = Format, result.Version, result.Now
	rec.Attributes = overlay(rec.Attributes, p)
	for i, op := range p.ops {
		if op.Kind == OpAdd && i < len(result.Values) {
			rec.Attributes[op.Name] = strconv.AppendInt(nil, result.Values[i], 10)
		}
	}
	rec.Size = attributes(rec.Attributes).size()
	rec.become(&w.change, result.Renewed, at)
	return &rec
}

// still tells whether the request still has the session that it wrote to: a
// goroutine may have signed out meanwhile.
func (s *Session) still(w *writing) bool {
	return w.change.Start != nil || s.cur.cred.key == w.to.cred.key
}

// failed takes note of a change that was refused, or may have been.
func (s *Session) failed(w *writing, err error) {
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
		may := *w.to.base
		if in := w.change.SignIn; in != nil {
			may.signIn(in, may.Now)
		}
		s.give(both, &may)
	}
}

// give lets the response carry c, which opens rec.
func (s *Session) give(c credential, rec *Record) {
	s.cookie = s.carry(s.m.via.name, c.String(), rec)
}

// carry is what carries a value to the browser, for as long as rec lives.
func (s *Session) carry(name, value string, rec *Record) *http.Cookie {
	var left time.Duration
	if !rec.Absolute.IsZero() {
		left = rec.Absolute.Sub(s.m.clock.now())
	}
	return s.m.via.give(name, value, rec.Persistent || s.m.opt.Cookie.Persistent, left)
}

// carryFloor is what tells the browser's next requests which version this one
// has seen; nil if there is nothing to tell.
func (s *Session) carryFloor() *http.Cookie {
	via, rec := &s.m.via, s.cur.base
	switch {
	case !via.floors:
		return nil
	case s.cookie != nil && s.cookie.Value == "":
		return via.take(via.version)
	case rec == nil || rec.Version.N <= s.cur.floor:
		return nil
	}
	return s.carry(via.version, floorValue(s.cur.cred.key, rec.Version.N), rec)
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
		_, err := s.m.commit(s.ctx, e.cred.key, &c)
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
			s.cookie = s.m.via.take(s.m.via.name)
		}
	}
	return nil
}
