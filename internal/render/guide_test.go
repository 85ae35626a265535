package render

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/policy"
)

const guide = "../../docs/guide/render.md"

// between replaces what stands between two marks of a document.
func between(t *testing.T, text, mark, with string) string {
	t.Helper()
	before, rest, ok := strings.Cut(text, "<!-- "+mark+" -->\n")
	_, after, also := strings.Cut(rest, "<!-- /"+mark+" -->")
	if !ok || !also {
		t.Fatalf("no marks for %s", mark)
	}
	return before + "<!-- " + mark + " -->\n```text\n" + with + "```\n<!-- /" + mark + " -->" + after
}

// The guide's numbers are those of its own example.
func TestGuide(t *testing.T) {
	b, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	_, example, _ := strings.Cut(text, "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	path := filepath.Join(t.TempDir(), policy.FileName)
	if err := os.WriteFile(path, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := policy.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &p.Services[0]
	targets := []string{"ecs", "kubernetes", "spring", "systemd"}
	var numbers strings.Builder
	for _, target := range targets {
		all, err := Numbers(target, targets, p, s)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&numbers, "%s %s\n", s.Name, target)
		for _, n := range all {
			fmt.Fprintf(&numbers, "  %s\n", n)
		}
	}
	long := 2 * time.Minute
	s.Shutdown.Streams = &long
	_, err = Render([]string{"ecs"}, p, s)
	if err == nil {
		t.Fatal("streams of two minutes fit ECS")
	}
	want := between(t, between(t, text, "numbers", numbers.String()), "refused", "evenkeel: evenkeel.yaml: "+err.Error()+"\n")
	if *update {
		if err := os.WriteFile(guide, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want, text); d != "" {
		t.Errorf("%s (-update rewrites it): %s", guide, d)
	}
}
