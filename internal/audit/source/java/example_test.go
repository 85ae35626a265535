package java_test

import (
	"fmt"

	"github.com/evenkeel/evenkeel/internal/audit/source/java"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

func ExampleParseProperties() {
	f := &tree.File{Name: "application.properties", Format: tree.Properties, Data: []byte("server.shutdown = grace\\\n  ful\n")}
	err := java.ParseProperties(f)
	fmt.Println(f.Docs[0].Root.Get("server.shutdown").Text(), err)
	// Output: graceful <nil>
}

func ExampleParseLibraries() {
	f := &tree.File{Name: "build.gradle", Format: tree.Libraries, Data: []byte("plugins { id 'org.springframework.boot' version '3.3.4' }\n")}
	err := java.ParseLibraries(f)
	boot := f.Docs[0].Root.Get("boot")
	fmt.Println(boot.Text(), boot.Pos(), err)
	// Output: 3.3.4 build.gradle:1:50 <nil>
}
