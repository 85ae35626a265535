package source

import (
	"errors"
	"strings"
)

// parseUnit reads a unit of systemd: a map of sections, each with its settings
// in order; a name may stand there often (systemd.syntax(7)).
func parseUnit(f *File) error {
	u := &unit{file: f, data: f.Data, starts: f.lines(), doc: &Doc{File: f}}
	u.doc.Root = u.node(0)
	u.doc.Root.Kind, u.doc.Root.end = Map, len(f.Data)
	for u.line < len(u.starts) {
		if u.nodes > maxNodes {
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
	file    *File
	doc     *Doc
	data    []byte
	starts  []int
	line    int // the next to read, from 0
	nodes   int
	section *Node
}

func (u *unit) node(at int) *Node {
	u.nodes++
	n := &Node{Doc: u.doc, start: at, entry: at}
	n.Line, n.Column = place(u.starts, u.data, at)
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
	n.Kind, n.Key, n.entry = Scalar, strings.TrimSpace(key), at
	n.KeyLine, n.KeyColumn = place(u.starts, u.data, at)
	u.value(n, text[len(key)+1:])
	u.section.add(n)
}

// value reads a value: a backslash at the end goes on in the next line that is
// no comment.
func (u *unit) value(n *Node, text string) {
	blank := len(text) - len(strings.TrimLeft(text, " \t"))
	n.start += blank
	n.Line, n.Column = place(u.starts, u.data, n.start)
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
		n.end = n.start + len(text)
	}
}

// begin starts a section, or goes on with one of that name.
func (u *unit) begin(name string, at int) {
	if u.section = u.doc.Root.child(name); u.section != nil {
		return
	}
	u.section = u.node(at)
	u.section.Kind, u.section.Key = Map, name
	u.section.KeyLine, u.section.KeyColumn = u.section.Line, u.section.Column
	u.doc.Root.add(u.section)
}
