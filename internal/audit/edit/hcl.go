package edit

import (
	"bytes"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// insertHCL adds an argument or a block to the block or object p, which reaches
// from brace to brace.
func insertHCL(p *tree.Node, e Entry) (Edit, bool) {
	f := p.Doc.File
	if p.Kind != tree.Map || p.Parent == nil || p.End <= p.Start || p.End > len(f.Data) || f.Data[p.End-1] != '}' {
		return Edit{}, false
	}
	end, own := p.End-1, ownOf(p)
	if len(own) == 0 {
		return insertEmptyHCL(p, e)
	}
	last := own[0]
	for _, c := range own {
		if c.End > last.End {
			last = c
		}
	}
	indent, ok := blankBefore(f, last.KeyStart)
	if last.End <= last.Start || last.End > end {
		return Edit{}, false
	}
	if !bytes.ContainsRune(f.Data[last.End:end], '\n') || !ok {
		if p.KeyLine > 0 && equalsColumn(f, p) == 0 { // a block of one line holds one argument
			return Edit{}, false
		}
		lines, ok := hclLines(e, 0)
		return Edit{Start: last.End, End: last.End, Text: ", " + strings.Join(lines, "")}, ok && len(lines) == 1
	}
	lines, ok := hclLines(e, equalsColumn(f, last)-len(indent))
	for i := range lines {
		lines[i] = indent + lines[i]
	}
	return addLines(f, lineEnd(f, last.End), lines), ok
}

// insertEmptyHCL opens the braces of a block without contents.
func insertEmptyHCL(p *tree.Node, e Entry) (Edit, bool) {
	f, open, end := p.Doc.File, p.Start, p.End-1
	if f.Data[open] != '{' || len(bytes.TrimSpace(f.Data[open+1:end])) > 0 {
		return Edit{}, false
	}
	line := f.Data[lineStart(f, open):]
	outer := string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
	lines, ok := hclLines(e, 0)
	eol := newline(f, open)
	return Edit{Start: open + 1, End: end, Text: eol + outer + "  " + strings.Join(lines, eol+outer+"  ") + eol + outer}, ok
}

// equalsColumn is the byte in its line where the equals sign of n stands, 0 if
// n is a block: terraform fmt puts those of neighbouring lines below one
// another.
func equalsColumn(f *tree.File, n *tree.Node) int {
	if n.KeyLine == 0 || n.Start < n.KeyStart {
		return 0
	}
	i := bytes.LastIndexByte(f.Data[n.KeyStart:n.Start], '=')
	if i < 0 {
		return 0
	}
	return n.KeyStart + i - lineStart(f, n.KeyStart)
}

// hclLines writes e, its equals sign at the given byte if there is room.
func hclLines(e Entry, equals int) ([]string, bool) {
	if e.Key == "" {
		return nil, false
	}
	if len(e.Children) == 0 {
		value, ok := quote(tree.HCL, 0, e.Value, e.Text)
		return []string{e.Key + strings.Repeat(" ", max(1, equals-len(e.Key))) + "= " + value}, ok
	}
	if e.Item {
		var items []string
		for _, c := range e.Children {
			value, _ := quote(tree.HCL, 0, c.Value, c.Text)
			if c.Reference {
				value = c.Value
			}
			if items = append(items, value); len(c.Children) > 0 {
				return nil, false
			}
		}
		return []string{e.Key + " = [" + strings.Join(items, ", ") + "]"}, true
	}
	wide := 0
	for _, c := range e.Children {
		if len(c.Children) == 0 {
			wide = max(wide, len(c.Key)+1)
		}
	}
	lines := []string{e.Key + " {"}
	for _, c := range e.Children {
		inner, ok := hclLines(c, wide)
		if !ok {
			return nil, false
		}
		for _, line := range inner {
			lines = append(lines, "  "+line)
		}
	}
	return append(lines, "}"), true
}
