// Package sourcetest has what tests of parsers need.
//
//	f := sourcetest.Parsed(t, tree.YAML, text)
//	got := sourcetest.Lines(f)
//
// Guarantees: Inside fails a test whose nodes do not stand in their file.
package sourcetest

import (
	"fmt"
	"testing"

	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Parsed reads text as a file called x, which must give no note.
func Parsed(t *testing.T, format tree.Format, text string) *tree.File {
	t.Helper()
	f, notes := source.Parse("x", format, []byte(text))
	if len(notes) > 0 {
		t.Fatal(notes)
	}
	return f
}

// Lines shows a tree as LINE:COLUMN PATH=VALUE [TEXT OF THE FILE].
func Lines(f *tree.File) (all []string) {
	var walk func(n *tree.Node)
	walk = func(n *tree.Node) {
		if n.Kind == tree.Scalar {
			text := "-"
			if n.End > 0 {
				text = string(f.Data[n.Start:n.End])
			}
			all = append(all, fmt.Sprintf("%d:%d %s=%s [%s]", n.Line, n.Column, n.Path(), n.Value, text))
		}
		for _, c := range n.Items {
			walk(c)
		}
	}
	for i, d := range f.Docs {
		if i > 0 {
			all = append(all, "---")
		}
		walk(d.Root)
	}
	return all
}

// Inside fails unless every node of f stands in the file, in pieces of text
// that are in order.
func Inside(t *testing.T, f *tree.File) {
	if f == nil {
		return
	}
	last := len(f.Starts())
	var walk func(n *tree.Node)
	walk = func(n *tree.Node) {
		if n.Line < 1 || n.Line > last || n.Column < 1 || n.KeyLine < 0 || n.KeyLine > last {
			t.Fatalf("%s: place %d:%d of %d lines", n.Path(), n.Line, n.Column, last)
		}
		if n.Start < 0 || n.Start > len(f.Data) || n.KeyStart < 0 || n.KeyStart > len(f.Data) || n.End != 0 && (n.End < n.Start || n.End > len(f.Data)) {
			t.Fatalf("%s: bytes %d to %d (entry %d) of %d", n.Path(), n.Start, n.End, n.KeyStart, len(f.Data))
		}
		if n.Doc == nil || n.Doc.File != f {
			t.Fatalf("%s: in another file", n.Path())
		}
		for _, c := range n.Items {
			if c.Parent != n {
				t.Fatalf("%s: not below its parent", c.Path())
			}
			walk(c)
		}
	}
	for _, d := range f.Docs {
		walk(d.Root)
	}
}
