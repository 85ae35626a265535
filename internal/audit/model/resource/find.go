package resource

import (
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Find is the node at the first of paths that is written. Steps are divided by
// dots; only letters and digits of a name count, so that health_check,
// healthCheck and HealthCheck are one, and a list stands for its first item.
// Below something that is not decided it is that.
func Find(n *tree.Node, paths ...string) *tree.Node {
	for _, path := range paths {
		c := n
		for step := range strings.SplitSeq(path, ".") {
			c = child(First(c), step)
		}
		if c.Exists() {
			return c
		}
	}
	return nil
}

// First is the first item of a list, and anything else itself.
func First(n *tree.Node) *tree.Node {
	if items := n.List(); len(items) > 0 {
		return items[0]
	}
	return n
}

func child(n *tree.Node, name string) *tree.Node {
	if n == nil {
		return nil
	}
	for _, c := range n.Fields() {
		if c.Key == name || strings.EqualFold(strings.ReplaceAll(c.Key, "_", ""), strings.ReplaceAll(name, "_", "")) {
			return c
		}
	}
	if n.Unknown {
		return n
	}
	return nil
}

// Every is all blocks of a name, or the items of a list of it.
func Every(n *tree.Node, name string) (all []*tree.Node) {
	for _, c := range n.Fields() {
		if !strings.EqualFold(strings.ReplaceAll(c.Key, "_", ""), strings.ReplaceAll(name, "_", "")) {
			continue
		}
		if c.Kind == tree.List {
			all = append(all, c.Items...)
		} else if c.Exists() {
			all = append(all, c)
		}
	}
	return all
}

// Texts are the items of a list of texts; nil if one is not decided.
func Texts(n *tree.Node) (all []string) {
	for _, c := range n.List() {
		if c.Kind != tree.Scalar || c.Unknown {
			return nil
		}
		all = append(all, c.Value)
	}
	return all
}
