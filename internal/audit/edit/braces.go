package edit

import (
	"bytes"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/source/yaml"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// flowOpen is the byte of the brace or bracket that n begins with, -1 if n is
// no collection in braces.
func flowOpen(n *tree.Node) int {
	data := n.Doc.File.Data
	if n.Kind < tree.Map || n.Start >= len(data) {
		return -1
	}
	at := n.Start
	for at < len(data) && (data[at] == '&' || data[at] == '!') { // an anchor or tag
		for at < len(data) && strings.IndexByte(" \t\r\n", data[at]) < 0 {
			at++
		}
		for at < len(data) && strings.IndexByte(" \t", data[at]) >= 0 {
			at++
		}
	}
	if at == len(data) || data[at] != '{' && data[at] != '[' {
		return -1
	}
	for _, c := range n.Items {
		if c.KeyStart >= n.Start && c.KeyStart < at { // the anchor is that of the first name
			return -1
		}
	}
	return at
}

// flowClose is the byte of the brace that closes the one at open, -1 if there
// is none. Quotation marks and comments of YAML are passed over.
func flowClose(data []byte, open int) int {
	depth, before := 0, byte('{')
	for at := open; at < len(data); at++ {
		c := data[at]
		switch {
		case (c == '"' || c == '\'') && strings.IndexByte("{[,:", before) >= 0:
			end := quotedEnd(data, at)
			if end == 0 {
				return -1
			}
			at = end - 1
		case c == '#' && at > 0 && strings.IndexByte(" \t\n", data[at-1]) >= 0:
			end := bytes.IndexByte(data[at:], '\n')
			if end < 0 {
				return -1
			}
			at += end
			continue
		case c == '{', c == '[':
			depth++
		case c == '}', c == ']':
			if depth--; depth == 0 {
				return at
			}
		}
		if strings.IndexByte(" \t\r\n", c) < 0 {
			before = c
		}
	}
	return -1
}

// quotedEnd is the byte after the quoted text at byte at, over lines.
func quotedEnd(data []byte, at int) int { return yaml.QuotedEnd(data[at:], at, data[at]) }

// textEnd is the byte after the value of n, which stands between braces.
func textEnd(n *tree.Node) (int, bool) {
	data := n.Doc.File.Data
	switch {
	case n.Doc.File.Format == tree.JSON, n.Kind == tree.Scalar && n.End > n.Start, n.Kind == tree.Null && n.End > n.Start:
		return n.End, n.End > 0
	case flowOpen(n) >= 0:
		end := flowClose(data, flowOpen(n))
		return end + 1, end >= 0
	case n.Start < len(data) && data[n.Start] == '*': // an alias
		end := bytes.IndexAny(data[n.Start:], " \t\r\n,]}")
		return n.Start + end, end > 0
	}
	return 0, false
}

// insertBraces adds e between the braces or brackets of p.
func insertBraces(p *tree.Node, e Entry, isJSON bool) (Edit, bool) {
	f := p.Doc.File
	open := flowOpen(p)
	if open < 0 {
		return Edit{}, false
	}
	end, ok := textEnd(p)
	if !ok {
		return Edit{}, false
	}
	style := braces{json: isJSON, space: " "}
	own := ownOf(p)
	if len(own) != len(p.Items) {
		return Edit{}, false
	}
	if len(own) == 0 {
		inner := f.Data[open+1 : end-1]
		return Edit{Start: open + 1, End: end - 1, Text: style.entry(e, "")}, len(bytes.TrimSpace(inner)) == 0
	}
	first, last := own[0], own[len(own)-1]
	at, ok := textEnd(last)
	if !ok || at > end-1 || first.KeyStart <= open {
		return Edit{}, false
	}
	comma := ","
	if rest := bytes.TrimLeft(f.Data[at:end-1], " \t\r\n"); len(rest) > 0 && rest[0] == ',' {
		at, comma = end-len(rest), ""
	}
	if isJSON && first.Key != "" && f.Data[first.Start-1] == ':' {
		style.space = ""
	}
	indent, alone := blankBefore(f, last.KeyStart)
	if !alone || !bytes.ContainsRune(f.Data[open:first.KeyStart], '\n') {
		return Edit{Start: at, End: at, Text: comma + style.space + style.entry(e, "")}, true
	}
	line := f.Data[lineStart(f, open):]
	outer := string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
	style.eol, style.unit = newline(f, at), strings.TrimPrefix(indent, outer)
	if style.unit == "" || style.unit == indent && outer != "" {
		style.unit = "  "
	}
	return Edit{Start: at, End: at, Text: comma + style.eol + indent + style.entry(e, indent)}, true
}

// braces is how things between braces are written.
type braces struct {
	json      bool
	space     string // after colons and commas
	eol, unit string // of lines; eol empty: all on one line
}

func (b braces) entry(e Entry, indent string) string {
	value := b.scalar(e.Value, e.Text)
	if e.OneLine {
		b.eol = ""
	}
	if len(e.Children) > 0 {
		value = b.children(e, indent)
	}
	if e.Key == "" {
		return value
	}
	if b.json {
		return quoteJSON(e.Key) + ":" + b.space + value
	}
	return quoteYAML(0, e.Key, true) + ": " + value
}

func (b braces) scalar(value string, text bool) string {
	format := tree.YAML
	if b.json {
		format = tree.JSON
	}
	written, _ := quote(format, 0, value, text) // both languages write anything
	return written
}

func (b braces) children(e Entry, indent string) string {
	open, end := "{", "}"
	if e.Item {
		open, end = "[", "]"
	}
	var parts []string
	for _, c := range e.Children {
		parts = append(parts, b.entry(c, indent+b.unit))
	}
	if b.eol == "" || !b.json {
		return open + strings.Join(parts, ","+b.space) + end
	}
	inner := b.eol + indent + b.unit
	return open + inner + strings.Join(parts, ","+inner) + b.eol + indent + end
}

// removeBraces are the bytes of n and of one comma.
func removeBraces(n *tree.Node) (start, end int, ok bool) {
	f, own := n.Doc.File, ownOf(n.Parent)
	if end, ok = textEnd(n); !ok || len(own) != len(n.Parent.Items) {
		return 0, 0, false
	}
	for i, c := range own {
		switch {
		case c != n:
		case i+1 < len(own):
			return n.KeyStart, own[i+1].KeyStart, bytes.IndexByte(f.Data[end:own[i+1].KeyStart], '#') < 0
		case i > 0:
			before, ok := textEnd(own[i-1])
			return before, end, ok && bytes.IndexByte(f.Data[before:n.KeyStart], '#') < 0
		default:
			return n.KeyStart, end, true
		}
	}
	return 0, 0, false
}
