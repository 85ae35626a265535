package hcl

import (
	"bytes"
	"encoding/json"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/evenkeel/evenkeel/internal/audit/source/yaml"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// heredoc reads a text of several lines that holds JSON, nil if it holds none.
// Interpolations are filled with digits of the same length, so that every value
// keeps its place, and put back afterwards.
func (b *builder) heredoc(e *hclsyntax.TemplateExpr) *tree.Node {
	if e.SrcRange.Start.Line == e.SrcRange.End.Line || len(e.Parts) == 0 {
		return nil
	}
	from, to := e.Parts[0].Range().Start.Byte, e.Parts[len(e.Parts)-1].Range().End.Byte
	if from >= to || to > len(b.file.Data) {
		return nil
	}
	content := bytes.Clone(b.file.Data[from:to])
	var holes []hole
	for _, part := range e.Parts {
		if _, ok := part.(*hclsyntax.LiteralValueExpr); ok {
			continue
		}
		start, end, ok := b.interpolation(part.Range())
		if !ok || start < from || end > to+1 || len(holes) > 0 && start < holes[len(holes)-1].end {
			return nil
		}
		end = min(end, to)
		if len(holes) == maxHoles {
			return nil
		}
		holes = append(holes, hole{start, end, b.module.value(part)})
		for i := start; i < end; i++ {
			content[i-from] = '1'
		}
	}
	if s := bytes.TrimSpace(content); len(s) == 0 || s[0] != '[' && s[0] != '{' || !json.Valid(content) {
		return nil
	}
	sub := &tree.File{Name: b.file.Name, Format: tree.JSON, Data: content}
	if err := yaml.ParseJSON(sub); err != nil || len(sub.Docs) != 1 {
		return nil
	}
	n := sub.Docs[0].Root
	b.settle(n, from, holes)
	return n
}

// interpolation is where ${ and } around an expression begin and end; ok is
// false for what is no interpolation, as %{ if … } is not.
func (b *builder) interpolation(r hcl.Range) (start, end int, ok bool) {
	before, after := b.file.Data[:r.Start.Byte], b.file.Data[r.End.Byte:]
	start = bytes.LastIndex(before, []byte("${"))
	length := bytes.IndexByte(after, '}')
	if start < 0 || length < 0 {
		return 0, 0, false
	}
	blank := func(text []byte) bool { return len(bytes.Trim(text, " \t\r\n~")) == 0 }
	return start, r.End.Byte + length + 1, blank(before[start+2:]) && blank(after[:length])
}

// maxHoles bounds the interpolations of one text.
const maxHoles = 500

// hole is an interpolation: its bytes in the file and its value.
type hole struct {
	start, end int
	value      cty.Value
}

// settle moves nodes that were read from a part of the file to their place.
func (b *builder) settle(n *tree.Node, from int, holes []hole) {
	*b.nodes++
	n.Doc, n.Start, n.End, n.KeyStart = b.doc, n.Start+from, n.End+from, n.KeyStart+from
	n.Line, n.Column = b.ruler.Place(n.Start)
	if n.KeyLine > 0 {
		n.KeyLine, n.KeyColumn = b.ruler.Place(n.KeyStart)
	}
	if n.Kind == tree.Scalar {
		b.fill(n, holes)
	}
	n.Unknown = n.Unknown || b.undecided
	for _, c := range n.Items {
		b.settle(c, from, holes)
	}
}

// fill gives a scalar its interpolations back.
func (b *builder) fill(n *tree.Node, holes []hole) {
	start, end, raw := n.Start, n.End, b.file.Data
	if n.Quoted {
		start, end = start+1, end-1
	}
	var value []byte
	filled := false
	for _, h := range holes {
		if h.start < start || h.end > end {
			continue
		}
		filled = true
		text, err := convert.Convert(h.value, cty.String)
		if err != nil || !text.IsKnown() || text.IsNull() {
			n.Unknown, n.Value, n.End = true, string(raw[start:end]), 0
			return
		}
		value = append(append(value, raw[start:h.start]...), text.AsString()...)
		start = h.end
	}
	if filled {
		n.Value, n.End = string(append(value, raw[start:end]...)), 0
	}
}
