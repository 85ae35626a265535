package render

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// content is what stands in a folder, files by their paths.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		out[strings.TrimPrefix(path, dir+"/")] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	files := []File{{"a/x.yaml", []byte("x")}, {"b.yaml", []byte("b")}}
	if err := Write(dir, files, false); err != nil {
		t.Fatal(err)
	}
	if got := content(t, dir); len(got) != 2 || got["a/x.yaml"] != "x" || got["b.yaml"] != "b" {
		t.Errorf("got %v", got)
	}
	if info, err := os.Stat(filepath.Join(dir, "b.yaml")); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	files[0].Data, files[1].Data = []byte("x2"), []byte("b2")
	err := Write(dir, append(files, File{"c.yaml", []byte("c")}), false)
	if err == nil || !strings.Contains(err.Error(), "a/x.yaml") || !strings.Contains(err.Error(), "b.yaml") || !strings.Contains(err.Error(), "--force") {
		t.Errorf("got %v", err)
	}
	if got := content(t, dir); len(got) != 2 || got["b.yaml"] != "b" {
		t.Errorf("half written: %v", got)
	}
	if err := Write(dir, files, true); err != nil || content(t, dir)["a/x.yaml"] != "x2" {
		t.Errorf("got %v, %v", err, content(t, dir))
	}
}

// What cannot be written leaves everything as it was, no temporary file either.
func TestWriteLeavesNothingHalfDone(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "z.yaml", "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := Write(dir, []File{{"a.yaml", []byte("new")}, {"z.yaml", []byte("z")}}, true)
	if err == nil || !strings.Contains(err.Error(), "z.yaml is a folder") {
		t.Errorf("got %v", err)
	}
	if got := content(t, dir); len(got) != 1 || got["a.yaml"] != "old" {
		t.Errorf("got %v", got)
	}
	if err := Write(filepath.Join(dir, "a.yaml"), []File{{"b", nil}}, true); err == nil {
		t.Error("a file was taken for a folder")
	}
}
