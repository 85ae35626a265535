package report_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/evenkeel/evenkeel/internal/drill/report"
)

// Looking whether a file can be written changes nothing.
func TestWritable(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink("nothing", link); err != nil {
		t.Fatal(err)
	}
	full := filepath.Join(dir, "full")
	if err := os.WriteFile(full, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "-", os.DevNull, filepath.Join(dir, "new"), link, full} {
		if err := report.Writable(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("in the folder: %v, %v", entries, err)
	}
	if b, err := os.ReadFile(full); err != nil || string(b) != "kept" {
		t.Errorf("%q, %v", b, err)
	}
	if err := report.Writable(filepath.Join(dir, "no", "where")); err == nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}
