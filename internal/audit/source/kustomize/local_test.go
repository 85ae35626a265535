package kustomize_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/evenkeel/evenkeel/internal/audit/source"
)

// A relative path that looks like a repository's address is a folder, and
// nothing is fetched.
func TestKustomizeOfAFolderNamedLikeARepository(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("PATH", "") // nor could it be
	dir := filepath.Join("github.com", "shop", "deploy")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"kustomization.yaml": "namespace: shop\nresources: [shop.yaml]\n",
		"shop.yaml":          "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, notes, err := source.Read(context.Background(), []string{"github.com"}, nil)
	if err != nil || len(notes) != 0 {
		t.Fatalf("err %v, notes %v", err, notes)
	}
	for _, f := range files {
		for _, d := range f.Docs {
			if f.Derived != "" && d.Root.Get("metadata", "namespace").Text() == "shop" {
				return
			}
		}
	}
	t.Errorf("nothing was built of %d files", len(files))
}
