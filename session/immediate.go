package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// immediate writes op at once, together with what is staged on the same
// attribute, and returns its value. What else is staged stays so. If the
// attribute is not as in seen any more, for this request, it is ErrConflict.
func (s *Session) immediate(ctx context.Context, op Op, seen *Expect) (int64, error) {
	if err := s.take(ctx); err != nil {
		return 0, err
	}
	defer func() { <-s.turn }()
	if err := s.read(false); err != nil && !absent(err) {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == phaseDone || s.broken != nil {
		return 0, s.late()
	}
	if s.cur.base == nil && s.phase != phaseOpen {
		return 0, fmt.Errorf("%w: no cookie can be sent any more", ErrStarted)
	}
	if seen != nil && !attributes(s.attributes()).meets(&Op{Name: op.Name, Expect: seen}) {
		return 0, ErrConflict
	}
	if _, err := s.try(op); err != nil {
		return 0, err
	}
	key, staged := s.cur.cred.key, s.pending.cut(op.Name)
	p := staged
	p.ops = append(slices.Clone(p.ops), op)
	result, err := s.write(p)
	if err != nil {
		if !errors.As(err, new(*outcomeError)) && s.cur.cred.key == key {
			s.pending.clear = s.pending.clear || staged.clear
			s.pending.ops = slices.Concat(staged.ops, s.pending.ops)
			s.view = nil
		}
		return 0, err
	}
	if n := len(result.Values); n != len(p.ops) {
		return 0, fmt.Errorf("session: the store returned %d values for %d operations", n, len(p.ops))
	}
	return result.Values[len(p.ops)-1], nil
}
