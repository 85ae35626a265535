package kustomize

import (
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// said is a tree that may say what stands in a built object: the object itself
// as its file has it, or a patch; a patch may begin further down.
type said struct {
	at   []string
	root *tree.Node
}

// saying are the patches of o that may have changed root; parse reads those that
// are texts.
func (o *kustomization) saying(root *tree.Node, parse func(string, []byte) *tree.File) (all []said) {
	for _, f := range o.changes {
		for _, d := range f.Docs {
			all = append(all, patch(d.Root, root)...)
		}
	}
	for _, n := range o.inline {
		for _, r := range within(n, parse) {
			all = append(all, patch(r, root)...)
		}
	}
	return all
}

// patch is what n, a patch, may have said of root.
func patch(n, root *tree.Node) (all []said) {
	for _, op := range n.List() {
		if v := op.Get("value"); v != nil {
			way := strings.Split(strings.TrimPrefix(op.Get("path").Text(), "/"), "/")
			for i := range way {
				way[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(way[i])
			}
			all = append(all, said{way, v})
		}
	}
	if n.Kind == tree.Map && n.Get("kind").Text() == root.Get("kind").Text() {
		all = append(all, said{nil, n})
	}
	return all
}

// within reads a patch that is the text of n. Its nodes have the places they
// have in n's file, if n is a block of lines.
func within(n *tree.Node, parse func(string, []byte) *tree.File) (roots []*tree.Node) {
	f := parse(n.Doc.File.Name, []byte(n.Value))
	if f == nil {
		return nil
	}
	first, _, _ := strings.Cut(n.Value, "\n")
	line := n.Doc.File.Line(n.Line + 1)
	block := n.Doc.File.Format == tree.YAML && strings.TrimSpace(line) == strings.TrimSpace(first)
	indent := len(line) - len(strings.TrimLeft(line, " "))
	var move func(*tree.Node)
	move = func(c *tree.Node) {
		if block {
			c.Line, c.Column = c.Line+n.Line, c.Column+indent
			if c.KeyLine > 0 {
				c.KeyLine, c.KeyColumn = c.KeyLine+n.Line, c.KeyColumn+indent
			}
		} else {
			c.Line, c.Column, c.KeyLine, c.KeyColumn = n.Line, n.Column, 0, 0
		}
		if c.Parent != nil { // the top stays apart, so that nothing is mended in it
			c.Doc = n.Doc
		}
		c.Start, c.End, c.KeyStart = 0, 0, 0
		for _, i := range c.Items {
			move(i)
		}
	}
	for _, d := range f.Docs {
		move(d.Root)
		roots = append(roots, d.Root)
	}
	return roots
}

// follow is the node of s at the way down from the object; nil if there is none.
func (s said) follow(way []step) *tree.Node {
	if s.root == nil || len(way) < len(s.at) {
		return nil
	}
	for i, key := range s.at {
		if way[i].String() != key {
			return nil
		}
	}
	n := s.root
	for _, st := range way[len(s.at):] {
		if st.index < 0 {
			n = n.Get(st.key)
		} else {
			n = itemOf(n, st)
		}
	}
	return n
}

// itemOf is the item with the name of st, or, if it has none, with its index.
func itemOf(n *tree.Node, st step) *tree.Node {
	items := n.List()
	for _, c := range items {
		if st.key != "" && c.Get("name").Text() == st.key {
			return c
		}
	}
	if st.key == "" && st.index < len(items) {
		return items[st.index]
	}
	return nil
}
