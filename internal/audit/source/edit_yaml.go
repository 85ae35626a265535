package source

import (
	"bytes"
	"strings"
)

// insertYAML adds e to a mapping or a sequence.
func insertYAML(p *Node, e Entry) (Edit, bool) {
	f := p.Doc.File
	if p.Kind == Null {
		return insertUnderKey(p, e)
	}
	if open := flowOpen(p); open >= 0 {
		return insertBraces(p, e, false)
	}
	all := p.own()
	if len(all) == 0 {
		return Edit{}, false
	}
	last := all[len(all)-1]
	at, col, ok := last.mark()
	if !ok {
		return Edit{}, false
	}
	layout := layoutOf(p.Doc)
	lines := layout.entry(e)
	if p.Kind == List {
		lines = layout.item(e)
	}
	return f.addLines(blockEnd(last, at, col), indented(col, lines)), true
}

// insertUnderKey adds the first child of a name without a value.
func insertUnderKey(p *Node, e Entry) (Edit, bool) {
	f := p.Doc.File
	if p.Key == "" || p.end > p.start || p.Parent == nil || flowOpen(p.Parent) >= 0 {
		return Edit{}, false
	}
	colon, ok := afterColon(p)
	end := f.lineEnd(p.entry)
	if !ok || colon > end {
		return Edit{}, false
	}
	if behind := bytes.TrimSpace(f.Data[colon:end]); len(behind) > 0 && behind[0] != '#' {
		return Edit{}, false
	}
	layout := layoutOf(p.Doc)
	return f.addLines(end, indented(p.KeyColumn-1+layout.unit, layout.entry(e))), true
}

// setNull gives a name without a value, or with null, a value.
func setNull(n *Node, value string) []Edit {
	e := Edit{File: n.Doc.File, Start: n.start, End: n.end, Text: quoteYAML(0, value, false), meant: intent{kind: setting, node: n, value: value}}
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
func afterColon(n *Node) (int, bool) {
	data, at := n.Doc.File.Data, n.entry
	if n.Key == "" || at >= len(data) {
		return 0, false
	}
	if mark := data[at]; mark == '"' || mark == '\'' {
		if at = after(data[at:], at, mark); at == 0 {
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

// mark is where the name of n, or its dash, stands, and its column from 0.
func (n *Node) mark() (at, col int, ok bool) {
	f := n.Doc.File
	if n.Key != "" || n.Parent.Kind == Map {
		return n.entry, n.KeyColumn - 1, true
	}
	at = len(bytes.TrimRight(f.Data[:n.entry], " \t\r\n")) - 1
	if at < 0 || f.Data[at] != '-' {
		return 0, 0, false
	}
	_, column := place(f.lines(), f.Data, at)
	return at, column - 1, true
}

// blockEnd is the byte after the last line of n, whose name or dash stands at
// byte at and column col. Comments after n are not part of it.
func blockEnd(n *Node, at, col int) int {
	f := n.Doc.File
	dashes := n.Kind == List && n.KeyLine > 0 && flowOpen(n) < 0
	literal, inner := n.literal()
	end := f.lineEnd(at)
	for next := end; next < len(f.Data); {
		begin := next
		next = f.lineEnd(begin)
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

// literal is where the text of several lines begins that ends n, and its
// indentation; 0 if n does not end with one.
func (n *Node) literal() (start, indent int) {
	f, last := n.Doc.File, n
	for {
		own := last.own()
		if len(own) == 0 {
			break
		}
		last = own[len(own)-1]
	}
	if last.Kind != Scalar || last.end > 0 || last.start >= len(f.Data) || strings.IndexByte("|>", f.Data[last.start]) < 0 {
		return 0, 0
	}
	for at := f.lineEnd(last.start); at < len(f.Data); at = f.lineEnd(at) {
		line := bytes.TrimRight(f.Data[at:f.lineEnd(at)], "\r\n")
		if text := bytes.TrimLeft(line, " "); len(text) > 0 {
			return last.start, len(line) - len(text)
		}
	}
	return 0, 0
}

// removeYAML are the bytes of n with its name.
func removeYAML(n *Node) (start, end int, ok bool) {
	f := n.Doc.File
	if flowOpen(n.Parent) >= 0 {
		return removeBraces(n)
	}
	at, col, ok := n.mark()
	if !ok {
		return 0, 0, false
	}
	end = blockEnd(n, at, col)
	if _, first := f.blankBefore(at); first {
		return f.lineStart(at), end, true
	}
	own := n.Parent.own()
	for i, c := range own[:max(0, len(own)-1)] { // behind a dash: the next name moves up
		if next, _, ok := own[i+1].mark(); c == n && ok && next >= end {
			return at, next, len(bytes.TrimSpace(f.Data[end:next])) == 0
		}
	}
	return 0, 0, false
}
