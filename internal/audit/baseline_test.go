package audit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBaseline(t *testing.T) {
	path := filepath.Join(t.TempDir(), "baseline.json")
	if _, err := LoadBaseline(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("one that is not there: %v", err)
	}
	if err := WriteBaseline(path, checked(t, Options{}, "x.yaml", podWith())); err != nil {
		t.Fatal(err)
	}
	base, err := LoadBaseline(path)
	if err != nil {
		t.Fatal(err)
	}
	twice := podWith() + "---\n" + strings.Replace(podWith(), "name: shop", "name: other", 1)
	for name, c := range map[string]struct {
		file, text      string
		fresh, recorded int
		notes           int
	}{
		"the same":         {"x.yaml", podWith(), 0, 1, 0},
		"moved":            {"x.yaml", "# more\n\n" + podWith(), 0, 1, 0},
		"another value":    {"x.yaml", strings.Replace(podWith(), "Seconds: 30", "Seconds: 20", 1), 0, 1, 0},
		"one more":         {"x.yaml", twice, 1, 1, 0},
		"in another file":  {"y.yaml", podWith(), 1, 0, 0},
		"mended":           {"x.yaml", strings.Replace(podWith(), "Seconds: 30", "Seconds: 50", 1), 0, 0, 1},
		"a suppressed one": {"x.yaml", podWith("ON", "evenkeel:ignore EK-T-001 reason=x"), 0, 0, 1},
	} {
		r := checked(t, Options{Baseline: base}, c.file, c.text)
		if len(r.Findings) != c.fresh || len(r.Recorded) != c.recorded || len(r.Notes) != c.notes {
			t.Errorf("%s: %d fresh, %d recorded, %d notes, want %d, %d, %d", name, len(r.Findings), len(r.Recorded), len(r.Notes), c.fresh, c.recorded, c.notes)
		}
	}
	for name, text := range map[string]string{"not JSON": "x", "another schema": `{"schema": "x", "findings": []}`, "unknown": `{"schema": "evenkeel.dev/baseline/v1", "x": 1}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadBaseline(path); err == nil || !strings.Contains(err.Error(), "not a baseline") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Findings of one value in two items of a list without names count each.
func TestBaselineCounts(t *testing.T) {
	const two = "apiVersion: v1\nkind: X\nmetadata: {name: a}\nlist:\n- terminationGracePeriodSeconds: 1\n- terminationGracePeriodSeconds: 2\n"
	path := filepath.Join(t.TempDir(), "baseline.json")
	if err := WriteBaseline(path, checked(t, Options{}, "x.yaml", two)); err != nil {
		t.Fatal(err)
	}
	base, err := LoadBaseline(path)
	if err != nil {
		t.Fatal(err)
	}
	if r := checked(t, Options{Baseline: base}, "x.yaml", two+"- terminationGracePeriodSeconds: 3\n"); len(r.Recorded) != 2 || len(r.Findings) != 1 {
		t.Errorf("%d recorded and %d fresh, want 2 and 1", len(r.Recorded), len(r.Findings))
	}
}
