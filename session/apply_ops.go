package session

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// attributes is the state that operations work on: a map of the change's own,
// whose values are shared with the record and therefore only ever replaced.
type attributes map[string][]byte

// apply does the operations in order and returns their values.
func (a attributes) apply(ops []Op) ([]int64, error) {
	for i := range ops {
		if !a.meets(&ops[i]) {
			return nil, fmt.Errorf("%w: %q", ErrConflict, ops[i].Name)
		}
	}
	values := make([]int64, len(ops))
	for i := range ops {
		op := &ops[i]
		var err error
		switch op.Kind {
		case OpSet:
			a[op.Name] = append([]byte{}, op.Value...)
		case OpRemove:
			delete(a, op.Name)
		case OpAdd:
			values[i], err = a.add(op)
		case OpAppend, OpUnion, OpDiff:
			values[i], err = a.merge(op)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %q", err, op.Name)
		}
	}
	return values, nil
}

func (a attributes) meets(op *Op) bool {
	if op.Expect == nil {
		return true
	}
	value, present := a[op.Name]
	return present == op.Expect.Present && (!present || bytes.Equal(value, op.Expect.Value))
}

// add changes a counter: a decimal int64 as strconv.FormatInt writes it.
func (a attributes) add(op *Op) (int64, error) {
	var count int64
	if value, present := a[op.Name]; present {
		var err error
		count, err = strconv.ParseInt(string(value), 10, 64)
		if err != nil || strconv.FormatInt(count, 10) != string(value) {
			return 0, ErrType
		}
	}
	if op.N > 0 && count > math.MaxInt64-op.N || op.N < 0 && count < math.MinInt64-op.N {
		return 0, ErrType
	}
	count += op.N
	a[op.Name] = strconv.AppendInt(nil, count, 10)
	return count, nil
}

// merge changes a list or a set. An absent one is created by the first
// element added to it; an emptied set stays, empty.
func (a attributes) merge(op *Op) (int64, error) {
	value, present := a[op.Name]
	var old [][]byte
	if present {
		var err error
		if old, err = DecodeElements(value); err != nil {
			return 0, ErrType
		}
	}
	var elements [][]byte
	var result int64
	switch op.Kind {
	case OpAppend:
		elements = slices.Concat(old, op.Elements)
		if op.Max > 0 {
			elements = elements[max(0, len(elements)-op.Max):]
		}
		result = int64(len(elements))
	case OpUnion, OpDiff:
		set := newSet(old)
		if len(set.order) != len(old) {
			return 0, ErrType // a list
		}
		if op.Kind == OpUnion {
			result = set.union(op.Elements)
		} else {
			result = set.diff(op.Elements)
		}
		elements = set.elements()
	default:
		return 0, ErrType
	}
	if present || len(elements) > 0 {
		a[op.Name] = EncodeElements(elements)
	}
	return result, nil
}

// set keeps elements in the order of their first insertion.
type set struct {
	order []string
	has   map[string]bool
}

func newSet(elements [][]byte) *set {
	s := &set{has: make(map[string]bool, len(elements))}
	s.union(elements)
	return s
}

// union adds elements and returns how many were new.
func (s *set) union(elements [][]byte) (added int64) {
	for _, e := range elements {
		if !s.has[string(e)] {
			s.has[string(e)] = true
			s.order = append(s.order, string(e))
			added++
		}
	}
	return added
}

// diff removes elements and returns how many were there.
func (s *set) diff(elements [][]byte) (removed int64) {
	for _, e := range elements {
		if s.has[string(e)] {
			delete(s.has, string(e))
			removed++
		}
	}
	s.order = slices.DeleteFunc(s.order, func(e string) bool { return !s.has[e] })
	return removed
}

func (s *set) elements() [][]byte {
	elements := make([][]byte, len(s.order))
	for i, e := range s.order {
		elements[i] = []byte(e)
	}
	return elements
}
