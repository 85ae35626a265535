package yaml_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/audit/source/sourcetest"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// dump prints the nodes below n, one a line: place, path, value.
func dump(n *tree.Node) (lines []string) {
	for _, c := range n.Items {
		value := c.Value
		switch {
		case c.Kind == tree.Map || c.Kind == tree.List:
			value = ""
		case c.Kind == tree.Null:
			value = "null"
		case c.Quoted:
			value = fmt.Sprintf("%q", c.Value)
		}
		if c.Unknown {
			value += " ?"
		}
		if c.Kind == tree.Scalar && c.End > 0 {
			value += " <" + string(c.Doc.File.Data[c.Start:c.End]) + ">"
		}
		lines = append(lines, strings.TrimRight(fmt.Sprintf("%d:%d %s %s", c.Line, c.Column, c.Path(), value), " "))
		lines = append(lines, dump(c)...)
	}
	return lines
}

func TestYAMLKeepsPlacesAndBytes(t *testing.T) {
	f := sourcetest.Parsed(t, tree.YAML, `# first
spec: &spec
  replicas: 3 # three
  "name": 'it''s'
  wörter: "ä\"b"
  text: |
    a
    b
  none:
  tmpl: "{{ .Values.x }}"
list: [1, {a: true}]
again: *spec
merged:
  <<: *spec
  replicas: 4
---
---
second: !custom 1
`)
	want := strings.Split(`2:7 spec
3:13 spec.replicas 3 <3>
4:11 spec.name "it's" <'it''s'>
5:11 spec.wörter "ä\"b" <"ä\"b">
6:9 spec.text "a\nb\n"
9:8 spec.none null
10:9 spec.tmpl "{{ .Values.x }}" ? <"{{ .Values.x }}">
11:7 list
11:8 list[0] 1 <1>
11:11 list[1]
11:15 list[1].a true <true>
12:8 again
3:13 again.replicas 3 <3>
4:11 again.name "it's" <'it''s'>
5:11 again.wörter "ä\"b" <"ä\"b">
6:9 again.text "a\nb\n"
9:8 again.none null
10:9 again.tmpl "{{ .Values.x }}" ? <"{{ .Values.x }}">
14:3 merged
15:13 merged.replicas 4 <4>
14:7 merged.name "it's"
14:7 merged.wörter "ä\"b"
14:7 merged.text "a\nb\n"
14:7 merged.none null
14:7 merged.tmpl "{{ .Values.x }}" ?`, "\n")
	if d := cmp.Diff(want, dump(f.Docs[0].Root)); d != "" {
		t.Error(d)
	}
	if len(f.Docs) != 2 || !f.Docs[1].Root.Get("second").Unknown {
		t.Errorf("%d documents", len(f.Docs))
	}
	if got := f.Docs[0].Root.Get("spec", "replicas").Pos().String(); got != "x:3:13" {
		t.Errorf("at %s", got)
	}
}

func TestJSONKeepsPlacesAndBytes(t *testing.T) {
	f := sourcetest.Parsed(t, tree.YAML, "{\n\t\"a\": [1, \"zwei\", null],\n\t\"ö\": {\"b\": true}\n}")
	want := strings.Split(`2:7 a
2:8 a[0] 1 <1>
2:11 a[1] "zwei" <"zwei">
2:19 a[2] null
3:7 ö
3:13 ö.b true <true>`, "\n")
	if d := cmp.Diff(want, dump(f.Docs[0].Root)); d != "" {
		t.Error(d)
	}
	if f.Format != tree.JSON {
		t.Errorf("taken for %v", f.Format)
	}
}
