package edit

import (
	"bytes"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/source/yaml"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// insertYAML adds e to a mapping or a sequence.
func insertYAML(p *tree.Node, e Entry) (Edit, bool) {
	f := p.Doc.File
	if p.Kind == tree.Null {
		return insertUnderKey(p, e)
	}
	if open := flowOpen(p); open >= 0 {
		return insertBraces(p, e, false)
	}
	all := ownOf(p)
	if len(all) == 0 {
		return Edit{}, false
	}
	last := all[len(all)-1]
	at, col, ok := markOf(last)
	if !ok {
		return Edit{}, false
	}
	layout := layoutOf(p.Doc)
	lines := layout.entry(e)
	if p.Kind == tree.List {
		lines = layout.item(e)
	}
	return addLines(f, blockEnd(last, at, col), indented(col, lines)), true
}

// insertUnderKey adds the first child of a name without a value.
func insertUnderKey(p *tree.Node, e Entry) (Edit, bool) {
	f := p.Doc.File
	if p.Key == "" || p.End > p.Start || p.Parent == nil || flowOpen(p.Parent) >= 0 {
		return Edit{}, false
	}
	colon, ok := afterColon(p)
	end := lineEnd(f, p.KeyStart)
	if !ok || colon > end {
		return Edit{}, false
	}
	if behind := bytes.TrimSpace(f.Data[colon:end]); len(behind) > 0 && behind[0] != '#' {
		return Edit{}, false
	}
	layout := layoutOf(p.Doc)
	return addLines(f, end, indented(p.KeyColumn-1+layout.unit, layout.entry(e))), true
}

// setNull gives a name without a value, or with null, a value.
func setNull(n *tree.Node, value string) []Edit {
	e := Edit{File: n.Doc.File, Start: n.Start, End: n.End, Text: quoteYAML(0, value, false), meant: intent{kind: setting, node: n, value: value}}
	if e.End <= e.Start {
		colon, ok := afterColon(n)
		if !ok {
			return nil
		}
		e.Start, e.End, e.Text = colon, colon, " "+e.Text
	}
	return []Edit{e}
}

// afterColon is the byte behind the colon of n's name.
func afterColon(n *tree.Node) (int, bool) {
	data, at := n.Doc.File.Data, n.KeyStart
	if n.Key == "" || at >= len(data) {
		return 0, false
	}
	if mark := data[at]; mark == '"' || mark == '\'' {
		if at = yaml.QuotedEnd(data[at:], at, mark); at == 0 {
			return 0, false
		}
	}
	for ; at < len(data) && data[at] != '\n'; at++ {
		if data[at] == ':' && (at+1 == len(data) || strings.IndexByte(" \t\r\n", data[at+1]) >= 0) {
			return at + 1, true
		}
	}
	return 0, false
}

// markOf is where the name of n, or its dash, stands, and its column from 0.
func markOf(n *tree.Node) (at, col int, ok bool) {
	f := n.Doc.File
	if n.Key != "" || n.Parent.Kind == tree.Map {
		return n.KeyStart, n.KeyColumn - 1, true
	}
	at = len(bytes.TrimRight(f.Data[:n.KeyStart], " \t\r\n")) - 1
	if at < 0 || f.Data[at] != '-' {
		return 0, 0, false
	}
	_, column := f.Place(at)
	return at, column - 1, true
}

// blockEnd is the byte after the last line of n, whose name or dash stands at
// byte at and column col. Comments after n are not part of it.
func blockEnd(n *tree.Node, at, col int) int {
	f := n.Doc.File
	dashes := n.Kind == tree.List && n.KeyLine > 0 && flowOpen(n) < 0
	literal, inner := literalOf(n)
	end := lineEnd(f, at)
	for next := end; next < len(f.Data); {
		begin := next
		next = lineEnd(f, begin)
		line := bytes.TrimRight(f.Data[begin:next], "\r\n")
		text := bytes.TrimLeft(line, " ")
		indent := len(line) - len(text)
		text = bytes.TrimSpace(text)
		switch {
		case len(text) == 0:
		case literal > 0 && begin > literal && indent >= inner:
			end = next
		case text[0] == '#':
		case indent > col, indent == col && dashes && (len(text) == 1 && text[0] == '-' || bytes.HasPrefix(text, []byte("- "))):
			end = next
		default:
			return end
		}
	}
	return end
}

// literalOf is where the text of several lines begins that ends n, and its
// indentation; 0 if n does not end with one.
func literalOf(n *tree.Node) (start, indent int) {
	f, last := n.Doc.File, n
	for {
		own := ownOf(last)
		if len(own) == 0 {
			break
		}
		last = own[len(own)-1]
	}
	if last.Kind != tree.Scalar || last.End > 0 || last.Start >= len(f.Data) || strings.IndexByte("|>", f.Data[last.Start]) < 0 {
		return 0, 0
	}
	for at := lineEnd(f, last.Start); at < len(f.Data); at = lineEnd(f, at) {
		line := bytes.TrimRight(f.Data[at:lineEnd(f, at)], "\r\n")
		if text := bytes.TrimLeft(line, " "); len(text) > 0 {
			return last.Start, len(line) - len(text)
		}
	}
	return 0, 0
}

// removeYAML are the bytes of n with its name.
func removeYAML(n *tree.Node) (start, end int, ok bool) {
	f := n.Doc.File
	if flowOpen(n.Parent) >= 0 {
		return removeBraces(n)
	}
	at, col, ok := markOf(n)
	if !ok {
		return 0, 0, false
	}
	end = blockEnd(n, at, col)
	if _, first := blankBefore(f, at); first {
		return lineStart(f, at), end, true
	}
	own := ownOf(n.Parent)
	for i, c := range own[:max(0, len(own)-1)] { // behind a dash: the next name moves up
		if next, _, ok := markOf(own[i+1]); c == n && ok && next >= end {
			return at, next, len(bytes.TrimSpace(f.Data[end:next])) == 0
		}
	}
	return 0, 0, false
}
