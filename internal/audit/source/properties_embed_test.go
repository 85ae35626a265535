package source

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
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
	f, notes := Parse("cm.yaml", YAML, []byte(configMap))
	if len(notes) > 0 {
		t.Fatal(notes)
	}
	var got []string
	for _, field := range f.Docs[0].Root.Get("data").Fields() {
		for _, root := range Embedded(field) {
			for _, c := range root.Items {
				for c.Kind == Map {
					c = c.Items[0]
				}
				got = append(got, fmt.Sprintf("%s %s=%s", c.Pos(), c.Path(), c.Value))
				if Set(c, "x") != nil || Insert(root, Entry{Key: "k", Value: "v"}) != nil || Remove(c) != nil {
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
