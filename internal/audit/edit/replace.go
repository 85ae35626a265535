package edit

import (
	"bytes"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Replace puts e in the place of n and all below it, in YAML and JSON. It is nil
// where a comment would be lost, or n comes from an alias or another program.
func Replace(n *tree.Node, e Entry) []Edit {
	n = toMend(n)
	if !editable(n) || n.Parent == nil || n.Parent.Kind != tree.Map || e.Key == "" || !e.fits(nil) {
		return nil
	}
	if same := n.Parent.Get(e.Key); same != nil && same != n {
		return nil
	}
	edit, ok := Edit{}, false
	switch f := n.Doc.File; {
	case f.Format == tree.JSON:
		edit, ok = replaceBraces(n, e, true)
	case f.Format == tree.YAML && flowOpen(n.Parent) >= 0:
		edit, ok = replaceBraces(n, e, false)
	case f.Format == tree.YAML:
		edit, ok = replaceYAML(n, e)
	}
	if !ok || edit.End > len(n.Doc.File.Data) || bytes.ContainsRune(n.Doc.File.Data[edit.Start:edit.End], '#') {
		return nil
	}
	edit.File, edit.meant = n.Doc.File, intent{kind: replacing, node: n, entry: e}
	return []Edit{edit}
}

func replaceBraces(n *tree.Node, e Entry, isJSON bool) (Edit, bool) {
	end, ok := textEnd(n)
	return Edit{Start: n.KeyStart, End: end, Text: braces{json: isJSON, space: " "}.entry(e, "")}, ok
}

func replaceYAML(n *tree.Node, e Entry) (Edit, bool) {
	f := n.Doc.File
	at, col, ok := markOf(n)
	if !ok {
		return Edit{}, false
	}
	end := at + len(bytes.TrimRight(f.Data[at:blockEnd(n, at, col)], " \t\r\n"))
	lines := indented(col, layoutOf(n.Doc).entry(e))
	return Edit{Start: at, End: end, Text: strings.TrimLeft(strings.Join(lines, newline(f, at)), " ")}, true
}
