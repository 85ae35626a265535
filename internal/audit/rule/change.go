package rule

import (
	"slices"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Put sets the value that stands below n under keys, whether it is there or
// not.
func Put(n *tree.Node, value string, keys ...string) []edit.Edit {
	for len(keys) > 1 && n.Get(keys[0]).Exists() {
		n, keys = n.Get(keys[0]), keys[1:]
	}
	if old := n.Get(keys[0]); old != nil && len(keys) == 1 {
		return edit.Set(old, value)
	}
	return edit.Insert(n, Under(value, keys...))
}

// Under is an entry of names that stand below one another.
func Under(value string, keys ...string) edit.Entry {
	e := edit.Entry{Key: keys[len(keys)-1], Value: value}
	for _, k := range slices.Backward(keys[:len(keys)-1]) {
		e = edit.Entry{Key: k, Children: []edit.Entry{e}}
	}
	return e
}

// Mend is what mends a finding; nil if a part of it cannot be made.
func Mend(title string, parts ...[]edit.Edit) *Change {
	for _, p := range parts {
		if len(p) == 0 {
			return nil
		}
	}
	return &Change{Title: title, Edits: slices.Concat(parts...)}
}

// Ask are the answers to choose from that can be made; nil if there are none.
func Ask(title string, all ...Choice) *Change {
	all = slices.DeleteFunc(all, func(c Choice) bool { return len(c.Edits) == 0 })
	if len(all) == 0 {
		return nil
	}
	return &Change{Title: title, Asks: all}
}

// UpToSecond is d, rounded up to whole seconds.
func UpToSecond(d time.Duration) time.Duration { return (d + time.Second - 1).Truncate(time.Second) }

// WholeSeconds is d as manifests have it.
func WholeSeconds(d time.Duration) string { return strconv.Itoa(int(UpToSecond(d) / time.Second)) }
