package edit_test

import (
	"fmt"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

func ExampleSet() {
	f, _ := source.Parse("deploy.yaml", tree.YAML, []byte("spec:\n  replicas: 1 # for now\n"))
	out, err := edit.Apply(f, edit.Set(f.Docs[0].Root.Get("spec", "replicas"), "2"))
	fmt.Print(string(out), err)
	// Output:
	// spec:
	//   replicas: 2 # for now
	// <nil>
}

func ExampleInsert() {
	f, _ := source.Parse("deploy.yaml", tree.YAML, []byte("containers:\n- name: shop\n"))
	hook := edit.Entry{Key: "lifecycle", OneLine: true, Children: []edit.Entry{
		{Key: "preStop", Children: []edit.Entry{{Key: "sleep", Children: []edit.Entry{{Key: "seconds", Value: "5"}}}}},
	}}
	out, err := edit.Apply(f, edit.Insert(f.Docs[0].Root.Get("containers").List()[0], hook))
	fmt.Print(string(out), err)
	// Output:
	// containers:
	// - name: shop
	//   lifecycle: {preStop: {sleep: {seconds: 5}}}
	// <nil>
}

func ExampleReplace() {
	f, _ := source.Parse("deploy.yaml", tree.YAML, []byte("preStop:\n  exec:\n    command: [sleep, \"5\"]\n"))
	sleep := edit.Entry{Key: "sleep", OneLine: true, Children: []edit.Entry{{Key: "seconds", Value: "5"}}}
	out, err := edit.Apply(f, edit.Replace(f.Docs[0].Root.Get("preStop", "exec"), sleep))
	fmt.Print(string(out), err)
	// Output:
	// preStop:
	//   sleep: {seconds: 5}
	// <nil>
}

func ExampleRemove() {
	f, _ := source.Parse("application.properties", tree.Properties, []byte("a=1\nb=2\n"))
	out, err := edit.Apply(f, edit.Remove(f.Docs[0].Root.Get("a")))
	fmt.Print(string(out), err)
	// Output:
	// b=2
	// <nil>
}
