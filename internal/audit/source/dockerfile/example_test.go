package dockerfile_test

import (
	"fmt"

	"github.com/evenkeel/evenkeel/internal/audit/source/dockerfile"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

func ExampleParse() {
	f := &tree.File{Name: "Dockerfile", Format: tree.Dockerfile, Data: []byte("ARG TAG=21\nFROM eclipse-temurin:${TAG}\nCMD [\"java\", \"-jar\", \"/app.jar\"]\n")}
	err := dockerfile.Parse(f)
	for _, stage := range f.Docs[0].Root.Blocks("FROM") {
		fmt.Println(stage.Get("image").Text(), len(stage.Get("CMD").List()), err)
	}
	// Output: eclipse-temurin:21 3 <nil>
}
