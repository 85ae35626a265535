package boot

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model/spring"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// set writes another value where v stands; nil if it is a placeholder, or
// does not stand in a file of its own.
func set[T any](name string, v value.Value[T], value string) *rule.Change {
	if strings.Contains(v.Node.Text(), "${") {
		return nil
	}
	return mend(name, value, edit.Set(v.Node, value))
}

func mend(name, value string, edits []edit.Edit) *rule.Change {
	return rule.Mend(fmt.Sprintf("set %s to %s", name, value), edits)
}

// put writes a duration where v stands, or adds it.
func put(c *spring.Settings, v value.Value[time.Duration], d time.Duration) *rule.Change {
	value := rule.WholeSeconds(d) + "s"
	if v.Written() {
		return set(v.Name, v, value)
	}
	return add(c, v.Name, value)
}

// add writes a property that is missing into the document c.Node: below
// the names that are there.
func add(c *spring.Settings, name, value string) *rule.Change {
	i := strings.LastIndexByte(name, '.')
	return addAll(c, name[:i], edit.Entry{Key: name[i+1:], Value: value})
}

// addAll writes the missing properties below prefix.
func addAll(c *spring.Settings, prefix string, leaves ...edit.Entry) *rule.Change {
	var edits []edit.Edit
	if c.Node.Doc.File.Format == tree.Properties {
		for _, l := range leaves {
			edits = append(edits, edit.Insert(c.Node, edit.Entry{Key: prefix + "." + l.Key, Value: l.Value})...)
		}
		if len(edits) < len(leaves) {
			return nil
		}
	} else {
		edits = nested(c.Node, strings.Split(prefix, "."), leaves)
	}
	return mend(prefix+"."+leaves[0].Key, leaves[0].Value, edits)
}

// maxLines is how many lines a fix may add.
const maxLines = 3

// nested adds leaves to a tree, below as much of path as is there.
func nested(parent *tree.Node, path []string, leaves []edit.Entry) (edits []edit.Edit) {
	for len(path) > 0 {
		next := fieldLike(parent, path[0])
		if next == nil {
			break
		}
		if next.Kind != tree.Map {
			return nil
		}
		parent, path = next, path[1:]
	}
	if len(path) > 1 && len(path)+len(leaves) > maxLines {
		path = []string{strings.Join(path, ".")} // one name for all, which Spring reads as well
	}
	for _, name := range slices.Backward(path) {
		leaves = []edit.Entry{{Key: name, Children: leaves}}
	}
	for _, l := range leaves {
		if fieldLike(parent, l.Key) != nil {
			return nil
		}
		edits = append(edits, edit.Insert(parent, l)...)
	}
	if len(edits) < len(leaves) {
		return nil
	}
	return edits
}

// fieldLike is the field of n that Spring would take for name.
func fieldLike(n *tree.Node, name string) *tree.Node {
	for _, f := range n.Fields() {
		if spring.Uniform(f.Key) == spring.Uniform(name) {
			return f
		}
	}
	return nil
}
