package report

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/rules"
)

var update = flag.Bool("update", false, "write docs/reference/rules")

const reference = "../../../docs/reference/rules"

// The pages are what the catalogue says.
func TestReference(t *testing.T) {
	pages := map[string]string{"README.md": index(rules.All())}
	for _, r := range rules.All() {
		pages[r.ID+".md"] = Page(r)
	}
	if *update {
		write(t, pages)
	}
	for name, want := range pages {
		got, err := os.ReadFile(filepath.Join(reference, name))
		if err != nil || string(got) != want {
			t.Errorf("%s is not what the catalogue says: run go test ./internal/audit/report -run TestReference -update (%v)", name, err)
		}
	}
	there, err := filepath.Glob(reference + "/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range there {
		if _, ok := pages[filepath.Base(path)]; !ok {
			t.Errorf("%s is of no rule", path)
		}
	}
}

func write(t *testing.T, pages map[string]string) {
	t.Helper()
	if err := os.RemoveAll(reference); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(reference, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(reference, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPagesFitATerminal(t *testing.T) {
	for _, r := range rules.All() {
		for line := range strings.Lines(Page(r)) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%s: a line of %d columns: %s", r.ID, n, line)
			}
		}
		if r.Title == "" || r.Why == "" || r.Fix == "" || r.Surface == "" || !slices.Contains([]rule.Autofix{rule.Safe, rule.Guided, rule.No}, r.Autofix) {
			t.Errorf("%s: something is not said", r.ID)
		}
	}
}

// index is the page that leads to all.
func index(all []*rule.Rule) string {
	var b strings.Builder
	b.WriteString("# Rules of `evenkeel check`\n\n")
	b.WriteString("| rule | severity | looks at | what is wrong | mended |\n|---|---|---|---|---|\n")
	cell := strings.NewReplacer("|", `\|`, "\n", " ")
	for _, r := range all {
		fmt.Fprintf(&b, "| [%s](%s.md) | %s | %s | %s | %s |\n", r.ID, r.ID, r.Severity, cell.Replace(r.Surface), cell.Replace(r.Title), r.Autofix)
	}
	return b.String()
}
