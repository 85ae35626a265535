package kustomize_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/evenkeel/evenkeel/internal/audit/source/kustomize"
	"github.com/evenkeel/evenkeel/internal/audit/source/yaml"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

func ExampleBuild() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	parse := func(name string, data []byte) *tree.File {
		f := &tree.File{Name: filepath.ToSlash(name), Format: tree.YAML, Data: data}
		if yaml.Parse(f) != nil {
			return nil
		}
		return f
	}
	open := func(name string) *tree.File {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil
		}
		return parse(name, data)
	}
	var files []*tree.File
	for name, text := range map[string]string{
		"kustomization.yaml": "namePrefix: my-\nresources: [shop.yaml]\n",
		"shop.yaml":          "apiVersion: v1\nkind: Service\nmetadata:\n  name: shop\n",
	} {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			fmt.Println(err)
			return
		}
		files = append(files, open(name))
	}
	all, notes := kustomize.Build(context.Background(), files, kustomize.Reader{Open: open, Parse: parse})
	made := all[len(all)-1]
	name := made.Docs[0].Root.Get("metadata", "name")
	fmt.Println(filepath.Base(made.Derived), name.Text(), filepath.Base(name.Pos().File), name.Pos().Line, len(notes))
	// Output: kustomization.yaml my-shop shop.yaml 4 0
}
