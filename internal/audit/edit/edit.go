// Package edit changes files by their trees: a value set, an entry put in or
// taken out, all other bytes left as they are.
//
//	edits := edit.Set(grace, "60")
//	data, err := edit.Apply(f, edits)
//
// Guarantees: an edit that is not possible in one piece is nil; what Apply makes
// is read again, and says what f says but for what the edits mean, or there is an
// error; comments and the style of the file stay.
//
// Not guaranteed: anything about the disk: nothing is written.
package edit

import (
	"errors"
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Edit replaces the bytes [Start, End) of a file by Text. Edits are made by
// Set, Insert and Remove; Apply refuses others.
type Edit struct {
	File       *tree.File
	Start, End int
	Text       string

	meant intent
}

// Entry is what Insert adds: a name with a value or with children. An item of a
// list has no name.
type Entry struct {
	Key, Value string
	Text       bool // Value is text also if it looks like a number or true
	Reference  bool // Value is what HCL refers to by name, without quotes
	Children   []Entry
	Item       bool // the children are the items of a list
	OneLine    bool // the children stand between braces on the line of their name
}

// Set replaces the scalar n by value, quoted as its language and n's own style
// need. It is nil if n has several lines, comes from an alias or another
// program, or is an expression.
func Set(n *tree.Node, value string) []Edit {
	n = toMend(n)
	if !editable(n) || n.Kind > tree.Scalar || n.Unknown || !oneLine(value) {
		return nil
	}
	f := n.Doc.File
	start, end := n.Start, n.End
	if n.Kind == tree.Null && f.Format == tree.YAML {
		return setNull(n, value)
	}
	if end <= start && n.Kind == tree.Null || end < start || end == 0 || end > len(f.Data) {
		return nil
	}
	text, ok := quote(f.Format, style(f, n), value, n.Quoted)
	if !ok {
		return nil
	}
	return []Edit{{File: f, Start: start, End: end, Text: text, meant: intent{kind: setting, node: n, value: value}}}
}

// Insert adds e as the last child of parent, a map, or a list if e has no name.
// It is nil if parent has no place for it, comes from an alias or another
// program.
func Insert(parent *tree.Node, e Entry) []Edit {
	parent = toMend(parent)
	if !editable(parent) || !e.fits(parent) {
		return nil
	}
	edit, ok := Edit{}, false
	switch parent.Doc.File.Format {
	case tree.YAML:
		edit, ok = insertYAML(parent, e)
	case tree.JSON:
		edit, ok = insertBraces(parent, e, true)
	case tree.HCL:
		edit, ok = insertHCL(parent, e)
	case tree.Properties, tree.Unit:
		edit, ok = insertLine(parent, e)
	case tree.Dockerfile, tree.Libraries:
	}
	if !ok {
		return nil
	}
	edit.File, edit.meant = parent.Doc.File, intent{kind: inserting, node: parent, entry: e}
	return []Edit{edit}
}

// Remove takes n away with its name and its lines, and what would be left empty
// around it. It is nil where that is not possible in one piece.
func Remove(n *tree.Node) []Edit {
	n = toMend(n)
	for n != nil && n.Parent != nil && len(n.Parent.Items) == 1 && n.Parent.Parent != nil && n.Doc.File.Format != tree.HCL {
		n = n.Parent
	}
	if !editable(n) || n.Parent == nil {
		return nil
	}
	start, end, ok := 0, 0, false
	switch n.Doc.File.Format {
	case tree.YAML:
		start, end, ok = removeYAML(n)
	case tree.JSON:
		start, end, ok = removeBraces(n)
	case tree.HCL, tree.Properties, tree.Unit:
		start, end, ok = removeLines(n)
	case tree.Dockerfile, tree.Libraries:
	}
	if !ok || start >= end {
		return nil
	}
	return []Edit{{File: n.Doc.File, Start: start, End: end, meant: intent{kind: removing, node: n}}}
}

// editable reports whether the bytes of n are its own: it was not made by
// another program, is no file within a value (see Embedded), and does not stand
// in what an alias repeats, which stands before the alias.
func editable(n *tree.Node) bool {
	if n == nil || n.Doc == nil || n.Doc.File == nil || n.Doc.File.Derived != "" {
		return false
	}
	for c := n; c.Parent != nil; c = c.Parent {
		if c.Doc != c.Parent.Doc || c.Start < c.Parent.Start || !slices.Contains(c.Parent.Items, c) {
			return false
		}
	}
	return true
}

// toMend is the node to mend: of a derived file the one that says the same in
// another file of those that the user named, if there is one.
func toMend(n *tree.Node) *tree.Node {
	if n != nil && n.Written != nil && !n.Written.Doc.File.Foreign {
		return n.Written
	}
	return n
}

// fits reports whether e can be a child of parent.
func (e Entry) fits(parent *tree.Node) bool {
	for _, c := range e.Children {
		if !oneLine(c.Key) || (c.Key == "") != e.Item || !c.fits(nil) {
			return false
		}
	}
	switch {
	case !oneLine(e.Value) || !oneLine(e.Key) || e.Item && len(e.Children) == 0:
		return false
	case parent == nil:
		return true
	case parent.Kind == tree.Map:
		return e.Key != "" && (parent.Doc.File.Format == tree.HCL || parent.Get(e.Key) == nil)
	case parent.Kind == tree.Null:
		return e.Key != ""
	}
	return parent.Kind == tree.List && e.Key == ""
}

func oneLine(s string) bool {
	for _, r := range s {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xfeff {
			return false
		}
	}
	return true
}

// Changes reports whether e makes a difference.
func (e Edit) Changes() bool { return e.Text != string(e.File.Data[e.Start:e.End]) }

// ErrOverlap is the error of edits that change the same bytes.
var ErrOverlap = errors.New("two changes of the same place")

// Apply returns the contents of f with edits made. What they do is checked: the
// result must read as f does, but for what the edits mean. Equal edits count
// once.
func Apply(f *tree.File, edits []Edit) ([]byte, error) {
	edits, err := order(f, edits)
	if err != nil {
		return nil, err
	}
	out, at := make([]byte, 0, len(f.Data)+256), 0
	for _, e := range edits {
		out = append(append(out, f.Data[at:e.Start]...), e.Text...)
		at = e.End
	}
	out = append(out, f.Data[at:]...)
	if err := verify(f, edits, out); err != nil {
		return nil, err
	}
	return out, nil
}

// order sorts edits by place, and refuses those that cannot be made together.
func order(f *tree.File, edits []Edit) ([]Edit, error) {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b Edit) int { return a.Start - b.Start })
	var out []Edit
	for _, e := range edits {
		if e.File != f || e.Start < 0 || e.End < e.Start || e.End > len(f.Data) {
			return nil, fmt.Errorf("a change of %s outside the file", f.Name)
		}
		if slices.ContainsFunc(out, e.same) {
			continue
		}
		if len(out) > 0 && e.Start < out[len(out)-1].End {
			return nil, ErrOverlap
		}
		out = append(out, e)
	}
	return out, nil
}

func (e Edit) same(o Edit) bool {
	return e.File == o.File && e.Start == o.Start && e.End == o.End && e.Text == o.Text && e.meant.node == o.meant.node
}
