package source

import (
	"path"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/source/yaml"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Embedded reads the text of the scalar n as a file of its own, called by n's
// key: a ConfigMap's application.yml. In a block that is written as it is (|)
// every value has its own place; in any other that of n. None of it can be
// edited.
//
// It returns the roots of the documents, whose parent is that of n; none if n
// is not such a text or cannot be read.
func Embedded(n *tree.Node) []*tree.Node {
	if n == nil || n.Kind != tree.Scalar || n.Unknown {
		return nil
	}
	format, ok := FormatOf(n.Key)
	if !ok {
		return nil
	}
	inner, notes := Parse(path.Base(n.Key), format, []byte(n.Value))
	if inner == nil || len(notes) > 0 {
		return nil
	}
	m := &moved{to: n, indent: blockIndent(n)}
	var roots []*tree.Node
	for _, d := range inner.Docs {
		m.node(d.Root)
		d.Root.Parent, d.Root.Key, d.Root.KeyLine, d.Root.KeyColumn = n.Parent, n.Key, n.KeyLine, n.KeyColumn
		roots = append(roots, d.Root)
	}
	return roots
}

// JSONWithin reads the text of the scalar n as JSON. The values all have n's
// place, and cannot be edited. It is nil if n is no such text.
func JSONWithin(n *tree.Node) *tree.Node {
	if n == nil || n.Kind != tree.Scalar || n.Unknown {
		return nil
	}
	inner := &tree.File{Name: n.Doc.File.Name, Format: tree.JSON, Data: []byte(n.Value)}
	if err := yaml.ParseJSON(inner); err != nil || len(inner.Docs) != 1 {
		return nil
	}
	root := inner.Docs[0].Root
	(&moved{to: n, indent: -1}).node(root)
	root.Parent, root.Key, root.KeyLine, root.KeyColumn = n.Parent, n.Key, n.KeyLine, n.KeyColumn
	return root
}

// blockIndent is by how much the lines of a literal block are indented; -1 if
// the lines of the file are not those of the value.
func blockIndent(n *tree.Node) int {
	starts, data := n.Doc.File.Starts(), n.Doc.File.Data
	lines := strings.Split(strings.TrimRight(n.Value, "\n"), "\n")
	if n.End != 0 || n.Line < 1 || n.Line+len(lines) > len(starts) {
		return -1
	}
	indent := -1
	raw := strings.Split(string(data[starts[n.Line]:]), "\n")
	for i, line := range lines {
		got := strings.TrimSuffix(raw[i], "\r")
		if line == "" && strings.TrimSpace(got) == "" {
			continue
		}
		if indent < 0 {
			indent = len(got) - len(line)
		}
		if indent < 0 || len(got) != indent+len(line) || got[indent:] != line || strings.Trim(got[:indent], " ") != "" {
			return -1
		}
	}
	return indent
}

// moved gives nodes of an embedded text their places in the file around it.
type moved struct {
	to     *tree.Node
	indent int // of its lines in the file; -1: all stands at to
}

func (m *moved) node(n *tree.Node) {
	n.Doc, n.Start, n.End, n.KeyStart = m.to.Doc, 0, 0, 0
	m.place(&n.Line, &n.Column)
	if n.KeyLine > 0 {
		m.place(&n.KeyLine, &n.KeyColumn)
	}
	for _, c := range n.Items {
		m.node(c)
	}
}

func (m *moved) place(line, column *int) {
	if m.indent < 0 {
		*line, *column = m.to.Line, m.to.Column
		return
	}
	*line, *column = m.to.Line+*line, *column+m.indent
}
