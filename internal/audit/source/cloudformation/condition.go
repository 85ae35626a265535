package cloudformation

import "github.com/evenkeel/evenkeel/internal/audit/tree"

// condition is what the condition called name comes to with the parameters'
// defaults; the empty name is no condition.
func (t *template) condition(name string, depth int) truth {
	if name == "" {
		return yes
	}
	v, seen := t.conditions[name]
	if seen {
		if v == nil {
			return maybe // it depends on itself
		}
		return *v
	}
	t.conditions[name] = nil
	result := maybe
	if n := t.named("Conditions", name); n != nil {
		result = t.test(n, depth+1)
	}
	t.conditions[name] = &result
	return result
}

// test is what the condition function n comes to.
func (t *template) test(n *tree.Node, depth int) truth {
	name, arg := intrinsic(n)
	if depth > tree.MaxDepth {
		return maybe
	}
	if c := n.Get("Condition"); n.Tag == "" && len(n.Items) == 1 && c != nil {
		return t.condition(raw(c), depth+1)
	}
	switch name {
	case "Condition":
		return t.condition(raw(n), depth+1)
	case "Equals":
		return t.equals(arg, depth)
	case "Not":
		if items := arg.List(); len(items) == 1 {
			return t.test(items[0], depth+1).not()
		}
	case "And":
		return t.all(arg, depth, no)
	case "Or":
		return t.all(arg, depth, yes)
	}
	return maybe
}

func (v truth) not() truth {
	switch v {
	case yes:
		return no
	case no:
		return yes
	default:
		return maybe
	}
}

// all is decisive if any part is, the contrary of it if all parts are, and
// else undecided.
func (t *template) all(arg *tree.Node, depth int, decisive truth) truth {
	result := decisive.not()
	for _, item := range arg.List() {
		switch t.test(item, depth+1) {
		case decisive:
			return decisive
		case maybe:
			result = maybe
		default:
		}
	}
	return result
}

func (t *template) equals(arg *tree.Node, depth int) truth {
	items := arg.List()
	if len(items) != 2 {
		return maybe
	}
	var text [2]string
	for i, item := range items {
		v := item
		if name, inner := intrinsic(item); name != "" {
			v = t.call(item, name, inner, depth+1)
		}
		if v.Unknown || v.Kind != tree.Scalar {
			return maybe
		}
		text[i] = v.Value
	}
	if text[0] == text[1] {
		return yes
	}
	return no
}
