package source_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

const configMap = `kind: ConfigMap
data:
  application.yml: |
    server:
      shutdown: immediate

    é: {a: "b"}
    ---
    x: 1
  application.properties: |-
    # c
    server.shutdown = graceful
  bootstrap.yml: "a: 1\nb: 2"
  other.txt: |
    a: 1
`

func TestEmbedded(t *testing.T) {
	f, notes := source.Parse("cm.yaml", tree.YAML, []byte(configMap))
	if len(notes) > 0 {
		t.Fatal(notes)
	}
	var got []string
	for _, field := range f.Docs[0].Root.Get("data").Fields() {
		for _, root := range source.Embedded(field) {
			for _, c := range root.Items {
				for c.Kind == tree.Map {
					c = c.Items[0]
				}
				got = append(got, fmt.Sprintf("%s %s=%s", c.Pos(), c.Path(), c.Value))
				if edit.Set(c, "x") != nil || edit.Insert(root, edit.Entry{Key: "k", Value: "v"}) != nil || edit.Remove(c) != nil {
					t.Errorf("%s can be edited", c.Path())
				}
			}
		}
	}
	want := []string{
		"cm.yaml:5:17 data.application.yml.server.shutdown=immediate",
		`cm.yaml:7:12 data.application.yml.é.a=b`,
		"cm.yaml:9:8 data.application.yml.x=1",
		"cm.yaml:12:23 data.application.properties.server.shutdown=graceful",
		"cm.yaml:13:18 data.bootstrap.yml.a=1",
		"cm.yaml:13:18 data.bootstrap.yml.b=2",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func FuzzEmbedded(f *testing.F) {
	f.Add(configMap)
	f.Add("data:\n  application.yml: |2\n     a: 1\n  application.properties: >\n    a\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, _ := source.Parse("x.yaml", tree.YAML, []byte(text))
		if got == nil {
			return
		}
		for _, d := range got.Docs {
			for _, field := range d.Root.Get("data").Fields() {
				for _, root := range source.Embedded(field) {
					embedded(t, got, root)
				}
			}
		}
	})
}

func embedded(t *testing.T, f *tree.File, n *tree.Node) {
	if n.Doc.File != f || n.Line < 1 || n.Line > len(f.Starts()) || n.Column < 1 {
		t.Fatalf("%s: at %d:%d of %d lines", n.Path(), n.Line, n.Column, len(f.Starts()))
	}
	for _, c := range n.Items {
		embedded(t, f, c)
	}
}
