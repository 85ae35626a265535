package audit

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
)

func mended(t *testing.T, all []*rule.Rule, choose Choose, files ...string) *Fixed {
	t.Helper()
	parsed, notes := parsedFiles(t, files...)
	fixed, err := mend(context.Background(), parsed, notes, Options{Rules: all, Now: today}, choose)
	if err != nil {
		t.Fatal(err)
	}
	return fixed
}

func TestFix(t *testing.T) {
	text := podWith()
	fixed := mended(t, []*rule.Rule{badGrace, noOwner}, nil, "x.yaml", text, "y.yaml", podWith("Seconds: 30", "Seconds: 50"))
	if len(fixed.Files) != 1 || len(fixed.Applied) != 1 || len(fixed.Before.Findings) != 3 || len(fixed.Findings) != 2 {
		t.Fatalf("%d files, %d fixes, %d findings before and %d after", len(fixed.Files), len(fixed.Applied), len(fixed.Before.Findings), len(fixed.Findings))
	}
	if want := strings.Replace(text, "Seconds: 30", "Seconds: 50", 1); string(fixed.Files[0].After) != want || string(fixed.Files[0].Before) != text {
		t.Errorf("got\n%s", fixed.Files[0].After)
	}
}

func TestFixLeavesOutWhatIsSuppressed(t *testing.T) {
	if fixed := mended(t, []*rule.Rule{badGrace}, nil, "x.yaml", podWith("ON", "evenkeel:ignore EK-T-001 reason=x")); len(fixed.Files) != 0 {
		t.Errorf("mended:\n%s", fixed.Files[0].After)
	}
}

func TestFixGuided(t *testing.T) {
	asked := 0
	fixed := mended(t, []*rule.Rule{badGrace, noOwner}, func(rule.Finding) int { asked++; return 2 - asked }, "x.yaml", podWith(), "y.yaml", podWith("shop", "other"), "z.yaml", podWith("shop", "third"))
	if asked != 3 || len(fixed.Applied) != 5 {
		t.Errorf("asked %d times, %d fixes, want 3 and 5", asked, len(fixed.Applied))
	}
	for i, want := range []string{"owner: bob", "owner: anna", "annotations"} {
		if !strings.Contains(string(fixed.Files[i].After), want) {
			t.Errorf("no %s in\n%s", want, fixed.Files[i].After)
		}
	}
}

// Fixes that are in one another's way, do nothing, or do more than they mean to
// neither loop nor change anything that they should not.
func TestFixRefuses(t *testing.T) {
	fighting := func(id, to string) *rule.Rule {
		return &rule.Rule{ID: id, Severity: rule.Error, Autofix: rule.Safe, Check: func(p *rule.Pass) {
			for _, o := range p.Kube.Objects {
				n := o.Root.Get("spec", "replicas")
				p.Report(rule.Finding{Node: n, Fix: &rule.Change{Title: "set", Edits: edit.Set(n, to)}})
			}
		}}
	}
	const text = "apiVersion: v1\nkind: X\nmetadata: {name: a}\nspec:\n  replicas: 1\n"
	fixed := mended(t, []*rule.Rule{fighting("EK-T-003", "2"), fighting("EK-T-004", "3")}, nil, "x.yaml", text)
	if len(fixed.Applied) > 2*maxPasses {
		t.Errorf("%d fixes", len(fixed.Applied))
	}
	fixed = mended(t, []*rule.Rule{fighting("EK-T-003", "1")}, nil, "x.yaml", text)
	if len(fixed.Applied) != 0 || len(fixed.Notes) != 1 || len(fixed.Files) != 0 {
		t.Errorf("a fix without effect: %d applied, notes %v", len(fixed.Applied), fixed.Notes)
	}
	shared := "apiVersion: v1\nkind: X\nmetadata: {name: a}\nbase: &b {replicas: 1}\nspec:\n  x: *b\n  replicas: 1\n"
	broken := &rule.Rule{ID: "EK-T-005", Severity: rule.Error, Autofix: rule.Safe, Check: func(p *rule.Pass) {
		for _, o := range p.Kube.Objects {
			n := o.Root.Get("base", "replicas")
			p.Report(rule.Finding{Node: n, Fix: &rule.Change{Title: "set", Edits: edit.Set(n, "9")}})
		}
	}}
	fixed = mended(t, []*rule.Rule{broken, fighting("EK-T-003", "2")}, nil, "x.yaml", shared)
	if got := string(fixed.Files[0].After); got != strings.Replace(shared, "  replicas: 1", "  replicas: 2", 1) {
		t.Errorf("got\n%s", got)
	}
	if text := noteText(fixed.Result); !strings.Contains(text, "EK-T-005 is not mended: the change would change more than it means to") {
		t.Errorf("notes: %s", text)
	}
}

func TestWriteKeepsWhatAFileIs(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real.yaml"), filepath.Join(dir, "link.yaml")
	before := []byte("\xef\xbb\xbfa: 1\n")
	if err := os.WriteFile(real, before, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real.yaml", link); err != nil {
		t.Fatal(err)
	}
	change := Changed{Name: link, Before: []byte("a: 1\n"), After: []byte("a: 2\n")}
	if err := change.Write(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(real)
	if err != nil || !bytes.Equal(got, []byte("\xef\xbb\xbfa: 2\n")) {
		t.Errorf("%q, %v", got, err)
	}
	info, err := os.Stat(real)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link is no link any more")
	}
	if err := change.Write(); err == nil || !strings.Contains(err.Error(), "changed by somebody else") {
		t.Errorf("a file that was changed meanwhile: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
