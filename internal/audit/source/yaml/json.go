package yaml

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// ParseJSON reads the values of f, one after the other.
func ParseJSON(f *tree.File) error {
	p := &jsonParser{file: f, dec: json.NewDecoder(bytes.NewReader(f.Data)), ruler: tree.NewRuler(f)}
	p.dec.UseNumber()
	for len(f.Docs) < tree.MaxDocs {
		p.doc = &tree.Doc{File: f}
		root, err := p.value(0)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		p.doc.Root = root
		f.Docs = append(f.Docs, p.doc)
	}
	return fmt.Errorf("more than %d values in one file", tree.MaxDocs)
}

type jsonParser struct {
	file  *tree.File
	doc   *tree.Doc
	dec   *json.Decoder
	ruler *tree.Ruler
	nodes int
}

// value reads the next value; io.EOF if there is none.
func (p *jsonParser) value(depth int) (*tree.Node, error) {
	start := p.next()
	token, err := p.dec.Token()
	if err != nil {
		return nil, p.wrap(err, depth)
	}
	if p.nodes++; p.nodes > tree.MaxNodes || depth > tree.MaxDepth {
		return nil, tree.ErrorAt(p.line(start), tree.ErrBounds)
	}
	n := &tree.Node{Doc: p.doc, Start: start, KeyStart: start}
	n.Line, n.Column = p.ruler.Place(start)
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			n.Kind = tree.Map
			err = p.object(n, depth)
		} else {
			n.Kind = tree.List
			err = p.array(n, depth)
		}
	case nil:
	case string:
		n.Kind, n.Value, n.Quoted = tree.Scalar, t, true
	case json.Number:
		n.Kind, n.Value = tree.Scalar, t.String()
	case bool:
		n.Kind, n.Value = tree.Scalar, fmt.Sprint(t)
	}
	n.End = int(p.dec.InputOffset())
	return n, err
}

func (p *jsonParser) object(n *tree.Node, depth int) error {
	seen := map[string]bool{}
	for p.dec.More() {
		at := p.next()
		token, err := p.dec.Token()
		if err != nil {
			return p.wrap(err, 1)
		}
		key, ok := token.(string)
		if !ok {
			return tree.ErrorAt(p.line(at), errors.New("not valid JSON: a name must be a string"))
		}
		if n.Repeats(key, seen) {
			return tree.ErrorAt(p.line(at), fmt.Errorf("duplicate key %.80q", key))
		}
		c, err := p.value(depth + 1)
		if err != nil {
			return p.wrap(err, 1)
		}
		c.Key, c.KeyStart = key, at
		c.KeyLine, c.KeyColumn = p.ruler.Place(at)
		n.Add(c)
	}
	_, err := p.dec.Token()
	return p.wrap(err, 1)
}

func (p *jsonParser) array(n *tree.Node, depth int) error {
	for p.dec.More() {
		c, err := p.value(depth + 1)
		if err != nil {
			return p.wrap(err, 1)
		}
		n.Add(c)
	}
	_, err := p.dec.Token()
	return p.wrap(err, 1)
}

// next is where the next token begins.
func (p *jsonParser) next() int {
	at := int(p.dec.InputOffset())
	for at < len(p.file.Data) && bytes.IndexByte([]byte(" \t\r\n,:"), p.file.Data[at]) >= 0 {
		at++
	}
	return at
}

// wrap gives an error its line; the end of the file is an error within a value.
func (p *jsonParser) wrap(err error, depth int) error {
	var at *tree.LineError
	switch {
	case err == nil, errors.As(err, &at):
		return err
	case errors.Is(err, io.EOF) && depth == 0:
		return io.EOF
	case errors.Is(err, io.EOF):
		err = errors.New("the file ends within a value")
	}
	offset := int(p.dec.InputOffset())
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = int(syntax.Offset)
	}
	return tree.ErrorAt(p.line(offset), fmt.Errorf("not valid JSON: %w", err))
}

func (p *jsonParser) line(offset int) int {
	line, _ := p.ruler.Place(offset)
	return line
}
