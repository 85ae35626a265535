package yaml_test

import (
	"fmt"

	"github.com/evenkeel/evenkeel/internal/audit/source/yaml"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

func ExampleParse() {
	f := &tree.File{Name: "x.yaml", Format: tree.YAML, Data: []byte("a: &a {b: 1}\nc: *a\n")}
	err := yaml.Parse(f)
	b := f.Docs[0].Root.Get("c", "b")
	fmt.Println(b.Path(), b.Text(), b.Pos(), err)
	// Output: c.b 1 x.yaml:1:11 <nil>
}

func ExampleParseJSON() {
	f := &tree.File{Name: "x.json", Format: tree.JSON, Data: []byte("{\"a\": [true]}")}
	err := yaml.ParseJSON(f)
	a := f.Docs[0].Root.Get("a").List()[0]
	fmt.Println(a.Path(), a.Text(), a.Pos(), err)
	// Output: a[0] true x.json:1:8 <nil>
}
