package session

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
)

// Counter is an attribute that requests add to. It is safe for concurrent use.
type Counter struct{ a attribute }

// NewCounter returns the counter of that name; see NewAttribute. Of the
// options only Privileged says anything of it.
func NewCounter(name string, opt ...AttributeOption) *Counter {
	return &Counter{newAttribute(name, opt)}
}

// Name is the counter's name.
func (c *Counter) Name() string { return c.a.name }

// Add adds n in the store at once, not with the response, and returns the new
// count: no two successful calls with a positive n, of any request anywhere,
// get the same. Without a session it starts one. Absent is 0.
//
// ctx bounds the wait for other calls of the same request; a write that has
// begun is finished. ErrType is an overflow or an attribute of another kind.
// Its other errors are those of [Attribute.Update].
func (c *Counter) Add(ctx context.Context, s *Session, n int64) (int64, error) {
	if err := checkName(c.a.name); err != nil {
		return 0, err
	}
	return s.immediate(ctx, c.a.op(OpAdd, Op{N: n}), nil)
}

// Value returns the count as of when the session was read, plus what this
// request has added; absent is 0.
func (c *Counter) Value(s *Session) (int64, error) {
	stored, found, err := s.value(c.a.name)
	if err != nil || !found {
		return 0, err
	}
	n, err := strconv.ParseInt(string(stored), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("session: counter %q: %w", c.a.name, ErrUndecodable)
	}
	return n, nil
}

// Reset stages that the counter is no more, which is 0. Its errors are those
// of [Attribute.Set].
func (c *Counter) Reset(s *Session) error { return s.stage(c.a.op(OpRemove, Op{})) }

// List is an attribute that requests append to: the store appends, so that
// none loses another's elements. It is safe for concurrent use.
type List[T any] struct{ a attribute }

// NewList returns the list of that name; see NewAttribute. With MaxElements
// only the last ones are kept.
func NewList[T any](name string, opt ...AttributeOption) *List[T] {
	return &List[T]{newAttribute(name, opt)}
}

// Name is the list's name.
func (l *List[T]) Name() string { return l.a.name }

// Append stages that v is appended, in the order given. Its errors are those
// of [Attribute.Set], and ErrType if the attribute is of another kind.
func (l *List[T]) Append(s *Session, v ...T) error {
	return stageElements(s, &l.a, OpAppend, v)
}

// Values returns the elements as of when the session was read, with what this
// request has staged or written. Its errors are those of [Attribute.Get].
func (l *List[T]) Values(s *Session) ([]T, error) { return elements[T](s, &l.a) }

// Reset stages that the list is empty. Its errors are those of
// [Attribute.Set].
func (l *List[T]) Reset(s *Session) error { return s.stage(l.a.op(OpRemove, Op{})) }

// Set is an attribute that requests add elements to and remove them from: the
// store does it, so that none loses another's. Elements are equal if their
// encodings are. It is safe for concurrent use.
type Set[T any] struct{ a attribute }

// NewSet returns the set of that name; see NewAttribute.
func NewSet[T any](name string, opt ...AttributeOption) *Set[T] {
	return &Set[T]{newAttribute(name, opt)}
}

// Name is the set's name.
func (t *Set[T]) Name() string { return t.a.name }

// Add stages that v are in the set. Its errors are those of [List.Append].
func (t *Set[T]) Add(s *Session, v ...T) error { return stageElements(s, &t.a, OpUnion, v) }

// Remove stages that v are not in the set. Its errors are those of
// [List.Append].
func (t *Set[T]) Remove(s *Session, v ...T) error { return stageElements(s, &t.a, OpDiff, v) }

// Contains tells whether v is in the set as of when the session was read, with
// what this request has staged or written.
func (t *Set[T]) Contains(s *Session, v T) (bool, error) {
	want, err := t.a.encode(v)
	if err != nil {
		return false, err
	}
	have, err := rawElements(s, &t.a)
	return slices.ContainsFunc(have, func(e []byte) bool { return bytes.Equal(e, want) }), err
}

// Values returns the elements in the order of their first addition; see
// [List.Values].
func (t *Set[T]) Values(s *Session) ([]T, error) { return elements[T](s, &t.a) }

// Reset stages that the set is empty. Its errors are those of [Attribute.Set].
func (t *Set[T]) Reset(s *Session) error { return s.stage(t.a.op(OpRemove, Op{})) }

func stageElements[T any](s *Session, a *attribute, kind OpKind, values []T) error {
	if len(values) == 0 {
		return nil
	}
	encoded := make([][]byte, len(values))
	for i, v := range values {
		var err error
		if encoded[i], err = a.encode(v); err != nil {
			return err
		}
	}
	op := Op{Elements: encoded}
	if kind == OpAppend {
		op.Max = a.max
	}
	return s.stage(a.op(kind, op))
}

func rawElements(s *Session, a *attribute) ([][]byte, error) {
	stored, found, err := s.value(a.name)
	if err != nil || !found {
		return nil, err
	}
	raw, err := DecodeElements(stored)
	if err != nil {
		return nil, fmt.Errorf("session: attribute %q: %w: %w", a.name, ErrUndecodable, err)
	}
	return raw, nil
}

func elements[T any](s *Session, a *attribute) ([]T, error) {
	raw, err := rawElements(s, a)
	if err != nil || raw == nil {
		return nil, err
	}
	out := make([]T, len(raw))
	for i, e := range raw {
		if out[i], err = decode[T](a, e); err != nil {
			return nil, err
		}
	}
	return out, nil
}
