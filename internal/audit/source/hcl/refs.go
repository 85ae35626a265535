package hcl

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// maxRefDepth bounds following references.
const maxRefDepth = 8

// refs are the resources that e is made of; the variable of a dynamic block is
// made of what the block runs over.
func (b *builder) refs(e hclsyntax.Expression) []tree.Ref {
	refs := b.module.refs(e, 0)
	for _, t := range e.Variables() {
		for _, it := range b.iterators {
			if it.name == t.RootName() {
				refs = append(slices.Clone(b.module.refs(it.over, 0)), refs...)
			}
		}
	}
	return refs[:min(len(refs), tree.MaxRefs)]
}

// refs are the resources that e is made of, followed through locals, the
// outputs of modules and the arguments of the only call. Each expression is
// looked at once.
func (m *module) refs(e hclsyntax.Expression, depth int) []tree.Ref {
	if known, ok := m.known[e]; ok || depth > maxRefDepth {
		return known
	}
	m.known[e] = nil // what refers to itself is made of nothing
	var refs []tree.Ref
	for _, t := range e.Variables() {
		if len(refs) < tree.MaxRefs {
			refs = append(refs, m.refsOf(t, depth)...)
		}
	}
	m.known[e] = refs[:min(len(refs), tree.MaxRefs)]
	return m.known[e]
}

// refsOf are those of one traversal.
func (m *module) refsOf(t hcl.Traversal, depth int) []tree.Ref {
	switch t.RootName() {
	case "each", "count", "path", "terraform", "self":
	case "local":
		if l := m.localOf(t); l != nil {
			return m.refs(l.expr, depth+1)
		}
	case "var":
		if len(m.callers) == 1 {
			if a := m.callers[0].body.Attributes[attr(t, 1)]; a != nil {
				return m.callers[0].from.refs(a.Expr, depth+1)
			}
		}
	case "module":
		if called := m.all[m.calls[attr(t, 1)]]; called != nil {
			if out := called.outputs[attr(t, 2)]; out != nil {
				return called.refs(out, depth+1)
			}
		}
	default:
		return []tree.Ref{{Scope: m.dir, Path: text(t)}}
	}
	return nil
}

// attr is the name at step i of a traversal, empty if it is none.
func attr(t hcl.Traversal, i int) string {
	if i >= len(t) {
		return ""
	}
	a, _ := t[i].(hcl.TraverseAttr)
	return a.Name
}

// text is a traversal as it is written: aws_lb.shop[0].arn.
func text(t hcl.Traversal) string {
	var s strings.Builder
	s.WriteString(t.RootName())
	for _, step := range t[1:] {
		switch step := step.(type) {
		case hcl.TraverseAttr:
			s.WriteString("." + step.Name)
		case hcl.TraverseIndex:
			s.WriteString("[" + index(step) + "]")
		}
	}
	return s.String()
}

func index(step hcl.TraverseIndex) string {
	switch key := step.Key; {
	case key.Type().FriendlyName() == "string":
		return strconv.Quote(key.AsString())
	case key.Type().FriendlyName() == "number":
		i, _ := key.AsBigFloat().Int64()
		return strconv.FormatInt(i, 10)
	}
	return "*"
}

func dirOf(f *tree.File) string { return path.Dir(f.Name) }
