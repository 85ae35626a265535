// Package cloudformation puts values into CloudFormation's templates.
//
//	cloudformation.Resolve(f) // a file of YAML or JSON that was parsed
//
// Guarantees: parameters have their defaults, and conditions what follows from
// these; what they do not decide is unknown, with the resources that it refers
// to; the size of texts is bounded; other files stay as they are.
//
// Not guaranteed: functions beside Ref, GetAtt, If, FindInMap, Sub, Join, Select,
// Base64 and those of conditions; parameters of a deployment.
package cloudformation

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// maxIntrinsic bounds the text that Fn::Sub and Fn::Join make, in bytes.
const maxIntrinsic = 64 << 10

// Resolve gives the resources of CloudFormation's templates in f their
// values: Ref of a parameter is its default, Fn::If the branch of the default.
// What is left is undecided, with the resources that it refers to.
func Resolve(f *tree.File) {
	if f.Format != tree.YAML && f.Format != tree.JSON {
		return
	}
	for _, d := range f.Docs {
		resources := d.Root.Get("Resources")
		if !isTemplate(resources) {
			continue
		}
		t := &template{file: f, root: d.Root, conditions: map[string]*truth{}, index: map[string]map[string]*tree.Node{}}
		kept := resources.Items[:0]
		for _, r := range resources.Items {
			if t.condition(r.Get("Condition").Text(), 0) != no {
				kept = append(kept, r)
			}
		}
		resources.Items = kept
		for _, r := range resources.Items {
			t.children(r, 0)
		}
	}
}

func isTemplate(resources *tree.Node) bool {
	return slices.ContainsFunc(resources.Fields(), func(r *tree.Node) bool {
		return strings.HasPrefix(r.Get("Type").Text(), "AWS::")
	})
}

// template is one of CloudFormation's.
type template struct {
	file       *tree.File
	root       *tree.Node
	conditions map[string]*truth // nil while it is under way
	index      map[string]map[string]*tree.Node
}

// named is what a section calls name; nil if there is no such thing.
func (t *template) named(section, name string) *tree.Node {
	if t.index[section] == nil {
		t.index[section] = map[string]*tree.Node{}
		for _, c := range t.root.Get(section).Fields() {
			t.index[section][c.Key] = c
		}
	}
	return t.index[section][name]
}

// truth is what a condition comes to.
type truth uint8

const (
	maybe truth = iota
	yes
	no
)

func (t *template) children(n *tree.Node, depth int) {
	for i, c := range n.Items {
		n.Items[i] = t.resolve(c, depth+1)
	}
}

// resolve returns what stands in the place of n: n itself, with its children
// resolved, or the value of the function that it is.
func (t *template) resolve(n *tree.Node, depth int) *tree.Node {
	name, arg := intrinsic(n)
	if name == "" || depth > tree.MaxDepth {
		t.children(n, depth)
		return n
	}
	v := t.call(n, name, arg, depth)
	v.Key, v.KeyLine, v.KeyColumn, v.KeyStart, v.Parent = n.Key, n.KeyLine, n.KeyColumn, n.KeyStart, n.Parent
	return v
}

// intrinsic is the function that n is, by its short name: Ref, Sub. The
// argument of a tagged node is the node.
func intrinsic(n *tree.Node) (name string, arg *tree.Node) {
	if n.Tag != "" {
		return strings.TrimPrefix(n.Tag, "!"), n
	}
	if n.Kind != tree.Map || len(n.Items) != 1 {
		return "", nil
	}
	key := n.Items[0].Key
	if short, ok := strings.CutPrefix(key, "Fn::"); ok || key == "Ref" {
		return short, n.Items[0]
	}
	return "", nil
}

func (t *template) call(n *tree.Node, name string, arg *tree.Node, depth int) *tree.Node {
	switch name {
	case "Ref":
		return t.ref(n, raw(arg))
	case "GetAtt":
		return t.attribute(n, arg)
	case "If":
		return t.choose(n, arg, depth)
	case "FindInMap":
		return t.find(n, arg, depth)
	}
	t.children(arg, depth)
	switch name {
	case "Sub":
		return t.sub(n, arg)
	case "Join":
		return t.join(n, arg)
	case "Select":
		return t.selected(n, arg)
	case "Base64":
		if name, inner := intrinsic(arg); arg != n && name != "" {
			return t.call(n, name, inner, depth+1)
		}
		return known(n, raw(arg))
	}
	return undecided(n, nil)
}

// raw is the text of an argument, which a tag made look undecided.
func raw(n *tree.Node) string {
	if n == nil || n.Kind != tree.Scalar {
		return ""
	}
	return n.Value
}

// known is text in the place of n.
func known(n *tree.Node, text string) *tree.Node {
	return &tree.Node{Kind: tree.Scalar, Value: text, Doc: n.Doc, Line: n.Line, Column: n.Column, Start: n.Start}
}

func undecided(n *tree.Node, refs []tree.Ref) *tree.Node {
	v := known(n, n.Value)
	v.Unknown, v.Refs = true, refs
	return v
}

// ref is a parameter's default, nothing, or a reference to a resource.
func (t *template) ref(n *tree.Node, name string) *tree.Node {
	if name == "AWS::NoValue" {
		v := known(n, "")
		v.Kind = tree.Null
		return v
	}
	if def := t.named("Parameters", name).Get("Default"); def != nil && def.Kind == tree.Scalar && !def.Unknown {
		return known(n, def.Value)
	}
	return undecided(n, t.refsTo(name))
}

// refsTo is a reference to the resource in name: Group or Group.Arn.
func (t *template) refsTo(name string) []tree.Ref {
	logical, _, _ := strings.Cut(name, ".")
	if t.named("Resources", logical) == nil {
		return nil
	}
	return []tree.Ref{{Scope: t.file.Name, Path: name}}
}

func (t *template) attribute(n, arg *tree.Node) *tree.Node {
	name := raw(arg)
	if items := arg.List(); len(items) > 0 {
		name = raw(items[0])
	}
	return undecided(n, t.refsTo(name))
}

func (t *template) choose(n, arg *tree.Node, depth int) *tree.Node {
	items := arg.List()
	if len(items) != 3 {
		return undecided(n, nil)
	}
	switch t.condition(raw(items[0]), 0) {
	case yes:
		return t.resolve(items[1], depth+1)
	case no:
		return t.resolve(items[2], depth+1)
	default:
		refs := append(slices.Clone(t.resolve(items[1], depth+1).Refs), t.resolve(items[2], depth+1).Refs...)
		return undecided(n, refs[:min(len(refs), tree.MaxRefs)])
	}
}

func (t *template) find(n, arg *tree.Node, depth int) *tree.Node {
	t.children(arg, depth)
	at := t.root.Get("Mappings")
	for _, step := range arg.List() {
		if step.Unknown || step.Kind != tree.Scalar {
			return undecided(n, nil)
		}
		at = at.Get(step.Value)
	}
	if at == nil || at.Kind != tree.Scalar || at.Unknown {
		return undecided(n, nil)
	}
	return known(n, at.Value)
}

// sub fills ${NAME} of a text.
func (t *template) sub(n, arg *tree.Node) *tree.Node {
	text, own := raw(arg), (*tree.Node)(nil)
	if items := arg.List(); len(items) == 2 {
		text, own = raw(items[0]), items[1]
	}
	var out strings.Builder
	var refs []tree.Ref
	decided := true
	for {
		before, rest, ok := strings.Cut(text, "${")
		out.WriteString(before)
		name, after, closed := strings.Cut(rest, "}")
		if !ok || !closed {
			break
		}
		text = after
		v := own.Get(name)
		if v == nil {
			v = t.ref(n, name)
		}
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			v = known(n, "${"+literal+"}")
		}
		out.WriteString(v.Text())
		decided = decided && !v.Unknown && v.Kind == tree.Scalar && out.Len() < maxIntrinsic
		if refs = append(refs, v.Refs...); len(refs) > tree.MaxRefs || out.Len() >= maxIntrinsic {
			return undecided(n, refs[:min(len(refs), tree.MaxRefs)])
		}
	}
	if !decided {
		return undecided(n, refs)
	}
	return known(n, out.String())
}

func (t *template) join(n, arg *tree.Node) *tree.Node {
	items := arg.List()
	if len(items) != 2 {
		return undecided(n, nil)
	}
	var parts []string
	var refs []tree.Ref
	length, decided := 0, items[1].Kind == tree.List && !items[0].Unknown
	for _, item := range items[1].List() {
		refs = append(refs, item.Refs...)
		decided = decided && !item.Unknown && item.Kind == tree.Scalar
		length += len(item.Value) + len(items[0].Value)
		parts = append(parts, item.Value)
		if length > maxIntrinsic || len(refs) > tree.MaxRefs {
			return undecided(n, refs[:min(len(refs), tree.MaxRefs)])
		}
	}
	if !decided {
		return undecided(n, refs)
	}
	return known(n, strings.Join(parts, items[0].Value))
}

func (t *template) selected(n, arg *tree.Node) *tree.Node {
	items := arg.List()
	if len(items) == 2 && items[1].Kind == tree.List && len(items[0].Value) == 1 && !items[0].Unknown {
		if i := int(items[0].Value[0] - '0'); i < len(items[1].Items) && items[1].Items[i].Kind == tree.Scalar {
			c := items[1].Items[i]
			if c.Unknown {
				return undecided(n, c.Refs)
			}
			return known(n, c.Value)
		}
	}
	return undecided(n, nil)
}
