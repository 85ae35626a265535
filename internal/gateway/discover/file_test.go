package discover

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/target"
)

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// replace writes a new file and renames it over path.
func replace(t *testing.T, path, text string) {
	t.Helper()
	put(t, path+".new", text)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestFileForms(t *testing.T) {
	want := []target.Target{
		{ID: "a", Address: "127.0.0.1:9001", Weight: 3, Incarnation: "7", Source: "file"},
		{ID: "b", Address: "[::1]:9002", Source: "file"},
	}
	for name, text := range map[string]string{
		"yaml": "- {id: a, address: 127.0.0.1:9001, weight: 3, incarnation: 7}\n- id: b\n  address: \"[::1]:9002\"\n",
		"json": `[{"id":"a","address":"127.0.0.1:9001","weight":3,"incarnation":"7"},{"id":"b","address":"[::1]:9002"}]`,
	} {
		got, err := parseTargets(name, []byte(text), anything)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, d)
		}
	}
	if got, err := parseTargets("x", []byte("[]"), anything); err != nil || len(got) != 0 {
		t.Errorf("an empty list: %v, %v", got, err)
	}
}

func TestFileErrors(t *testing.T) {
	t.Setenv("EK_TEST_SECRET", "hunter2")
	for text, want := range map[string]string{
		"":                                   "x.yaml:1:1: the file is empty",
		"# all gone\n":                       "x.yaml:1:1: the file is empty",
		"- id: a\n":                          "x.yaml:1:3: [0].address: is required",
		"- {id: a, addr: h:1}":               "x.yaml:1:11: [0].addr: unknown key, allowed: id, address, weight, incarnation",
		"- {id: a, address: h:1, weight: x}": `x.yaml:1:33: [0].weight: found "x", allowed: a whole number`,
		"a: 1":                               "x.yaml:1:1: found a mapping, allowed: a list",
		"[{\"id\":\"a\",":                    "x.yaml:1: not valid YAML",
		"- {id: a, address: h:1}\n- {id: a, address: h:2}":              `x.yaml:2:3: id: target "a" is there twice, first in line 1`,
		"- {id: \"${EK_TEST_SECRET}\", address: h:1}":                   `x.yaml: found "${", allowed: plain values`,
		"- {id: \"file:/etc/passwd\", address: h:1}":                    `x.yaml: found "file:", allowed: plain values`,
		"- {id: a, address: h:1, <<: {}}":                               "found a merge key",
		strings.Repeat("- {id: aaaaaaaaa, address: h:1}\n", 1<<20/32+1): "allowed: at most 1048576",
	} {
		got, err := parseTargets("x.yaml", []byte(text), anything)
		if err == nil || got != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: got %v, %v, want %s", text, got, err, want)
		}
	}
	if _, err := parseTargets("x.yaml", []byte("\n- {id: a, address: h:1}"), refuseAll); err == nil || !strings.Contains(err.Error(), "x.yaml:2:3: refused") {
		t.Errorf("got %v", err)
	}
}

// One look after the other, each after a change of the file.
func TestFileLooks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.yaml")
	f := &file{path: path, valid: anything}
	const one, two = "- {id: a, address: h:1}\n", "- {id: a, address: h:1}\n- {id: b, address: h:2}\n"
	for i, step := range []struct {
		change  func()
		targets string
		err     string
	}{
		{func() {}, "", "no such file"},
		{func() { put(t, path, one) }, "", "no such file"}, // it may be half written
		{func() {}, "a", ""},
		{func() {}, "a", ""},
		{func() { replace(t, path, two) }, "a", ""},
		{func() {}, "a b", ""},
		{func() { put(t, path, one) }, "a b", ""},
		{func() { put(t, path, two) }, "a b", ""}, // it was half written
		{func() { put(t, path, "- {id: a, addr") }, "a b", ""},
		{func() {}, "a b", "not valid YAML"},
		{func() {}, "a b", "not valid YAML"},
		{func() { put(t, path, "") }, "a b", "not valid YAML"},
		{func() {}, "a b", "the file is empty"},
		{func() { os.Remove(path) }, "a b", "no such file"},
		{func() { replace(t, path, two) }, "a b", ""},
		{func() { put(t, path, "[]") }, "a b", ""},
		{func() {}, "", ""},
		{func() {
			os.Remove(path)
			os.Mkdir(path, 0o755)
		}, "", "is not a regular file"},
	} {
		step.change()
		f.look(false)
		text := ""
		if f.err != nil {
			text = f.err.Error()
		}
		if ids(f.table) != step.targets || step.err == "" && text != "" || !strings.Contains(text, step.err) {
			t.Errorf("step %d: targets %q, error %q", i, ids(f.table), text)
		}
	}
}

// At the start there is no table to keep: the first look counts.
func TestFileFirstLook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.yaml")
	put(t, path, "- {id: a, address: h:1}\n")
	c := follow(t, &file{path: path, interval: time.Hour, valid: anything})
	if is := <-c; is.err != nil || ids(is.targets) != "a" {
		t.Errorf("told %v", is)
	}
}

// A writer in place that stops between two of its writes must not empty the
// table: while it goes on no two looks agree.
func TestFileRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.yaml")
	put(t, path, "- {id: a, address: h:1}\n")
	c := follow(t, &file{path: path, interval: 5 * time.Millisecond, valid: anything})
	for i := range 20 {
		id := fmt.Sprintf("t%d", i)
		replace(t, path, fmt.Sprintf("- {id: %s, address: h:1}\n", id))
		await(t, c, id, func(is told) bool {
			if is.err != nil || len(is.targets) != 1 {
				t.Fatalf("told %v", is)
			}
			return ids(is.targets) == id
		})
	}
}

func FuzzTargets(f *testing.F) {
	for _, seed := range []string{"[]", "- {id: a, address: h:1}", `[{"id":"a","address":"h:1","weight":256}]`, "- *a", "&a [*a]", "- [", "\xff", "---\n---"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseTargets("x", data, anything)
		if err != nil && got != nil {
			t.Errorf("both a table and %v", err)
		}
		for _, x := range got {
			if x.Source != NameFile {
				t.Errorf("%+v", x)
			}
		}
	})
}
