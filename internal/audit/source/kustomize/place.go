package kustomize

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// step is one of the way down in an object: a name, or an index and the name
// that the item gives itself.
type step struct {
	key   string
	index int // of an item; else -1
}

func (s step) String() string {
	if s.index >= 0 {
		return strconv.Itoa(s.index)
	}
	return s.key
}

// place gives the nodes of a built object the places of what says the same. The
// root keeps the file that was made.
func (k *kustomizer) place(o *kustomization, all []*kustomization, root *tree.Node, from string) {
	var file *tree.File
	if from != "" {
		file = k.byPath[realPath(filepath.Join(o.dir, filepath.FromSlash(from)))]
	}
	own := sourceOf(file, root)
	var patches []said
	for _, c := range all {
		patches = append(patches, c.saying(root, k.reader.Parse)...)
	}
	p := &placer{own: said{root: own}, patches: patches, fallback: o.root, replicas: all}
	for _, c := range root.Items {
		p.node(c, []step{{c.Key, -1}})
	}
}

// sourceOf is the object of f that root was made of: of the same kind, with the
// name or a part of it.
func sourceOf(f *tree.File, root *tree.Node) (best *tree.Node) {
	if f == nil {
		return nil
	}
	kind, name, length := root.Get("kind").Text(), root.Get("metadata", "name").Text(), -1
	var look func(*tree.Node)
	look = func(n *tree.Node) {
		for _, item := range n.Get("items").List() {
			look(item)
		}
		own := n.Get("metadata", "name").Text()
		if n.Get("kind").Text() == kind && strings.Contains(name, own) && len(own) > length {
			best, length = n, len(own)
		}
	}
	for _, d := range f.Docs {
		look(d.Root)
	}
	return best
}

// placer gives places to the nodes of one built object.
type placer struct {
	own      said
	patches  []said
	fallback *tree.Node
	replicas []*kustomization // whose replicas may count
}

func (p *placer) node(n *tree.Node, way []step) {
	for i, c := range n.Items {
		next := step{c.Key, -1}
		if n.Kind == tree.List {
			next = step{c.Get("name").Text(), i}
		}
		p.node(c, append(slices.Clip(way), next))
	}
	at, whole := p.find(n, way)
	if at == nil {
		at = p.fallback
		n.Doc, n.Line, n.Column, n.KeyLine, n.KeyColumn = at.Doc, at.Line, at.Column, 0, 0
	} else {
		n.Doc, n.Line, n.Column, n.KeyLine, n.KeyColumn = at.Doc, at.Line, at.Column, at.KeyLine, at.KeyColumn
	}
	if whole {
		n.Written = at
	}
	n.Start, n.End, n.KeyStart = 0, 0, 0
}

// find is the node that says n: for a value a patch before the object's own
// file, for what has children the object's own file first. What an object is
// called and its kind, which patches repeat, are the object's own, also with a
// prefix. It is whole if it stands in an object, or a patch
// with an object's form: an operation or a count cannot be without its value.
func (p *placer) find(n *tree.Node, way []step) (at *tree.Node, whole bool) {
	own := p.own.follow(way)
	same := func(c *tree.Node) bool {
		return c != nil && c.Kind == n.Kind && (n.Kind != tree.Scalar || c.Value == n.Value)
	}
	identity := len(way) == 1 || len(way) == 2 && way[0].key == "metadata" && way[1].key == "name"
	if same(own) && n.Kind != tree.Scalar || own != nil && identity {
		return own, true
	}
	for _, s := range p.patches {
		if c := s.follow(way); same(c) {
			return c, s.at == nil
		}
	}
	if same(own) {
		return own, true
	}
	if len(way) == 2 && way[0].key == "spec" && way[1].key == "replicas" {
		return p.count(n), false
	}
	return nil, false
}

// count is the number of replicas that a kustomization sets.
func (p *placer) count(n *tree.Node) *tree.Node {
	name := n.Parent.Parent.Get("metadata", "name").Text()
	for _, o := range p.replicas {
		for _, r := range o.root.Get("replicas").List() {
			if c := r.Get("count"); strings.Contains(name, r.Get("name").Text()) && c.Text() == n.Value {
				return c
			}
		}
	}
	return nil
}
