package hcl

import (
	"cmp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// builder makes nodes of one file of a module.
type builder struct {
	module *module
	file   *tree.File
	doc    *tree.Doc
	ruler  *tree.Ruler
	nodes  *int // made for the file, shared with the builders of locals
	depth  int
	// undecided is set within what may not be there at all.
	undecided bool
	iterators []iterator // of the dynamic blocks around
}

// iterator is the variable of a dynamic block, and what it runs over.
type iterator struct {
	name string
	over hclsyntax.Expression
}

func iteratorName(block *hclsyntax.Block) string {
	if a := block.Body.Attributes["iterator"]; a != nil {
		if t := a.Expr.Variables(); len(t) == 1 {
			return t[0].RootName()
		}
	}
	return block.Labels[0]
}

// build makes the tree of f anew.
func (all modules) build(f *tree.File) error {
	m := all[dirOf(f)]
	m.evaluate()
	b := m.builder(f, new(int))
	root := b.node(bodyOf(f).SrcRange, tree.Map)
	root.Line, root.Column, root.Start, root.End, root.KeyStart = 1, 1, 0, len(f.Data), 0
	b.body(root, bodyOf(f))
	if *b.nodes > maxNodes {
		return tree.ErrorAt(1, tree.ErrBounds)
	}
	b.doc.Root = root
	f.Docs = []*tree.Doc{b.doc}
	return nil
}

func (m *module) builder(f *tree.File, nodes *int) *builder {
	if m.rulers[f] == nil {
		m.rulers[f] = tree.NewRuler(f)
	}
	return &builder{module: m, file: f, doc: &tree.Doc{File: f}, ruler: m.rulers[f], nodes: nodes}
}

// node is a new one at r. Above the bound the tree stays a stump.
func (b *builder) node(r hcl.Range, kind tree.Kind) *tree.Node {
	*b.nodes++
	n := &tree.Node{Kind: kind, Doc: b.doc, Start: r.Start.Byte, End: r.End.Byte, KeyStart: r.Start.Byte}
	n.Line, n.Column = b.ruler.Place(r.Start.Byte)
	if r.Start.Line != r.End.Line && kind == tree.Scalar {
		n.End = 0
	}
	return n
}

// name gives n its name, which stands at r.
func (b *builder) name(n *tree.Node, key string, r hcl.Range) *tree.Node {
	n.Key, n.KeyStart = key, r.Start.Byte
	n.KeyLine, n.KeyColumn = b.ruler.Place(r.Start.Byte)
	return n
}

// body adds attributes and blocks in the order of the file.
func (b *builder) body(n *tree.Node, body *hclsyntax.Body) {
	type item struct {
		at   int
		make func()
	}
	var items []item
	for _, a := range body.Attributes {
		items = append(items, item{a.NameRange.Start.Byte, func() { n.Adopt(b.name(b.expr(a.Expr), a.Name, a.NameRange)) }})
	}
	for _, block := range body.Blocks {
		items = append(items, item{block.TypeRange.Start.Byte, func() { b.block(n, block) }})
	}
	slices.SortFunc(items, func(p, q item) int { return cmp.Compare(p.at, q.at) })
	for _, it := range items {
		if *b.nodes <= maxNodes {
			it.make()
		}
	}
}

func (b *builder) block(parent *tree.Node, block *hclsyntax.Block) {
	if block.Type == "dynamic" && len(block.Labels) == 1 {
		b.dynamic(parent, block)
		return
	}
	n := b.node(hcl.RangeBetween(block.OpenBraceRange, block.CloseBraceRange), tree.Map)
	n.Labels = block.Labels
	n.Unknown = b.undecided
	b.body(b.name(n, block.Type, block.TypeRange), block.Body)
	parent.Adopt(n)
}

// dynamic adds the blocks that a dynamic block makes: none if there is nothing
// to make them for, one if there is something, and an undecided one if files do
// not say.
func (b *builder) dynamic(parent *tree.Node, block *hclsyntax.Block) {
	each, over := block.Body.Attributes["for_each"], cty.DynamicVal
	if each != nil {
		over = b.module.value(each.Expr)
	}
	decided := over.IsKnown() && !over.IsNull() && over.CanIterateElements() && over.Length().IsKnown()
	if decided && over.LengthInt() == 0 {
		return
	}
	for _, content := range block.Body.Blocks {
		if content.Type != "content" {
			continue
		}
		inner := *b
		inner.undecided = b.undecided || !decided
		if each != nil {
			inner.iterators = append(slices.Clone(b.iterators), iterator{iteratorName(block), each.Expr})
		}
		n := inner.node(hcl.RangeBetween(content.OpenBraceRange, content.CloseBraceRange), tree.Map)
		n.Unknown = inner.undecided
		inner.body(inner.name(n, block.Labels[0], block.TypeRange), content.Body)
		parent.Adopt(n)
	}
}
