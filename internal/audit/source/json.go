package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// parseJSON reads the values of f, one after the other.
func parseJSON(f *File) error {
	p := &jsonParser{file: f, dec: json.NewDecoder(bytes.NewReader(f.Data)), ruler: &ruler{data: f.Data, starts: f.lines()}}
	p.dec.UseNumber()
	for len(f.Docs) < maxDocs {
		p.doc = &Doc{File: f}
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
	return fmt.Errorf("more than %d values in one file", maxDocs)
}

type jsonParser struct {
	file  *File
	doc   *Doc
	dec   *json.Decoder
	ruler *ruler
	nodes int
}

// value reads the next value; io.EOF if there is none.
func (p *jsonParser) value(depth int) (*Node, error) {
	start := p.next()
	token, err := p.dec.Token()
	if err != nil {
		return nil, p.wrap(err, depth)
	}
	if p.nodes++; p.nodes > maxNodes || depth > maxDepth {
		return nil, &lineError{p.line(start), errBomb}
	}
	n := &Node{Doc: p.doc, start: start, entry: start}
	n.Line, n.Column = p.place(start)
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			n.Kind = Map
			err = p.object(n, depth)
		} else {
			n.Kind = List
			err = p.array(n, depth)
		}
	case nil:
	case string:
		n.Kind, n.Value, n.Quoted = Scalar, t, true
	case json.Number:
		n.Kind, n.Value = Scalar, t.String()
	case bool:
		n.Kind, n.Value = Scalar, fmt.Sprint(t)
	}
	n.end = int(p.dec.InputOffset())
	return n, err
}

func (p *jsonParser) object(n *Node, depth int) error {
	seen := map[string]bool{}
	for p.dec.More() {
		at := p.next()
		token, err := p.dec.Token()
		if err != nil {
			return p.wrap(err, 1)
		}
		key, ok := token.(string)
		if !ok {
			return &lineError{p.line(at), errors.New("not valid JSON: a name must be a string")}
		}
		if n.repeats(key, seen) {
			return &lineError{p.line(at), fmt.Errorf("duplicate key %.80q", key)}
		}
		c, err := p.value(depth + 1)
		if err != nil {
			return p.wrap(err, 1)
		}
		c.Key, c.entry = key, at
		c.KeyLine, c.KeyColumn = p.place(at)
		n.add(c)
	}
	_, err := p.dec.Token()
	return p.wrap(err, 1)
}

func (p *jsonParser) array(n *Node, depth int) error {
	for p.dec.More() {
		c, err := p.value(depth + 1)
		if err != nil {
			return p.wrap(err, 1)
		}
		n.add(c)
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
	var at *lineError
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
	return &lineError{p.line(offset), fmt.Errorf("not valid JSON: %w", err)}
}

func (p *jsonParser) line(offset int) int {
	line, _ := p.place(offset)
	return line
}

// place is line and column, in characters, of a byte.
func (p *jsonParser) place(offset int) (line, column int) {
	return p.ruler.place(offset)
}

// place is line and column, in characters, of a byte of data whose lines begin
// at starts.
func place(starts []int, data []byte, offset int) (line, column int) {
	lo, hi := 0, len(starts)
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; starts[mid] <= offset {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo + 1, 1 + utf8.RuneCount(data[min(starts[lo], len(data)):min(offset, len(data))])
}
