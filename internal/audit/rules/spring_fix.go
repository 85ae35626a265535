package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// springSet writes another value where v stands; nil if it is a placeholder, or
// does not stand in a file of its own.
func springSet[T any](name string, v model.Value[T], value string) *Change {
	if strings.Contains(v.Node.Text(), "${") {
		return nil
	}
	return springChange(name, value, edit.Set(v.Node, value))
}

func springChange(name, value string, edits []edit.Edit) *Change {
	return change(fmt.Sprintf("set %s to %s", name, value), edits)
}

// springPut writes a duration where v stands, or adds it.
func springPut(c *model.Settings, v model.Value[time.Duration], d time.Duration) *Change {
	value := wholeSeconds(d) + "s"
	if v.Written() {
		return springSet(v.Name, v, value)
	}
	return springAdd(c, v.Name, value)
}

// springAdd writes a property that is missing into the document c.Node: below
// the names that are there.
func springAdd(c *model.Settings, name, value string) *Change {
	i := strings.LastIndexByte(name, '.')
	return springAddAll(c, name[:i], edit.Entry{Key: name[i+1:], Value: value})
}

// springAddAll writes the missing properties below prefix.
func springAddAll(c *model.Settings, prefix string, leaves ...edit.Entry) *Change {
	var edits []edit.Edit
	if c.Node.Doc.File.Format == tree.Properties {
		for _, l := range leaves {
			edits = append(edits, edit.Insert(c.Node, edit.Entry{Key: prefix + "." + l.Key, Value: l.Value})...)
		}
		if len(edits) < len(leaves) {
			return nil
		}
	} else {
		edits = springNested(c.Node, strings.Split(prefix, "."), leaves)
	}
	return springChange(prefix+"."+leaves[0].Key, leaves[0].Value, edits)
}

// maxLines is how many lines a fix may add.
const maxLines = 3

// springNested adds leaves to a tree, below as much of path as is there.
func springNested(parent *tree.Node, path []string, leaves []edit.Entry) (edits []edit.Edit) {
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
		if model.Uniform(f.Key) == model.Uniform(name) {
			return f
		}
	}
	return nil
}
