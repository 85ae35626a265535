package edit

import (
	"bytes"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// lineStart is the first byte of the line of byte at.
func lineStart(f *tree.File, at int) int { return bytes.LastIndexByte(f.Data[:at], '\n') + 1 }

// lineEnd is the byte after the line of byte at, with its end.
func lineEnd(f *tree.File, at int) int {
	if i := bytes.IndexByte(f.Data[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(f.Data)
}

// blankBefore reports whether nothing but blanks stands before byte at in its
// line, and gives these blanks.
func blankBefore(f *tree.File, at int) (string, bool) {
	blanks := string(f.Data[lineStart(f, at):at])
	return blanks, strings.Trim(blanks, " \t") == ""
}

// newline is how the line before byte at ends, and if it does not end, how
// others do.
func newline(f *tree.File, at int) string {
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
func addLines(f *tree.File, at int, lines []string) Edit {
	eol := newline(f, at)
	text := strings.Join(lines, eol)
	if at > 0 && f.Data[at-1] != '\n' { // the last line has no end, and gets none
		return Edit{Start: at, End: at, Text: eol + text}
	}
	return Edit{Start: at, End: at, Text: text + eol}
}

// ownOf are the children of n that stand in it, not in what an alias repeats.
func ownOf(n *tree.Node) (all []*tree.Node) {
	for _, c := range n.Items {
		if c.KeyStart >= n.Start && c.Start >= c.KeyStart {
			all = append(all, c)
		}
	}
	return all
}

// lastOf is the descendant of n that stands last.
func lastOf(n *tree.Node) *tree.Node {
	last := n
	for _, c := range n.Items {
		if d := lastOf(c); d.Start >= last.Start {
			last = d
		}
	}
	return last
}

// logicalEnd is the end of the line of byte at, with the lines that continue it
// after a backslash.
func logicalEnd(f *tree.File, at int) int {
	for {
		end := lineEnd(f, at)
		line := bytes.TrimRight(f.Data[at:end], "\r\n")
		slashes := len(line) - len(bytes.TrimRight(line, `\`))
		if slashes%2 == 0 || end == len(f.Data) {
			return end
		}
		at = end
	}
}

// insertLine adds KEY=VALUE to properties and units.
func insertLine(parent *tree.Node, e Entry) (Edit, bool) {
	f := parent.Doc.File
	key, sep, indent := e.Key, "=", ""
	if path := parent.Path(); f.Format == tree.Properties && path != "" {
		key = path + "." + key
	}
	value, ok := quote(f.Format, 0, e.Value, false)
	if !ok || len(e.Children) > 0 || strings.ContainsAny(e.Key, " =:#!\\") {
		return Edit{}, false
	}
	last := lastOf(parent)
	if last != parent && last.Kind == tree.Scalar && last.KeyStart < last.Start {
		before := strings.TrimRight(string(f.Data[last.KeyStart:last.Start]), " \t=:")
		sep = string(f.Data[last.KeyStart+len(before) : last.Start])
		indent, ok = blankBefore(f, last.KeyStart)
	}
	if !ok || strings.ContainsAny(sep, "\r\n") || strings.TrimLeft(sep, " \t") == "" && f.Format == tree.Unit {
		return Edit{}, false
	}
	return addLines(f, logicalEnd(f, max(last.KeyStart, last.Start)), []string{indent + key + sep + value}), true
}

// removeLines are the lines of n.
func removeLines(n *tree.Node) (start, end int, ok bool) {
	f := n.Doc.File
	if n.Kind != tree.Scalar && f.Format != tree.HCL || n.Kind > tree.Scalar && n.End == 0 {
		return 0, 0, false
	}
	if _, ok := blankBefore(f, n.KeyStart); !ok {
		return 0, 0, false
	}
	if f.Format != tree.HCL {
		return lineStart(f, n.KeyStart), logicalEnd(f, n.KeyStart), true
	}
	end = lineEnd(f, n.End)
	behind := strings.TrimSpace(string(f.Data[n.End:end]))
	return lineStart(f, n.KeyStart), end, n.End > n.Start && (behind == "" || behind[0] == '#' || strings.HasPrefix(behind, "//"))
}
