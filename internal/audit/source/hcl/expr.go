package hcl

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// seenThrough are functions that only change how their argument is written.
var seenThrough = map[string]bool{
	"jsonencode": true, "base64encode": true, "sensitive": true, "nonsensitive": true,
	"tolist": true, "toset": true, "tomap": true,
}

// expr makes the tree of an expression. Lists and maps keep the place of every
// item, through jsonencode, merge, concat and locals; the rest is evaluated.
func (b *builder) expr(e hclsyntax.Expression) *tree.Node {
	b.depth++
	defer func() { b.depth-- }()
	if b.depth > tree.MaxDepth || *b.nodes > maxNodes {
		return b.undecidable(e)
	}
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return b.expr(e.Expression)
	case *hclsyntax.TemplateWrapExpr:
		return b.expr(e.Wrapped)
	case *hclsyntax.ObjectConsExpr:
		return b.object(e)
	case *hclsyntax.TupleConsExpr:
		n := b.node(e.SrcRange, tree.List)
		for _, item := range e.Exprs {
			n.Adopt(b.expr(item))
		}
		return n
	case *hclsyntax.FunctionCallExpr:
		return b.function(e)
	case *hclsyntax.ConditionalExpr:
		return b.conditional(e)
	case *hclsyntax.ScopeTraversalExpr:
		return b.traversal(e)
	case *hclsyntax.TemplateExpr:
		if n := b.heredoc(e); n != nil {
			return n
		}
	}
	return b.evaluated(e)
}

// object is a map; one with a name that is not decided is itself undecided.
func (b *builder) object(e *hclsyntax.ObjectConsExpr) *tree.Node {
	n := b.node(e.SrcRange, tree.Map)
	n.Unknown = b.undecided
	seen := map[string]bool{}
	for _, item := range e.Items {
		key, err := convert.Convert(b.module.value(item.KeyExpr), cty.String)
		if err != nil || !key.IsKnown() || key.IsNull() {
			n.Unknown = true
			continue
		}
		c := b.name(b.expr(item.ValueExpr), key.AsString(), item.KeyExpr.Range())
		if !seen[c.Key] {
			n.Adopt(c)
		}
		seen[c.Key] = true
	}
	return n
}

func (b *builder) function(e *hclsyntax.FunctionCallExpr) *tree.Node {
	switch {
	case seenThrough[e.Name] && len(e.Args) == 1:
		return b.expr(e.Args[0])
	case e.ExpandFinal:
	case e.Name == "concat":
		if n := b.concat(e); n != nil {
			return n
		}
	case e.Name == "merge":
		if n := b.merge(e); n != nil {
			return n
		}
	}
	return b.evaluated(e)
}

// concat is nil unless every argument is a list.
func (b *builder) concat(e *hclsyntax.FunctionCallExpr) *tree.Node {
	n := b.node(e.Range(), tree.List)
	for _, arg := range e.Args {
		list := b.expr(arg)
		if list.Kind != tree.List {
			return nil
		}
		for _, c := range list.Items {
			n.Adopt(c)
		}
	}
	return n
}

// merge is nil if no argument is a map. One that is not decided may overwrite
// all that came before it.
func (b *builder) merge(e *hclsyntax.FunctionCallExpr) *tree.Node {
	n, maps, at := b.node(e.Range(), tree.Map), 0, map[string]int{}
	for _, arg := range e.Args {
		from := b.expr(arg)
		if from.Kind != tree.Map || from.Unknown {
			n.Unknown, n.Items, at = true, nil, map[string]int{}
		}
		if from.Kind != tree.Map {
			continue
		}
		maps++
		for _, c := range from.Items {
			c.Parent = n
			if i, ok := at[c.Key]; ok {
				n.Items[i] = c
				continue
			}
			at[c.Key] = len(n.Items)
			n.Items = append(n.Items, c)
		}
	}
	if maps == 0 {
		return nil
	}
	return n
}

func (b *builder) conditional(e *hclsyntax.ConditionalExpr) *tree.Node {
	v, err := convert.Convert(b.module.value(e.Condition), cty.Bool)
	switch {
	case err != nil || !v.IsKnown() || v.IsNull():
		return b.undecidable(e)
	case v.True():
		return b.expr(e.TrueResult)
	default:
		return b.expr(e.FalseResult)
	}
}

// traversal follows a reference to an entry of locals that is a list or map, to
// the place where that stands.
func (b *builder) traversal(e *hclsyntax.ScopeTraversalExpr) *tree.Node {
	l := b.module.localOf(e.Traversal)
	if l == nil || len(e.Traversal) != 2 {
		return b.evaluated(e)
	}
	switch l.expr.(type) {
	case *hclsyntax.ObjectConsExpr, *hclsyntax.TupleConsExpr, *hclsyntax.FunctionCallExpr:
	default:
		return b.evaluated(e)
	}
	there := b.module.builder(l.file, b.nodes)
	there.depth, there.undecided = b.depth, b.undecided
	n := there.expr(l.expr)
	if n.Kind != tree.List && n.Kind != tree.Map {
		return b.evaluated(e)
	}
	return n
}

// localOf is the entry of locals that t begins with, nil if it is none.
func (m *module) localOf(t hcl.Traversal) *localValue {
	if t.RootName() != "local" || len(t) < 2 {
		return nil
	}
	a, ok := t[1].(hcl.TraverseAttr)
	if !ok {
		return nil
	}
	return m.locals[a.Name]
}

// evaluated is the value of e at its place. What is not written as it is, is
// not one piece of text.
func (b *builder) evaluated(e hclsyntax.Expression) *tree.Node {
	v := b.module.value(e)
	if !v.IsWhollyKnown() && (!v.IsKnown() || !v.CanIterateElements()) || b.undecided {
		return b.undecidable(e)
	}
	n := b.fromValue(v, e.Range(), 0)
	if !isLiteral(e) {
		n.End = 0
	}
	return n
}

func isLiteral(e hclsyntax.Expression) bool {
	switch e := e.(type) {
	case *hclsyntax.LiteralValueExpr:
		return true
	case *hclsyntax.TemplateExpr:
		return e.IsStringLiteral()
	case *hclsyntax.UnaryOpExpr:
		return isLiteral(e.Val)
	}
	return false
}

func (b *builder) undecidable(e hclsyntax.Expression) *tree.Node {
	r := e.Range()
	n := b.node(r, tree.Scalar)
	n.Unknown, n.End = true, 0
	n.Value = strings.ToValidUTF8(string(b.file.Data[r.Start.Byte:min(r.End.Byte, r.Start.Byte+maxUndecided, len(b.file.Data))]), "")
	n.Refs = b.refs(e)
	return n
}

const maxUndecided = 200 // bytes kept of an undecided expression

// fromValue makes nodes of a value; all stand at r.
func (b *builder) fromValue(v cty.Value, r hcl.Range, depth int) *tree.Node {
	n := b.node(r, tree.Scalar)
	v, _ = v.Unmark()
	switch {
	case !v.IsKnown() || depth > tree.MaxDepth || *b.nodes > maxNodes:
		n.Unknown = true
	case v.IsNull():
		n.Kind = tree.Null
	case v.Type().IsPrimitiveType():
		text, err := convert.Convert(v, cty.String)
		if err != nil {
			n.Unknown = true
			break
		}
		n.Value, n.Quoted = text.AsString(), v.Type() == cty.String
	case v.CanIterateElements():
		b.elements(n, v, r, depth)
	default:
		n.Unknown = true
	}
	return n
}

func (b *builder) elements(n *tree.Node, v cty.Value, r hcl.Range, depth int) {
	n.Kind, n.End = tree.List, 0
	if v.Type().IsObjectType() || v.Type().IsMapType() {
		n.Kind = tree.Map
	}
	for it := v.ElementIterator(); it.Next(); {
		key, item := it.Element()
		c := b.fromValue(item, r, depth+1)
		c.End = 0
		if n.Kind == tree.Map {
			c.Key = key.AsString()
		}
		n.Adopt(c)
	}
}
