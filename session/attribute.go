package session

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Attribute is a named value of type T in sessions. Make it once, as a package
// variable, and list it in Options.Attributes. It is safe for concurrent use.
type Attribute[T any] struct{ a attribute }

// NewAttribute returns the attribute of that name: 1 to MaxNameBytes bytes of
// UTF-8 without control characters. T is what encoding/json can encode, unless
// WithCodec says otherwise. It registers nothing: [New] reports a name that
// stands for two attributes of Options.Attributes, and an invalid one, which
// every change reports as well.
func NewAttribute[T any](name string, opt ...AttributeOption) *Attribute[T] {
	return &Attribute[T]{newAttribute(name, opt)}
}

// Name is the attribute's name.
func (a *Attribute[T]) Name() string { return a.a.name }

// Get returns a copy of the value, with what this request has staged; found is
// whether there is one.
//
// An error is not absence: either the session could not be read (see
// [Session.Load]), or the value is there and cannot be decoded
// (ErrUndecodable). Writing over it because of an error would lose it.
func (a *Attribute[T]) Get(s *Session) (value T, found bool, err error) {
	stored, found, err := s.value(a.a.name)
	if err != nil || !found {
		return value, false, err
	}
	value, err = decode[T](&a.a, stored)
	return value, err == nil, err
}

// Set stages that the attribute becomes v; the last of two requests that set
// it wins. It keeps nothing of v. Without a session it starts one.
//
// With an error nothing is staged: ErrStarted after the response's first byte
// (see [Session.Commit]), ErrDone after the handler, ErrLimit,
// ErrSuperseded for a request whose cookie has been renewed, ErrNewer,
// ErrGone or ErrNotFound if the session is known to have ended during the
// request, and those of [Session.Load], which also fail the response.
func (a *Attribute[T]) Set(s *Session, v T) error {
	value, err := a.a.encode(v)
	if err != nil {
		return err
	}
	if err := s.begin(); err != nil {
		return err
	}
	if stored, _, err := s.value(a.a.name); err == nil && a.a.newer(stored) {
		return fmt.Errorf("session: attribute %q: %w", a.a.name, ErrNewer)
	}
	return s.stage(a.a.op(OpSet, Op{Value: value}))
}

// Remove stages that the attribute is no more; absent is fine. Its errors are
// those of Set.
func (a *Attribute[T]) Remove(s *Session) error { return s.stage(a.a.op(OpRemove, Op{})) }

// Pop is Get, and Remove if the value is there: for what is shown once. Two
// requests at once may both get it; where that matters, use Update.
func (a *Attribute[T]) Pop(s *Session) (value T, found bool, err error) {
	value, found, err = a.Get(s)
	if err != nil || !found {
		return value, false, err
	}
	if err := a.Remove(s); err != nil {
		var zero T
		return zero, false, err
	}
	return value, true, nil
}

// maxUpdates bounds the attempts of an Update. Of n requests that update one
// attribute at once, one gets on with each round.
const maxUpdates = 200

// Update changes the value by f and writes it at once, not with the response,
// so that no other request's change is lost: if one came between, f runs again
// with the new value. found says whether there is one. f should only compute.
// What f returns with an error is not written, and the error is Update's.
//
// ctx bounds the attempts; a write that has begun is finished. Update works
// after the first byte too, except that it then cannot start a session. Its
// other errors are those of Set, ErrUndecodable, and ErrConflict if it never
// got through. If Status of the error is 503 the write may have happened.
func (a *Attribute[T]) Update(ctx context.Context, s *Session, f func(value T, found bool) (T, error)) (T, error) {
	var zero T
	for attempt := range maxUpdates {
		seen, expect, err := s.seen(a.a.name)
		if err != nil {
			return zero, err
		}
		next, value, err := a.next(seen, f)
		if err != nil {
			return zero, err
		}
		_, err = s.immediate(ctx, a.a.op(OpSet, Op{Value: value, Expect: expect}), seen)
		if !errors.Is(err, ErrConflict) {
			if err != nil {
				return zero, err
			}
			return next, nil
		}
		s.m.count.conflicts.Add(1)
		if err := s.again(ctx, attempt); err != nil {
			return zero, err
		}
	}
	return zero, fmt.Errorf("session: attribute %q: %w, %d times", a.a.name, ErrConflict, maxUpdates)
}

// next is what f makes of what was seen, and its stored form.
func (a *Attribute[T]) next(seen *Expect, f func(T, bool) (T, error)) (next T, value []byte, err error) {
	var old T
	if seen.Present {
		if a.a.newer(seen.Value) {
			return next, nil, fmt.Errorf("session: attribute %q: %w", a.a.name, ErrNewer)
		}
		if old, err = decode[T](&a.a, seen.Value); err != nil {
			return next, nil, err
		}
	}
	if next, err = f(old, seen.Present); err != nil {
		return next, nil, err
	}
	value, err = a.a.encode(next)
	return next, value, err
}

// op completes an operation on the attribute.
func (a *attribute) op(kind OpKind, op Op) Op {
	op.Kind, op.Name, op.Privileged = kind, a.name, a.privileged
	return op
}

// seen is an attribute as this request sees it, and as it must be in the store
// for that to hold when it is written.
func (s *Session) seen(name string) (seen, stored *Expect, err error) {
	if err := s.ensure(); err != nil && !absent(err) {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	seen, stored = &Expect{}, &Expect{}
	seen.Value, seen.Present = s.attributes()[name]
	if s.cur.base != nil && !s.pending.clear && !s.inflight.clear {
		stored.Value, stored.Present = s.cur.base.Attributes[name]
	}
	return seen, stored, nil
}

// again waits a little, longer with each attempt, and reads what others wrote.
func (s *Session) again(ctx context.Context, attempt int) error {
	most := min(time.Duration(attempt+1)*time.Millisecond, 20*time.Millisecond)
	t := time.NewTimer(rand.N(most))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return s.Reload(ctx)
}
