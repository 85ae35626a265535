package session

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// SignOut stages that the session ends, for good: the commit makes it a
// tombstone and the response takes the cookie from the browser. What this
// request has staged so far is dropped. Without a session it does nothing.
//
// Errors: ErrStarted once the response has begun (except between calls of
// Commit), ErrDone after the handler, ErrSuperseded if the browser has got a
// newer cookie meanwhile, and those of Load.
func (s *Session) SignOut() error {
	if err := s.begin(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.late(); err != nil {
		return err
	}
	s.leave()
	return nil
}

// Renew stages that the session gets a new verifier, as after a change of
// what it may do; requests of the same page that are still on the way keep
// working, see [RenewalGrace]. If another request renews it first, that one
// counts. Without a session it does nothing, for a new one is new. Its errors
// are SignIn's.
func (s *Session) Renew() error {
	if err := s.begin(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.lateForCookie(); err != nil {
		return err
	}
	s.pending.renew = s.cur.base != nil
	return nil
}

// Clear stages the removal of all attributes, also of those that other
// requests add until the commit. The session and its principal stay. Its
// errors are those of [Attribute.Set].
func (s *Session) Clear() error {
	if err := s.begin(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.late(); err != nil {
		return err
	}
	s.pending.ops, s.pending.clear, s.view = nil, s.cur.base != nil, nil
	return nil
}

// begin is how every change begins: it reads the session, and returns the
// error if there can be no change. A session that is unknown fails the whole
// response, for somebody wanted to write to it.
func (s *Session) begin() error {
	s.mu.Lock()
	err := s.late()
	s.mu.Unlock()
	if err != nil {
		return err
	}
	err = s.ensure()
	s.mu.Lock()
	broken := s.broken
	s.mu.Unlock()
	switch {
	case broken != nil:
		return broken
	case err == nil || absent(err):
		return nil
	case superseded(err) || !unanswered(err) && errors.Is(err, ErrDone):
		return err
	}
	s.spoil(err)
	return err
}

// late tells why it is too late to stage anything; mu is held.
func (s *Session) late() error {
	switch {
	case s.phase == phaseDone:
		return ErrDone
	case s.broken != nil:
		return s.broken
	case s.phase == phaseSealed && !s.manual:
		return ErrStarted
	}
	return nil
}

// lateForCookie is late for what needs a Set-Cookie.
func (s *Session) lateForCookie() error {
	if err := s.late(); err != nil {
		return err
	}
	if s.phase != phaseOpen {
		return fmt.Errorf("%w: no cookie can be sent any more", ErrStarted)
	}
	return nil
}

// leave ends the session that the request has and goes on without one.
func (s *Session) leave() {
	if s.cur.base != nil {
		s.ending = append(s.ending, s.cur)
	}
	s.forget()
}

// forget goes on as if the request had presented no cookie.
func (s *Session) forget() {
	s.cur, s.loadErr, s.stale = bound{}, nil, false
	s.pending, s.view = staged{}, nil
}

// stage adds op to what the commit will write.
func (s *Session) stage(op Op) error {
	if err := s.begin(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.late(); err != nil {
		return err
	}
	if s.cur.base == nil {
		if err := s.lateForCookie(); err != nil {
			return err
		}
	}
	if _, found := s.attributes()[op.Name]; s.cur.base == nil && !found && (op.Kind == OpRemove || op.Kind == OpDiff) {
		return nil // nothing that would need a session
	}
	view, err := s.try(op)
	if err != nil {
		return err
	}
	if err := s.pending.add(op); err != nil {
		return err
	}
	s.view = view
	return nil
}

// try returns what the request would see after op; mu is held.
func (s *Session) try(op Op) (map[string][]byte, error) {
	before := s.attributes()
	view := attributes(maps.Clone(before))
	if view == nil {
		view = attributes{}
	}
	op.Expect = nil
	if _, err := view.apply([]Op{op}); err != nil {
		return nil, err
	}
	was := &Record{Attributes: before, Size: attributes(before).size()}
	if err := s.m.opt.Limits.check(was, view, []Op{op}); err != nil {
		return nil, err
	}
	return view, nil
}

// add appends op, in as few operations as possible.
func (p *staged) add(op Op) error {
	if op.Kind == OpSet || op.Kind == OpRemove {
		p.drop(op.Name)
	}
	// Operations on different attributes commute.
	for i := len(p.ops) - 1; i >= 0; i-- {
		last := &p.ops[i]
		if last.Name != op.Name {
			continue
		}
		if last.Kind == op.Kind && last.Max == op.Max && op.Kind >= OpAppend {
			last.Elements = slices.Concat(last.Elements, op.Elements)
			return nil
		}
		break
	}
	if len(p.ops) >= MaxOps-1 {
		return fmt.Errorf("%w: %d changes are staged", ErrLimit, len(p.ops))
	}
	p.ops = append(p.ops, op)
	return nil
}

// drop takes out what is staged on one attribute.
func (p *staged) drop(name string) {
	p.ops = slices.DeleteFunc(slices.Clone(p.ops), func(op Op) bool { return op.Name == name })
}

// cut moves what is staged on one attribute into a set of its own; after a
// Clear that is everything, because its order matters.
func (p *staged) cut(name string) staged {
	if p.clear {
		out := staged{clear: true, ops: p.ops}
		p.clear, p.ops = false, nil
		return out
	}
	var out staged
	for _, op := range p.ops {
		if op.Name == name {
			out.ops = append(out.ops, op)
		}
	}
	if len(out.ops) > 0 {
		p.drop(name)
	}
	return out
}
