package edit

import (
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// layout is how a document is indented.
type layout struct {
	unit int // of names below a name
	dash int // of dashes below a name
}

// layoutOf takes the indentation of the first names and lists in blocks; 2 and
// 0 if there are none.
func layoutOf(d *tree.Doc) layout {
	l := layout{unit: 0, dash: -1}
	l.look(d.Root)
	if l.unit == 0 {
		l.unit = 2
	}
	if l.dash < 0 {
		l.dash = 0
	}
	return l
}

func (l *layout) look(n *tree.Node) {
	if l.unit > 0 && l.dash >= 0 || n.Kind < tree.Map || flowOpen(n) >= 0 {
		return
	}
	own := ownOf(n)
	if len(own) > 0 && n.KeyLine > 0 {
		if _, col, ok := markOf(own[0]); ok && own[0].Start > n.KeyStart {
			by := col - (n.KeyColumn - 1)
			switch {
			case n.Kind == tree.Map && l.unit == 0 && by > 0:
				l.unit = by
			case n.Kind == tree.List && l.dash < 0 && by >= 0:
				l.dash = by
			}
		}
	}
	for _, c := range own {
		l.look(c)
	}
}

// entry are the lines of a name with its value or children.
func (l layout) entry(e Entry) []string {
	key := quoteYAML(0, e.Key, true) + ":"
	switch {
	case e.OneLine:
		return []string{braces{space: " "}.entry(e, "")}
	case len(e.Children) == 0:
		return []string{strings.TrimRight(key+" "+quoteYAML(0, e.Value, e.Text), " ")}
	case e.Item:
		return append([]string{key}, indented(l.dash, l.below(e))...)
	}
	return append([]string{key}, indented(l.unit, l.below(e))...)
}

func (l layout) below(e Entry) (lines []string) {
	for _, c := range e.Children {
		if e.Item {
			lines = append(lines, l.item(c)...)
		} else {
			lines = append(lines, l.entry(c)...)
		}
	}
	return lines
}

// item are the lines of an item with its dash.
func (l layout) item(e Entry) []string {
	lines := []string{quoteYAML(0, e.Value, e.Text)}
	if len(e.Children) > 0 {
		lines = l.below(e)
	}
	lines = indented(2, lines)
	lines[0] = "- " + lines[0][2:]
	return lines
}

func indented(col int, lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = strings.Repeat(" ", col) + line
	}
	return out
}
