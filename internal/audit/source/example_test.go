package source_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

func ExampleRead() {
	in := strings.NewReader("spec:\n  terminationGracePeriodSeconds: 30\n")
	files, notes, err := source.Read(context.Background(), []string{"-"}, in)
	if err != nil || len(notes) > 0 {
		fmt.Println(notes, err)
		return
	}
	grace := files[0].Docs[0].Root.Get("spec", "terminationGracePeriodSeconds")
	fmt.Println(grace.Pos(), grace.Text())
	// Output: -:2:34 30
}

func ExampleParse() {
	_, notes := source.Parse("deploy.yaml", tree.YAML, []byte("a: 1\na: 2\n"))
	fmt.Printf("%s:%d: %s\n", notes[0].File, notes[0].Line, notes[0].Message)
	// Output: deploy.yaml:2: duplicate key "a"
}

func ExampleFormatOf() {
	for _, name := range []string{"main.tf", "shop.service", "notes.txt"} {
		if format, ok := source.FormatOf(name); ok {
			fmt.Println(name, format)
		}
	}
	// Output:
	// main.tf HCL
	// shop.service unit
}

func ExampleEmbedded() {
	f, _ := source.Parse("map.yaml", tree.YAML, []byte("data:\n  application.properties: |\n    server.shutdown=graceful\n"))
	for _, root := range source.Embedded(f.Docs[0].Root.Get("data", "application.properties")) {
		value := root.Get("server.shutdown")
		fmt.Println(value.Pos(), value.Text())
	}
	// Output: map.yaml:3:21 graceful
}
