// Package dockerfile reads Dockerfiles into trees.
//
//	err := dockerfile.Parse(f) // f.Docs[0].Root.Blocks("FROM") are the stages
//
// Guarantees: instructions over several lines, here-documents and the escape
// directive are read as the reference says; variables without a value make a
// value unknown.
//
// Not guaranteed: that the file can be built.
package dockerfile

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Parse reads a Dockerfile: a map of FROM for each stage, with image,
// as and the stage's instructions. ENTRYPOINT, CMD and SHELL are lists in exec
// form, all else is text. Variables are put into FROM and STOPSIGNAL, with the
// defaults of ARG and ENV; what has none is unknown
// (Dockerfile reference, docs.docker.com/reference/dockerfile).
func Parse(f *tree.File) error {
	d := &parser{file: f, data: f.Data, starts: f.Starts(), escape: '\\', doc: &tree.Doc{File: f}, global: map[string]string{}}
	d.doc.Root = d.node(0)
	d.doc.Root.Kind, d.doc.Root.End = tree.Map, len(f.Data)
	d.directives()
	for d.line < len(d.starts) {
		if i, ok := d.instruction(); ok {
			if d.nodes > tree.MaxNodes {
				return errors.New("too many instructions")
			}
			d.add(i)
		}
	}
	if d.stage != nil { // else it is no Dockerfile, whatever its name is
		f.Docs = append(f.Docs, d.doc)
	}
	return nil
}

type parser struct {
	file   *tree.File
	doc    *tree.Doc
	data   []byte
	starts []int
	line   int // the next to read, from 0
	escape byte
	nodes  int

	stage  *tree.Node
	global map[string]string // ARG before the first FROM
	local  map[string]string // ARG and ENV of the stage
}

func (d *parser) node(at int) *tree.Node {
	d.nodes++
	n := &tree.Node{Doc: d.doc, Start: at, KeyStart: at}
	n.Line, n.Column = d.file.Place(at)
	return n
}

// physical is line i without its end.
func (d *parser) physical(i int) string {
	end := len(d.data)
	if i+1 < len(d.starts) {
		end = d.starts[i+1]
	}
	return strings.TrimRight(string(d.data[d.starts[i]:end]), "\r\n")
}

var directive = regexp.MustCompile(`^#\s*([A-Za-z]+)\s*=\s*(\S+)\s*$`)

// directives reads the comments at the top that mean something: escape.
func (d *parser) directives() {
	for i := 0; i < len(d.starts); i++ {
		m := directive.FindStringSubmatch(strings.TrimSpace(d.physical(i)))
		if m == nil {
			return
		}
		if strings.EqualFold(m[1], "escape") && m[2] == "`" {
			d.escape = '`'
		}
	}
}

// logical is an instruction in one line, and where its pieces stand.
type logical struct {
	text   string
	pieces []piece
}

type piece struct{ text, file, length int } // first byte in the text, in the file, and how many

// at is the byte of the file for one of the text.
func (l *logical) at(offset int) int {
	for _, p := range slices.Backward(l.pieces) {
		if offset >= p.text {
			return p.file + min(offset-p.text, p.length)
		}
	}
	return 0
}

// together reports whether [start, end) of the text is one piece of the file.
func (l *logical) together(start, end int) bool { return l.at(end)-l.at(start) == end-start }

// instruction joins the next instruction's lines, without the comments and
// empty lines among them, and passes over its here-documents.
func (d *parser) instruction() (*logical, bool) {
	l := &logical{}
	var b strings.Builder
	for more := true; more && d.line < len(d.starts); {
		text, start := d.physical(d.line), d.starts[d.line]
		d.line++
		if t := strings.TrimSpace(text); t == "" || t[0] == '#' {
			if b.Len() == 0 {
				return nil, false
			}
			continue
		}
		trimmed := strings.TrimRight(text, " \t")
		if more = trimmed[len(trimmed)-1] == d.escape; more {
			text = trimmed[:len(trimmed)-1]
		} else {
			text = trimmed
		}
		l.pieces = append(l.pieces, piece{b.Len(), start, len(text)})
		b.WriteString(text)
	}
	l.text = b.String()
	d.heredocs(l.text)
	return l, true
}

var heredoc = regexp.MustCompile(`<<(-?)(["']?)([A-Za-z_][\w.-]*)["']?`)

func (d *parser) heredocs(text string) {
	word, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	if w := strings.ToUpper(word); w != "RUN" && w != "COPY" && w != "ADD" {
		return
	}
	for _, m := range heredoc.FindAllStringSubmatch(text, -1) {
		for d.line < len(d.starts) {
			line := d.physical(d.line)
			d.line++
			if m[1] == "-" {
				line = strings.TrimLeft(line, "\t")
			}
			if line == m[3] {
				break
			}
		}
	}
}
