// Package java reads the files of Java programs into trees: properties, as Spring
// Boot reads them, and build files of Maven and Gradle.
//
//	err := java.ParseProperties(f) // f.Docs[0].Root.Get("server.shutdown")
//	err = java.ParseLibraries(f)   // f.Docs[0].Root.Get("boot")
//
// Guarantees: names and values of properties are those that java.util.Properties
// gives.
//
// Not guaranteed: what a build file's own program works out, such as versions in
// Gradle's variables; dependencies of dependencies.
package java

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// ParseProperties reads Java properties: one map of whole names for each
// document that a line #--- or !--- ends, as Spring Boot reads them
// (java.util.Properties.load; OriginTrackedPropertiesLoader).
func ParseProperties(f *tree.File) error {
	p := &propertiesParser{file: f, data: f.Data, starts: f.Starts()}
	p.begin()
	for p.at < len(p.data) {
		if err := p.line(); err != nil {
			return err
		}
	}
	p.finish()
	return nil
}

type propertiesParser struct {
	file   *tree.File
	data   []byte
	starts []int
	doc    *tree.Doc
	at     int
	folded bool // the text that is being read goes over several lines
	nodes  int
}

// begin starts a document where the parser stands.
func (p *propertiesParser) begin() {
	p.doc = &tree.Doc{File: p.file}
	p.doc.Root = p.node(p.at)
	p.doc.Root.Kind = tree.Map
}

// finish keeps the document if it says anything.
func (p *propertiesParser) finish() {
	if root := p.doc.Root; len(root.Items) > 0 {
		first := root.Items[0]
		root.Start, root.End, root.Line, root.Column = first.KeyStart, p.at, first.KeyLine, first.KeyColumn
		root.KeyStart = root.Start
		p.file.Docs = append(p.file.Docs, p.doc)
	}
}

func (p *propertiesParser) node(at int) *tree.Node {
	n := &tree.Node{Doc: p.doc, Start: at, KeyStart: at}
	n.Line, n.Column = p.file.Place(at)
	return n
}

// line reads one logical line.
func (p *propertiesParser) line() error {
	if p.separator() {
		p.finish()
		p.skipLine()
		p.begin()
		return nil
	}
	p.blanks()
	switch {
	case p.at == len(p.data) || p.newline() || p.continued():
		return nil
	case p.data[p.at] == '#' || p.data[p.at] == '!':
		p.skipLine()
		return nil
	}
	return p.entry()
}

// entry reads a name, what separates it and its value.
func (p *propertiesParser) entry() error {
	at := p.at
	key, err := p.text(true)
	if err != nil {
		return err
	}
	p.blanks()
	if p.at < len(p.data) && (p.data[p.at] == '=' || p.data[p.at] == ':') {
		p.at++
		p.blanks()
	}
	n := p.node(p.at)
	if p.nodes++; p.nodes > tree.MaxNodes || len(p.file.Docs) > tree.MaxDocs {
		return tree.ErrorAt(n.Line, errors.New("too many properties in one file"))
	}
	n.Kind, n.Key, n.KeyStart = tree.Scalar, key, at
	n.KeyLine, n.KeyColumn = p.file.Place(at)
	p.folded = false
	if n.Value, err = p.text(false); err != nil {
		return err
	}
	n.Unknown = strings.Contains(n.Value, "{{") // a template's
	if !p.folded {
		n.End = p.at
	}
	p.newline()
	p.doc.Root.Add(n)
	return nil
}

// text reads up to the end of the logical line; a name ends at a separator
// before that.
func (p *propertiesParser) text(name bool) (string, error) {
	var b strings.Builder
	for p.at < len(p.data) && !p.atNewline() {
		c := p.data[p.at]
		if c == '\\' {
			if err := p.escape(&b); err != nil {
				return "", err
			}
			continue
		}
		if name && strings.IndexByte("=: \t\f", c) >= 0 {
			break
		}
		b.WriteByte(c)
		p.at++
	}
	return b.String(), nil
}

// escape reads what a backslash begins.
func (p *propertiesParser) escape(b *strings.Builder) error {
	p.at++
	if p.at == len(p.data) {
		return nil
	}
	if p.newline() {
		p.folded = true
		p.blanks()
		return nil
	}
	c := p.data[p.at]
	if c == 'u' {
		return p.unicode(b)
	}
	_, size := utf8.DecodeRune(p.data[p.at:])
	if i := strings.IndexByte("tnrf", c); i >= 0 {
		b.WriteByte("\t\n\r\f"[i])
	} else {
		b.Write(p.data[p.at : p.at+size])
	}
	p.at += size
	return nil
}

// unicode reads \u with four hex digits, and the other half of a surrogate pair after it.
func (p *propertiesParser) unicode(b *strings.Builder) error {
	r, ok := hex4(p.data[p.at:])
	if !ok {
		line, _ := p.file.Place(p.at)
		return tree.ErrorAt(line, fmt.Errorf("not valid properties: \\u needs four hexadecimal digits"))
	}
	p.at += 5
	if bytes.HasPrefix(p.data[p.at:], []byte(`\u`)) {
		low, _ := hex4(p.data[p.at+1:])
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			r = pair
			p.at += 6
		}
	}
	b.WriteRune(r)
	return nil
}

// hex4 reads u with four hex digits.
func hex4(data []byte) (rune, bool) {
	if len(data) < 5 {
		return 0, false
	}
	u, err := strconv.ParseUint(string(data[1:5]), 16, 16)
	return rune(u), err == nil
}

// separator reports whether the parser stands at a line that ends a document:
// one of three hyphens, with no comment of its kind right before it or next
// after it.
func (p *propertiesParser) separator() bool {
	this := p.rest(p.at)
	if s := strings.TrimRight(this, " \t\f\r"); s != "#---" && s != "!---" {
		return false
	}
	next := strings.TrimLeft(string(p.data[p.at+len(this):]), " \t\f\r\n")
	before := ""
	if line, _ := p.file.Place(p.at); line > 1 {
		before = p.rest(p.starts[line-2])
	}
	return !strings.HasPrefix(before, this[:1]) && !strings.HasPrefix(next, this[:1])
}

// rest is what follows at in its line.
func (p *propertiesParser) rest(at int) string {
	data := p.data[at:]
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		data = data[:i]
	}
	return string(data)
}

func (p *propertiesParser) skipLine() {
	for p.at < len(p.data) && !p.newline() {
		p.at++
	}
}

func (p *propertiesParser) blanks() {
	for p.at < len(p.data) && strings.IndexByte(" \t\f", p.data[p.at]) >= 0 {
		p.at++
	}
}

// continued passes over a backslash that is all there is of a line: with nothing
// before it, what follows is a line of its own.
func (p *propertiesParser) continued() bool {
	if p.data[p.at] != '\\' || p.at+1 == len(p.data) || !strings.ContainsRune("\r\n", rune(p.data[p.at+1])) {
		return false
	}
	p.at++
	return p.newline()
}

func (p *propertiesParser) atNewline() bool { return p.data[p.at] == '\n' || p.data[p.at] == '\r' }

// newline passes over the end of a line, if the parser stands at one.
func (p *propertiesParser) newline() bool {
	if p.at == len(p.data) || !p.atNewline() {
		return false
	}
	if bytes.HasPrefix(p.data[p.at:], []byte("\r\n")) {
		p.at++
	}
	p.at++
	return true
}
