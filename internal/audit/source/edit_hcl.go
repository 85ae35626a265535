package source

import (
	"bytes"
	"strings"
)

// insertHCL adds an argument or a block to the block or object p, which reaches
// from brace to brace.
func insertHCL(p *Node, e Entry) (Edit, bool) {
	f := p.Doc.File
	if p.Kind != Map || p.Parent == nil || p.end <= p.start || p.end > len(f.Data) || f.Data[p.end-1] != '}' {
		return Edit{}, false
	}
	end, own := p.end-1, p.own()
	if len(own) == 0 {
		return insertEmptyHCL(p, e)
	}
	last := own[0]
	for _, c := range own {
		if c.end > last.end {
			last = c
		}
	}
	indent, ok := f.blankBefore(last.entry)
	if last.end <= last.start || last.end > end {
		return Edit{}, false
	}
	if !bytes.ContainsRune(f.Data[last.end:end], '\n') || !ok {
		if p.KeyLine > 0 && f.equalsColumn(p) == 0 { // a block of one line holds one argument
			return Edit{}, false
		}
		lines, ok := hclLines(e, 0)
		return Edit{Start: last.end, End: last.end, Text: ", " + strings.Join(lines, "")}, ok && len(lines) == 1
	}
	lines, ok := hclLines(e, f.equalsColumn(last)-len(indent))
	for i := range lines {
		lines[i] = indent + lines[i]
	}
	return f.addLines(f.lineEnd(last.end), lines), ok
}

// insertEmptyHCL opens the braces of a block without contents.
func insertEmptyHCL(p *Node, e Entry) (Edit, bool) {
	f, open, end := p.Doc.File, p.start, p.end-1
	if f.Data[open] != '{' || len(bytes.TrimSpace(f.Data[open+1:end])) > 0 {
		return Edit{}, false
	}
	line := f.Data[f.lineStart(open):]
	outer := string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
	lines, ok := hclLines(e, 0)
	eol := f.newline(open)
	return Edit{Start: open + 1, End: end, Text: eol + outer + "  " + strings.Join(lines, eol+outer+"  ") + eol + outer}, ok
}

// equalsColumn is the byte in its line where the equals sign of n stands, 0 if
// n is a block: terraform fmt puts those of neighbouring lines below one
// another.
func (f *File) equalsColumn(n *Node) int {
	if n.KeyLine == 0 || n.start < n.entry {
		return 0
	}
	i := bytes.LastIndexByte(f.Data[n.entry:n.start], '=')
	if i < 0 {
		return 0
	}
	return n.entry + i - f.lineStart(n.entry)
}

// hclLines writes e, its equals sign at the given byte if there is room.
func hclLines(e Entry, equals int) ([]string, bool) {
	if e.Key == "" {
		return nil, false
	}
	if len(e.Children) == 0 {
		value, ok := quote(HCL, 0, e.Value, e.Text)
		return []string{e.Key + strings.Repeat(" ", max(1, equals-len(e.Key))) + "= " + value}, ok
	}
	if e.Item {
		var items []string
		for _, c := range e.Children {
			value, _ := quote(HCL, 0, c.Value, c.Text)
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
