package source

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree prints the nodes below n, one a line: place, path, value.
func tree(n *Node) (lines []string) {
	for _, c := range n.Items {
		value := c.Value
		switch {
		case c.Kind == Map || c.Kind == List:
			value = ""
		case c.Kind == Null:
			value = "null"
		case c.Quoted:
			value = fmt.Sprintf("%q", c.Value)
		}
		if c.Unknown {
			value += " ?"
		}
		if c.Kind == Scalar && c.end > 0 {
			value += " <" + string(c.Doc.File.Data[c.start:c.end]) + ">"
		}
		lines = append(lines, strings.TrimRight(fmt.Sprintf("%d:%d %s %s", c.Line, c.Column, c.Path(), value), " "))
		lines = append(lines, tree(c)...)
	}
	return lines
}

func parsed(t *testing.T, format Format, text string) *File {
	t.Helper()
	f, notes := Parse("x", format, []byte(text))
	if len(notes) > 0 {
		t.Fatal(notes)
	}
	return f
}

func TestYAMLKeepsPlacesAndBytes(t *testing.T) {
	f := parsed(t, YAML, `# first
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
	if d := cmp.Diff(want, tree(f.Docs[0].Root)); d != "" {
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
	f := parsed(t, YAML, "{\n\t\"a\": [1, \"zwei\", null],\n\t\"ö\": {\"b\": true}\n}")
	want := strings.Split(`2:7 a
2:8 a[0] 1 <1>
2:11 a[1] "zwei" <"zwei">
2:19 a[2] null
3:7 ö
3:13 ö.b true <true>`, "\n")
	if d := cmp.Diff(want, tree(f.Docs[0].Root)); d != "" {
		t.Error(d)
	}
	if f.Format != JSON {
		t.Errorf("taken for %v", f.Format)
	}
}

func TestNilNodesMayBeAsked(t *testing.T) {
	var n *Node
	if n.Get("a", "b") != nil || n.List() != nil || n.Fields() != nil || n.Blocks("x") != nil || n.Text() != "" || n.Exists() || n.Pos() != (Pos{}) || n.Path() != "" {
		t.Error("a nil node is something")
	}
}

func TestWhatCannotBeReadIsANote(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 9), ","))
	}
	for name, c := range map[string]struct{ text, want string }{
		"syntax":    {"a: 1\nb: [", "x:2: not valid YAML"},
		"duplicate": {"a: 1\nb: 2\na: 3\n", `x:3: duplicate key "a"`},
		"bomb":      {bomb, "too much repeated"},
		"deep":      {strings.Repeat("[", 1000) + strings.Repeat("]", 1000), "nested too deep"},
		"binary":    {"a: \x00", "not text in UTF-8"},
		"latin1":    {"a: \xe4", "not text in UTF-8"},
		"long":      {"a: 1\nb: " + strings.Repeat("x", MaxLineBytes+10), "x:2: a line of more than 1 MiB"},
		"template":  {"a: 1\n{{ if .Values.x }}\nb: 2\n{{ end }}\n", "x:2: a template"},
		"json":      {"{\"a\": 1,\n\"a\": 2}", `x:2: duplicate key "a"`},
	} {
		f, notes := Parse("x", YAML, []byte(c.text))
		if f != nil || len(notes) != 1 || !notes[0].Failed {
			t.Errorf("%s: file %v, notes %v", name, f, notes)
			continue
		}
		if got := fmt.Sprintf("%s:%d: %s", notes[0].File, notes[0].Line, notes[0].Message); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	f, notes := Parse("x", YAML, []byte("a: 1\n---\nb: [\n"))
	if f == nil || len(f.Docs) != 1 || len(notes) != 1 || notes[0].Failed {
		t.Errorf("the documents before an error are lost: %v, %v", f, notes)
	}
}
