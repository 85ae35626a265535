package edit

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// intent is what an edit does to the tree.
type intent struct {
	kind  intentKind
	node  *tree.Node // set, replaced or removed; of an insertion the parent
	value string
	entry Entry
}

type intentKind uint8

const (
	setting intentKind = iota + 1
	inserting
	removing
	replacing
)

// shape is what of a tree must stay as it is: everything but places.
type shape struct {
	kind       tree.Kind
	key, value string
	text       bool // written as text: "30"
	either     bool // text does not matter
	unknown    bool
	labels     []string
	items      []*shape
}

var errMore = errors.New("the change would change more than it means to")

// verify reads data, and compares it with f and what the edits mean.
func verify(f *tree.File, edits []Edit, data []byte) error {
	after, notes := source.Parse(f.Name, f.Format, data)
	if len(notes) > 0 || after == nil {
		return errors.New("the file could not be read after the change")
	}
	before, ok := f, true
	if f.Format == tree.HCL { // f knows what other files say; data is read alone
		if before, notes = source.Parse(f.Name, f.Format, f.Data); len(notes) > 0 || before == nil {
			return errors.New("the file could not be read alone")
		}
	}
	shapes := map[*tree.Node]*shape{}
	var want []*shape
	for _, d := range before.Docs {
		want = append(want, shapeOf(d.Root, shapes))
	}
	for _, e := range edits {
		if before != f {
			e.meant.node = twin(before, e.meant.node)
		}
		ok = ok && e.meant.change(shapes)
	}
	if !ok {
		return fmt.Errorf("a change of %s that does not say what it means", f.Name)
	}
	if len(after.Docs) != len(want) {
		return errMore
	}
	for i, d := range after.Docs {
		if !want[i].equal(shapeOf(d.Root, nil)) {
			return errMore
		}
	}
	return nil
}

// twin is the node of f with the place of n, which is of the same text.
func twin(f *tree.File, n *tree.Node) (found *tree.Node) {
	var look func(*tree.Node)
	look = func(c *tree.Node) {
		if n != nil && c.KeyStart == n.KeyStart && c.Start == n.Start && c.Key == n.Key && c.Kind == n.Kind {
			found = c
		}
		for _, c := range c.Items {
			look(c)
		}
	}
	for _, d := range f.Docs {
		look(d.Root)
	}
	return found
}

func shapeOf(n *tree.Node, made map[*tree.Node]*shape) *shape {
	s := &shape{kind: n.Kind, key: n.Key, value: n.Value, text: n.Quoted, unknown: n.Unknown, labels: n.Labels}
	for _, c := range n.Items {
		s.items = append(s.items, shapeOf(c, made))
	}
	if made != nil {
		made[n] = s
	}
	return s
}

func (m intent) change(of map[*tree.Node]*shape) bool {
	s := of[m.node]
	if m.node == nil || s == nil {
		return false
	}
	switch m.kind {
	case setting:
		s.kind, s.value, s.either = tree.Scalar, m.value, true
	case inserting:
		if s.kind == tree.Null {
			s.kind, s.value = tree.Map, ""
		}
		s.items = append(s.items, m.entry.shape())
	case removing, replacing:
		parent := of[m.node.Parent]
		i := slices.Index(parent.items, s)
		if i < 0 {
			return false
		}
		if m.kind == replacing {
			parent.items[i] = m.entry.shape()
		} else {
			parent.items = slices.Delete(parent.items, i, i+1)
		}
	default:
		return false
	}
	return true
}

func (e Entry) shape() *shape {
	s := &shape{kind: tree.Scalar, key: e.Key, value: e.Value, text: true, either: !e.Text, unknown: e.Reference}
	if len(e.Children) > 0 {
		s.kind = tree.Map
		if e.Item {
			s.kind = tree.List
		}
	}
	for _, c := range e.Children {
		s.items = append(s.items, c.shape())
	}
	return s
}

func (s *shape) equal(o *shape) bool {
	if s.kind != o.kind || s.key != o.key || s.value != o.value || s.unknown != o.unknown ||
		!s.either && s.text != o.text || strings.Join(s.labels, "\x00") != strings.Join(o.labels, "\x00") {
		return false
	}
	if s.kind == tree.Map { // merged names come last, in whatever order names are written
		byKey := func(a, b *shape) int { return strings.Compare(a.key, b.key) }
		slices.SortStableFunc(s.items, byKey)
		slices.SortStableFunc(o.items, byKey)
	}
	return slices.EqualFunc(s.items, o.items, (*shape).equal)
}
