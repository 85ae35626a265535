package source

import (
	"bytes"
	"strings"
)

// lineStart is the first byte of the line of byte at.
func (f *File) lineStart(at int) int { return bytes.LastIndexByte(f.Data[:at], '\n') + 1 }

// lineEnd is the byte after the line of byte at, with its end.
func (f *File) lineEnd(at int) int {
	if i := bytes.IndexByte(f.Data[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(f.Data)
}

// blankBefore reports whether nothing but blanks stands before byte at in its
// line, and gives these blanks.
func (f *File) blankBefore(at int) (string, bool) {
	blanks := string(f.Data[f.lineStart(at):at])
	return blanks, strings.Trim(blanks, " \t") == ""
}

// newline is how the line before byte at ends, and if it does not end, how
// others do.
func (f *File) newline(at int) string {
	i := bytes.LastIndexByte(f.Data[:at], '\n')
	if i < 0 {
		i = bytes.IndexByte(f.Data, '\n')
	}
	if i > 0 && f.Data[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// addLines makes the edit that adds lines at byte at, where a line begins or
// the file ends.
func (f *File) addLines(at int, lines []string) Edit {
	eol := f.newline(at)
	text := strings.Join(lines, eol)
	if at > 0 && f.Data[at-1] != '\n' { // the last line has no end, and gets none
		return Edit{Start: at, End: at, Text: eol + text}
	}
	return Edit{Start: at, End: at, Text: text + eol}
}

// own are the children of n that stand in it, not in what an alias repeats.
func (n *Node) own() (all []*Node) {
	for _, c := range n.Items {
		if c.entry >= n.start && c.start >= c.entry {
			all = append(all, c)
		}
	}
	return all
}

// last is the descendant of n that stands last.
func (n *Node) last() *Node {
	last := n
	for _, c := range n.Items {
		if d := c.last(); d.start >= last.start {
			last = d
		}
	}
	return last
}

// logicalEnd is the end of the line of byte at, with the lines that continue it
// after a backslash.
func (f *File) logicalEnd(at int) int {
	for {
		end := f.lineEnd(at)
		line := bytes.TrimRight(f.Data[at:end], "\r\n")
		slashes := len(line) - len(bytes.TrimRight(line, `\`))
		if slashes%2 == 0 || end == len(f.Data) {
			return end
		}
		at = end
	}
}

// insertLine adds KEY=VALUE to properties and units.
func insertLine(parent *Node, e Entry) (Edit, bool) {
	f := parent.Doc.File
	key, sep, indent := e.Key, "=", ""
	if path := parent.Path(); f.Format == Properties && path != "" {
		key = path + "." + key
	}
	value, ok := quote(f.Format, 0, e.Value, false)
	if !ok || len(e.Children) > 0 || strings.ContainsAny(e.Key, " =:#!\\") {
		return Edit{}, false
	}
	last := parent.last()
	if last != parent && last.Kind == Scalar && last.entry < last.start {
		before := strings.TrimRight(string(f.Data[last.entry:last.start]), " \t=:")
		sep = string(f.Data[last.entry+len(before) : last.start])
		indent, ok = f.blankBefore(last.entry)
	}
	if !ok || strings.ContainsAny(sep, "\r\n") || strings.TrimLeft(sep, " \t") == "" && f.Format == Unit {
		return Edit{}, false
	}
	return f.addLines(f.logicalEnd(max(last.entry, last.start)), []string{indent + key + sep + value}), true
}

// removeLines are the lines of n.
func removeLines(n *Node) (start, end int, ok bool) {
	f := n.Doc.File
	if n.Kind != Scalar && f.Format != HCL || n.Kind > Scalar && n.end == 0 {
		return 0, 0, false
	}
	if _, ok := f.blankBefore(n.entry); !ok {
		return 0, 0, false
	}
	if f.Format != HCL {
		return f.lineStart(n.entry), f.logicalEnd(n.entry), true
	}
	end = f.lineEnd(n.end)
	behind := strings.TrimSpace(string(f.Data[n.end:end]))
	return f.lineStart(n.entry), end, n.end > n.start && (behind == "" || behind[0] == '#' || strings.HasPrefix(behind, "//"))
}

// Place is line and column, from 1 and in characters, of a byte of f.
func (f *File) Place(at int) (line, column int) { return place(f.lines(), f.Data, at) }
