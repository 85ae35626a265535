package render

import (
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/audit"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/rules"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// found are the findings of the rules in files, with the policy.
func found(t *testing.T, p *policy.Policy, files []File) (*audit.Result, []rule.Finding) {
	t.Helper()
	dir := t.TempDir()
	if err := Write(dir, files, false); err != nil {
		t.Fatal(err)
	}
	r, err := audit.Run(t.Context(), audit.Options{Paths: []string{dir}, Policy: p, Rules: rules.All()})
	if err != nil {
		t.Fatal(err)
	}
	return r, r.Findings
}

func none(t *testing.T, p *policy.Policy, files []File) {
	t.Helper()
	r, findings := found(t, p, files)
	for _, f := range findings {
		t.Errorf("%s at %s: %s (%s)", f.Rule.ID, f.Node.Pos(), f.Message, f.Arithmetic)
	}
	for _, n := range r.Notes {
		t.Errorf("note %+v", n)
	}
}

// What is rendered has no finding: each target alone, and what belongs together.
func TestCheckFindsNothing(t *testing.T) {
	together := [][]string{{"kubernetes", "ingress-nginx"}, {"kubernetes", "spring"}, {"kubernetes", "ingress-nginx", "spring"}, {"ecs", "spring"}, {"terraform", "spring"}, {"systemd", "haproxy"}, {"systemd", "nginx"}}
	for _, t := range Names() {
		together = append(together, []string{t})
	}
	for _, name := range policies {
		for _, targets := range together {
			t.Run(name, func(t *testing.T) {
				p, s := load(t, name)
				files, err := Render(targets, p, s)
				if err != nil {
					t.Fatal(err)
				}
				t.Log(targets)
				none(t, p, files)
			})
		}
	}
}

// damage renders and makes the change, which must be one.
func (m mutation) damage(t *testing.T) (spoke []string) {
	t.Helper()
	p, s := load(t, m.policy)
	files, err := Render(strings.Fields(m.targets), p, s)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(files, func(f File) bool { return f.Name == m.file })
	if i < 0 || !strings.Contains(string(files[i].Data), m.old) {
		t.Fatalf("no %q in %s", m.old, m.file)
	}
	at := strings.LastIndex(string(files[i].Data), m.old)
	text := string(files[i].Data)
	files[i].Data = []byte(text[:at] + m.new + text[at+len(m.old):])
	_, findings := found(t, p, files)
	for _, f := range findings {
		t.Logf("%s: %s (%s)", f.Rule.ID, f.Message, f.Arithmetic)
		spoke = append(spoke, f.Rule.ID)
	}
	slices.Sort(spoke)
	return slices.Compact(spoke)
}

// Every setting that is rendered matters: damaged, a rule speaks.
func TestDamageIsFound(t *testing.T) {
	for _, m := range append(slices.Clone(mutations), unseen...) {
		t.Run(strings.ReplaceAll(m.file+" "+m.new, "\n", " "), func(t *testing.T) {
			got, want := m.damage(t), strings.Fields(m.want)
			for _, id := range want {
				if !slices.Contains(got, id) {
					t.Errorf("%s: %q for %q: got %v, want %s", m.file, m.new, m.old, got, id)
				}
			}
			if len(want) == 0 && len(got) > 0 {
				t.Errorf("%s: %q for %q is seen by %v now", m.file, m.new, m.old, got)
			}
		})
	}
}
