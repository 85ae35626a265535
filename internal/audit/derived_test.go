package audit

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/rules"
)

// A base with two defects, one of them suppressed, and three overlays, one of
// which makes it worse: each cause is found once, where it is written, and
// mended there.
func TestKustomize(t *testing.T) {
	dir := t.TempDir()
	unpackKustomize(t, dir)
	all := slices.DeleteFunc(rules.All(), func(r *rule.Rule) bool { return r.ID != "EK-K8S-001" })
	opt := Options{Paths: []string{dir}, Rules: all}
	places := func(found []rule.Finding) (out []string) {
		for _, f := range found {
			out = append(out, fmt.Sprintf("%s:%d", relative(dir, f.Node.Pos().File), f.Node.Pos().Line))
		}
		return out
	}
	fixed, err := Fix(context.Background(), opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"base/shop.yaml:8", "low/grace.yaml:4"}
	if got := places(fixed.Before.Findings); !slices.Equal(got, want) {
		t.Errorf("found at %v, want %v", got, want)
	}
	if n := len(fixed.Before.Suppressed); n != 1 {
		t.Errorf("%d suppressed", n)
	}
	for _, n := range fixed.Notes {
		t.Errorf("note: %v", n)
	}
	if got := places(fixed.Findings); len(got) != 0 {
		t.Errorf("after mending there is %v", got)
	}
	for _, c := range fixed.Files {
		if !strings.Contains(string(c.After), "terminationGracePeriodSeconds: 50") {
			t.Errorf("%s is now\n%s", c.Name, c.After)
		}
	}
	if len(fixed.Files) != 2 || len(fixed.Applied) != 2 {
		t.Errorf("%d files, %d fixes", len(fixed.Files), len(fixed.Applied))
	}
}

// What lies beyond the paths that were named is audited where an overlay uses
// it, and not written to.
func TestKustomizeForeign(t *testing.T) {
	dir := t.TempDir()
	unpackKustomize(t, dir)
	all := slices.DeleteFunc(rules.All(), func(r *rule.Rule) bool { return r.ID != "EK-K8S-001" })
	fixed, err := Fix(context.Background(), Options{Paths: []string{filepath.Join(dir, "low"), filepath.Join(dir, "test")}, Rules: all}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(fixed.Before.Findings); n != 2 {
		t.Errorf("%d findings", n)
	}
	if len(fixed.Files) != 1 || filepath.Base(fixed.Files[0].Name) != "grace.yaml" {
		t.Errorf("mended: %v", fixed.Files)
	}
}

// A number that a kustomization or an operation sets is not mended: it cannot be
// without.
func TestKustomizeCount(t *testing.T) {
	dir := t.TempDir()
	unpackKustomize(t, dir)
	all := slices.DeleteFunc(rules.All(), func(r *rule.Rule) bool { return r.ID != "EK-HPA-004" })
	fixed, err := Fix(context.Background(), Options{Paths: []string{filepath.Join(dir, "scaled")}, Rules: all}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(fixed.Findings); n != 2 || len(fixed.Files) != 0 {
		t.Errorf("%d findings, mended %v", n, fixed.Files)
	}
	for _, f := range fixed.Findings {
		if at := f.Node.Pos(); filepath.Base(filepath.Dir(at.File)) != "overlay" && filepath.Base(filepath.Dir(at.File)) != "operation" {
			t.Errorf("found at %v", at)
		}
	}
}

func unpackKustomize(t *testing.T, dir string) {
	t.Helper()
	a, err := txtar.ParseFile("testdata/kustomize.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		to := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
