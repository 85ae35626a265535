package source

import (
	"errors"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// parseUnit reads a unit of systemd: a map of sections, each with its settings
// in order; a name may stand there often (systemd.syntax(7)).
func parseUnit(f *tree.File) error {
	u := &unit{file: f, data: f.Data, starts: f.Starts(), doc: &tree.Doc{File: f}}
	u.doc.Root = u.node(0)
	u.doc.Root.Kind, u.doc.Root.End = tree.Map, len(f.Data)
	for u.line < len(u.starts) {
		if u.nodes > tree.MaxNodes {
			return errors.New("too many settings in one file")
		}
		u.next()
	}
	if len(u.doc.Root.Items) > 0 {
		f.Docs = append(f.Docs, u.doc)
	}
	return nil
}

type unit struct {
	file    *tree.File
	doc     *tree.Doc
	data    []byte
	starts  []int
	line    int // the next to read, from 0
	nodes   int
	section *tree.Node
}

func (u *unit) node(at int) *tree.Node {
	u.nodes++
	n := &tree.Node{Doc: u.doc, Start: at, KeyStart: at}
	n.Line, n.Column = u.file.Place(at)
	return n
}

// physical is line i and its first byte, without blanks around it.
func (u *unit) physical(i int) (text string, at int) {
	end := len(u.data)
	if i+1 < len(u.starts) {
		end = u.starts[i+1]
	}
	text = string(u.data[u.starts[i]:end])
	at = u.starts[i] + len(text) - len(strings.TrimLeft(text, " \t\r\n"))
	return strings.TrimSpace(text), at
}

func comment(text string) bool { return text == "" || text[0] == '#' || text[0] == ';' }

// next reads a section's name or a setting.
func (u *unit) next() {
	text, at := u.physical(u.line)
	u.line++
	switch {
	case comment(text):
		return
	case text[0] == '[' && text[len(text)-1] == ']':
		u.begin(text[1:len(text)-1], at)
		return
	}
	key, _, ok := strings.Cut(text, "=")
	if !ok || u.section == nil {
		return // systemd passes over it as well
	}
	n := u.node(at + len(key) + 1)
	n.Kind, n.Key, n.KeyStart = tree.Scalar, strings.TrimSpace(key), at
	n.KeyLine, n.KeyColumn = u.file.Place(at)
	u.value(n, text[len(key)+1:])
	n.Unknown = strings.Contains(n.Value, "{{") // a template's
	u.section.Add(n)
}

// value reads a value: a backslash at the end goes on in the next line that is
// no comment.
func (u *unit) value(n *tree.Node, text string) {
	blank := len(text) - len(strings.TrimLeft(text, " \t"))
	n.Start += blank
	n.Line, n.Column = u.file.Place(n.Start)
	text = text[blank:]
	folded := strings.HasSuffix(text, `\`)
	parts := []string{strings.TrimSuffix(text, `\`)}
	for more := folded; more && u.line < len(u.starts); {
		next, _ := u.physical(u.line)
		u.line++
		if next != "" && comment(next) {
			continue
		}
		more = strings.HasSuffix(next, `\`)
		parts = append(parts, strings.TrimSuffix(next, `\`))
	}
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	n.Value = strings.TrimSpace(strings.Join(parts, " "))
	if !folded {
		n.End = n.Start + len(text)
	}
}

// begin starts a section, or goes on with one of that name.
func (u *unit) begin(name string, at int) {
	if u.section = u.doc.Root.Get(name); u.section != nil {
		return
	}
	u.section = u.node(at)
	u.section.Kind, u.section.Key = tree.Map, name
	u.section.KeyLine, u.section.KeyColumn = u.section.Line, u.section.Column
	u.doc.Root.Add(u.section)
}
