// Package yaml reads YAML and JSON into trees.
//
//	f := &tree.File{Name: "deploy.yaml", Format: tree.YAML, Data: data}
//	err := yaml.Parse(f)
//
// Guarantees: every value has its line and column, and its bytes if it is one
// piece of text; what an alias or a merge repeats is there as often as it is
// used; a name that stands twice in a map is an error; size and depth are
// bounded, aliases followed.
//
// Not guaranteed: that the data are text in UTF-8, which package source checks.
package yaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Parse reads the documents of f. What was read before an error stays.
func Parse(f *tree.File) error {
	if err := bounded(f.Data); err != nil {
		return err
	}
	dec := yaml.NewDecoder(bytes.NewReader(f.Data))
	b := &builder{file: f, ruler: tree.NewRuler(f)}
	for len(f.Docs) < tree.MaxDocs {
		var y yaml.Node
		if err := dec.Decode(&y); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return syntaxError(err)
		}
		d := &tree.Doc{File: f}
		b.doc = d
		root, err := b.node(y.Content[0], 0)
		if err != nil {
			return err
		}
		if d.Root = root; root.Kind != tree.Null {
			f.Docs = append(f.Docs, d)
		}
	}
	return fmt.Errorf("more than %d documents in one file", tree.MaxDocs)
}

// maxYAMLMarks bounds what makes values in one document: the decoder makes its
// whole tree, of some 200 bytes a value, before anything can be counted.
const maxMarks = 300_000

func bounded(data []byte) error {
	marks := 0
	for line := range bytes.Lines(data) {
		if bytes.IndexByte(bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), '\r') >= 0 {
			return errors.New("lines that end with CR alone")
		}
		if bytes.HasPrefix(line, []byte("---")) {
			marks = 0
		}
		for i, c := range line {
			switch {
			case c == ',', c == '[', c == '{', (c == '-' || c == '?') && line[min(i+1, len(line)-1)] <= ' ':
				marks++
			case c == ':' && line[min(i+1, len(line)-1)] <= ' ':
				marks += 2
			}
		}
		if marks > maxMarks {
			return fmt.Errorf("too many values in one document: more than about %d", maxMarks)
		}
	}
	return nil
}

// builder makes nodes of YAML's.
type builder struct {
	file  *tree.File
	doc   *tree.Doc
	ruler *tree.Ruler
	nodes int
}

func (b *builder) node(y *yaml.Node, depth int) (*tree.Node, error) {
	if b.nodes++; b.nodes > tree.MaxNodes || depth > tree.MaxDepth {
		return nil, tree.ErrorAt(y.Line, tree.ErrBounds)
	}
	n := &tree.Node{Doc: b.doc, Line: b.line(y), Column: y.Column}
	if tag := y.ShortTag(); strings.HasPrefix(tag, "!") && !strings.HasPrefix(tag, "!!") {
		n.Tag = tag
	}
	n.Start = b.offset(y.Line, y.Column)
	n.KeyStart = n.Start
	switch y.Kind {
	case yaml.AliasNode:
		return b.alias(y, n, depth)
	case yaml.ScalarNode:
		b.scalar(y, n)
		return n, nil
	case yaml.SequenceNode:
		n.Kind = tree.List
		return n, b.list(y, n, depth)
	default:
		n.Kind = tree.Map
		return n, b.mapping(y, n, depth)
	}
}

// alias gives the value of the anchor the place of the alias; it is not one
// piece of text, so nothing is spliced there.
func (b *builder) alias(y *yaml.Node, n *tree.Node, depth int) (*tree.Node, error) {
	c, err := b.node(y.Alias, depth+1)
	if err != nil {
		return nil, err
	}
	c.Line, c.Column, c.Start, c.End, c.KeyStart = n.Line, n.Column, n.Start, 0, n.Start
	return c, nil
}

func (b *builder) scalar(y *yaml.Node, n *tree.Node) {
	n.Kind, n.Value = tree.Scalar, y.Value
	if y.ShortTag() == "!!null" {
		n.Kind = tree.Null
	}
	n.Quoted = y.ShortTag() == "!!str"
	n.Unknown = strings.Contains(y.Value, "{{") || strings.HasPrefix(y.ShortTag(), "!") && !strings.HasPrefix(y.ShortTag(), "!!")
	n.End = b.scalarEnd(y, n.Start)
}

// scalarEnd finds where a scalar of one line ends; 0 if it has several.
func (b *builder) scalarEnd(y *yaml.Node, start int) int {
	rest := b.file.Data[min(start, len(b.file.Data)):]
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	rest = bytes.TrimRight(rest, "\r")
	if y.Anchor != "" || y.Style&yaml.TaggedStyle != 0 {
		return 0
	}
	switch {
	case y.Style&yaml.DoubleQuotedStyle != 0:
		return QuotedEnd(rest, start, '"')
	case y.Style&yaml.SingleQuotedStyle != 0:
		return QuotedEnd(rest, start, '\'')
	case bytes.HasPrefix(rest, []byte(y.Value)) && y.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0:
		return start + len(y.Value)
	}
	return 0
}

func (b *builder) list(y *yaml.Node, n *tree.Node, depth int) error {
	n.Items = make([]*tree.Node, 0, len(y.Content))
	for _, item := range y.Content {
		c, err := b.node(item, depth+1)
		if err != nil {
			return err
		}
		n.Add(c)
	}
	return nil
}

func (b *builder) mapping(y *yaml.Node, n *tree.Node, depth int) error {
	n.Items = make([]*tree.Node, 0, len(y.Content)/2)
	var merged []*yaml.Node
	seen := map[string]bool{}
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, value := y.Content[i], y.Content[i+1]
		if key.ShortTag() == "!!merge" {
			merged = append(merged, value)
			continue
		}
		if key.Kind != yaml.ScalarNode {
			return tree.ErrorAt(key.Line, errors.New("not valid YAML here: a name must be text"))
		}
		if n.Repeats(key.Value, seen) {
			return tree.ErrorAt(key.Line, fmt.Errorf("duplicate key %.80q", key.Value))
		}
		c, err := b.node(value, depth+1)
		if err != nil {
			return err
		}
		c.Key, c.KeyLine, c.KeyColumn = key.Value, b.line(key), key.Column
		c.KeyStart = b.offset(key.Line, key.Column)
		n.Add(c)
	}
	for _, m := range merged {
		if err := b.merge(m, n, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// merge adds the keys of a merged mapping that n has not.
func (b *builder) merge(y *yaml.Node, n *tree.Node, depth int) error {
	if y.Kind == yaml.SequenceNode {
		for _, item := range y.Content {
			if err := b.merge(item, n, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	c, err := b.node(y, depth+1)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, item := range c.Fields() {
		if !n.Repeats(item.Key, seen) {
			item.Line, item.Column, item.KeyLine, item.KeyColumn, item.End = b.line(y), y.Column, b.line(y), y.Column, 0
			n.Add(item)
		}
	}
	return nil
}

// line is that of y. An empty value may stand behind the last line, and YAML
// knows ends of lines that other languages do not, such as U+2028.
func (b *builder) line(y *yaml.Node) int { return min(y.Line, len(b.file.Starts())) }

// offset is the byte where line and column begin; yaml counts characters.
func (b *builder) offset(line, column int) int { return b.ruler.Offset(line, column) }

// yamlError takes the line out of yaml's message: "yaml: line N: ...".
func syntaxError(err error) error {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	var line int
	if n, _ := fmt.Sscanf(msg, "line %d:", &line); n == 1 {
		_, msg, _ = strings.Cut(msg, ": ")
	}
	return tree.ErrorAt(line, errors.New("not valid YAML: "+msg))
}
