package kustomize_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/evenkeel/evenkeel/internal/audit/source"
)

// Wherever a kustomization names an address, nobody asks there; Kustomize by
// itself would.
func TestKustomizeFetchesNothing(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		fmt.Fprint(w, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: far}\n")
	}))
	defer server.Close()
	far := server.URL + "/far.yaml"
	for _, line := range []string{
		"resources: [" + far + "]",
		"components: [" + far + "]",
		"crds: [" + far + "]",
		"configurations: [" + far + "]",
		"patchesStrategicMerge: [" + far + "]",
		"patches: [{path: " + far + "}]",
		"patchesJson6902: [{path: " + far + ", target: {kind: ConfigMap, version: v1, name: near}}]",
		"replacements: [{path: " + far + "}]",
		"openapi: {path: " + far + "}",
		"configMapGenerator: [{name: a, files: [a=" + far + "]}]",
		"configMapGenerator: [{name: a, envs: [" + far + "]}]",
		"secretGenerator: [{name: a, env: " + far + "}]",
		"transformers: [" + far + "]",
		"generators: [" + far + "]",
		"validators: [" + far + "]",
		"Resources: [" + far + "]",
		"patches: [{Path: " + far + "}]",
		"Transformers: [" + far + "]",
	} {
		dir := t.TempDir()
		text := line + "\n"
		if !strings.HasPrefix(strings.ToLower(line), "resources") {
			text += "resources: [near.yaml]\n"
		}
		for name, content := range map[string]string{"near.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: near}\n", "kustomization.yaml": text} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		files, notes, err := source.Read(context.Background(), []string{dir}, nil)
		if err != nil || len(notes) != 1 {
			t.Errorf("%s: %v %v", line, notes, err)
		}
		for _, f := range files {
			if f.Derived != "" {
				t.Errorf("%s was built", line)
			}
		}
		if n := asked.Load(); n > 0 {
			t.Fatalf("%s: %d requests", line, n)
		}
		if strings.HasPrefix(line, "resources") || strings.HasPrefix(line, "patches:") {
			_, _ = krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
			if asked.Swap(0) == 0 {
				t.Errorf("%s: Kustomize by itself does not ask either: the server is not heard", line)
			}
		}
	}
}
