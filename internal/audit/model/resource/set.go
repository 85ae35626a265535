package resource

import (
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Set is the resources of the files of one run.
type Set struct {
	All   []*Resource // in the order of the files
	byKey map[string]*Resource
	in    map[*tree.File]int // how many a file has
}

// Read finds the resources of all files. Of two with the same key the first
// is found.
func Read(files []*tree.File) *Set {
	b := &Set{byKey: map[string]*Resource{}, in: map[*tree.File]int{}}
	for _, f := range files {
		found := resources(f)
		b.in[f] = len(found)
		b.All = append(b.All, found...)
	}
	for _, r := range b.All {
		for _, k := range r.Keys {
			if b.byKey[k] == nil {
				b.byKey[k] = r
			}
		}
	}
	return b
}

// Has reports whether there are resources in f.
func (b *Set) Has(f *tree.File) bool { return b.in[f] > 0 }

// Each calls read with the resources of a kind.
func (b *Set) Each(kind string, read func(*Resource)) {
	for _, r := range b.All {
		if r.Kind == kind {
			read(r)
		}
	}
}

// Lookup is the resource of kind that n, a setting of r, refers to; nil if that
// is not decided.
func (b *Set) Lookup(r *Resource, n *tree.Node, kind string) *Resource {
	for _, k := range KeysWithin(n) {
		if found := b.byKey[k]; found != nil && found.Kind == kind {
			return found
		}
	}
	if text := n.Text(); text != "" {
		if found := b.byKey[key("", text)]; found != nil && found.Kind == kind {
			return found
		}
		if found := b.byKey[key("", groupName(text))]; found != nil && found.Kind == kind {
			return found
		}
		return nil
	}
	for _, ref := range r.planned {
		if found := b.byKey[key(r.scope, address(ref))]; found != nil && found.Kind == kind {
			return found
		}
	}
	return nil
}

// groupName is the name in the ARN of a target group, as a key.
func groupName(arn string) string {
	_, rest, ok := strings.Cut(arn, ":targetgroup/")
	name, _, _ := strings.Cut(rest, "/")
	if !ok {
		return ""
	}
	return "targetgroup/" + name
}

// KeysWithin are the keys of what n, a setting, refers to; n may be nil.
func KeysWithin(n *tree.Node) (keys []string) {
	if n == nil {
		return nil
	}
	for _, ref := range n.Refs {
		keys = append(keys, key(ref.Scope, address(ref.Path)))
	}
	return keys
}

// address is the resource in a reference: aws_lb.shop of aws_lb.shop[0].arn,
// and of CloudFormation's Shop.Arn Shop.
func address(path string) string {
	steps := strings.Split(withoutIndex(path), ".")
	i := 0
	for i+1 < len(steps) && steps[i] == "module" {
		i += 2
	}
	if i < len(steps) && strings.HasPrefix(steps[i], "aws_") {
		return strings.Join(steps[:min(i+2, len(steps))], ".")
	}
	return steps[0]
}

// withoutIndex is an address without [0] and ["a"].
func withoutIndex(address string) string {
	var s strings.Builder
	depth := 0
	for _, r := range address {
		switch {
		case r == '[':
			depth++
		case r == ']':
			depth--
		case depth == 0:
			s.WriteRune(r)
		}
	}
	return s.String()
}

// Editable is where settings of r may be added; nil for what the aws command
// shows, which nobody edits, and for a plan.
func (r *Resource) Editable() *tree.Node {
	if r.Plan || r.Shown && r.Node.Parent != nil {
		return nil
	}
	return r.Body
}

// InTemplate reports whether r is written as CloudFormation writes it.
func (r *Resource) InTemplate() bool { return r.Node.Get("Type").Text() != "" && r.Body != r.Node }

// Spelled is a setting's name, given as Terraform spells it, in the language
// of r.
func (r *Resource) Spelled(name string) string {
	switch {
	case r.Shown:
		return camel(name, !strings.HasPrefix(r.Kind, "ecs_"))
	case r.InTemplate():
		return camel(name, true)
	}
	return name
}

func camel(name string, upper bool) string {
	var s strings.Builder
	for part := range strings.SplitSeq(name, "_") {
		if upper && part != "" {
			part = strings.ToUpper(part[:1]) + part[1:]
		}
		upper = true
		s.WriteString(part)
	}
	return s.String()
}
