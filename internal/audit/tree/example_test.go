package tree_test

import (
	"fmt"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// A parser makes nodes of a file of lines: each is an item of a list.
func Example() {
	f := &tree.File{Name: "hosts", Data: []byte("one\nzwei\n")}
	doc := &tree.Doc{File: f}
	doc.Root = &tree.Node{Kind: tree.List, Doc: doc}
	for i, start := range f.Starts() {
		text := f.Line(i + 1)
		n := &tree.Node{Kind: tree.Scalar, Value: text, Start: start, End: start + len(text), KeyStart: start}
		n.Line, n.Column = f.Place(start)
		doc.Root.Add(n)
	}
	for _, n := range doc.Root.List() {
		fmt.Println(n.Pos(), n.Path(), n.Text())
	}
	fmt.Println(doc.Root.Get("name").Exists())
	// Output:
	// hosts:1:1 [0] one
	// hosts:2:1 [1] zwei
	// false
}
