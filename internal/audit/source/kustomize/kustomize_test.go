package kustomize_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/source/kustomize"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Each archive has a file want: lines FILE KIND PATH VALUE PLACE of what the
// kustomization FILE makes, part FILE of what went into something, and note
// PLACE REGEXP of what is not built. All parts and notes are listed.
func TestKustomize(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range archives {
		t.Run(filepath.Base(name), func(t *testing.T) {
			dir, want := unpack(t, name)
			files, notes, err := source.Read(context.Background(), []string{dir}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, problem := range compare(want, dir, files, notes) {
				t.Error(problem)
			}
			if wrong := compare(append(want, "part none.yaml", "note none.yaml:1 .*", "none.yaml Deployment spec.replicas 1 none.yaml:1"), dir, files, notes); len(wrong) != 3 {
				t.Errorf("three planted lines give %q", wrong)
			}
		})
	}
}

func unpack(t *testing.T, name string) (dir string, want []string) {
	t.Helper()
	a, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for _, f := range a.Files {
		if f.Name == "want" {
			want = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
			continue
		}
		to := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, want
}

// compare is what differs between the lines that are wanted and what was read.
func compare(want []string, dir string, files []*tree.File, notes []tree.Note) (problems []string) {
	rel := func(name string) string { return strings.TrimPrefix(name, filepath.ToSlash(dir)+"/") }
	var values, parts, said []string
	for _, f := range files {
		if f.Part {
			parts = append(parts, "part "+rel(f.Name))
		}
		for _, d := range f.Docs {
			if f.Derived != "" {
				values = append(values, spell(rel(f.Derived)+" "+d.Root.Get("kind").Text(), d.Root, rel)...)
			}
		}
	}
	for _, n := range notes {
		said = append(said, fmt.Sprintf("note %s:%d %s", rel(n.File), n.Line, n.Message))
	}
	for _, line := range want {
		switch {
		case strings.HasPrefix(line, "part "):
			if i := slices.Index(parts, line); i >= 0 {
				parts = slices.Delete(parts, i, i+1)
				continue
			}
		case strings.HasPrefix(line, "note "):
			re := regexp.MustCompile("^" + line + "$")
			if slices.ContainsFunc(said, re.MatchString) {
				said = slices.DeleteFunc(said, re.MatchString)
				continue
			}
		case slices.Contains(values, line):
			continue
		}
		problems = append(problems, "wanted and not found: "+line)
	}
	for _, line := range append(parts, said...) {
		problems = append(problems, "not wanted: "+line)
	}
	return problems
}

// spell is a line for each node below n.
func spell(head string, n *tree.Node, rel func(string) string) (lines []string) {
	for _, c := range n.Items {
		p := c.Pos()
		lines = append(lines, fmt.Sprintf("%s %s %s %s:%d", head, c.Path(), c.Value, rel(p.File), p.Line))
		lines = append(lines, spell(head, c, rel)...)
	}
	return lines
}

// A build that has no time ends as a note, and its files are read as they are.
func TestKustomizeLate(t *testing.T) {
	dir, _ := unpack(t, "testdata/overlays.txtar")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	files, notes, err := source.Read(context.Background(), []string{dir}, nil)
	if err != nil || len(notes) != 0 {
		t.Fatal(err, notes)
	}
	files = slices.DeleteFunc(files, func(f *tree.File) bool { f.Part = false; return f.Derived != "" })
	files, notes = kustomize.Build(ctx, files, kustomize.Reader{Open: func(string) *tree.File { return nil }, Parse: func(name string, data []byte) *tree.File {
		f, _ := source.Parse(name, tree.YAML, data)
		return f
	}})
	for _, f := range files {
		if f.Derived != "" || f.Part && !strings.HasSuffix(f.Name, "grace.yaml") && !strings.Contains(f.Name, "/old/") {
			t.Errorf("%s: derived %q, part %v", f.Name, f.Derived, f.Part)
		}
	}
	if len(notes) != 4 {
		t.Errorf("notes %v", notes)
	}
}
