package audit

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/rules"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// The planted repositories were written from the catalogue of rules and the
// platforms' facts alone. An archive testdata/planted/NAME.txtar is one small
// repository that is right, repo/…, and changes to it:
//
//	hit/NAME   one fault: "want EK-K8S-001" and the change; the finding must
//	           stand on a line that begins with >
//	near/NAME  "never EK-K8S-001" and a change that looks like the fault and is
//	           none
//
// A change is "file NAME" with lines - (as they are), + and > (instead); "file
// NAME new" makes a file of them; "gone NAME" removes one. In the repository
// itself, and after each change of a near miss, nothing of severity error or
// warn may be found.
const (
	leastFound = 0.95 // of the faults
	plantedMin = 40   // repositories with one fault
)

func TestPlanted(t *testing.T) {
	archives, err := filepath.Glob("testdata/planted/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	score := &plantedScore{rules: rules.All(), byRule: map[string][2]int{}}
	for _, path := range archives {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(path), ".txtar")
		t.Run(name, func(t *testing.T) { plantedArchive(t, name, a, score) })
	}
	t.Log(score)
	if score.hits < plantedMin {
		t.Errorf("%d planted faults, want %d or more", score.hits, plantedMin)
	}
	if float64(score.found) < leastFound*float64(score.hits) {
		t.Errorf("%d of %d planted faults were found, want %.0f %%", score.found, score.hits, 100*leastFound)
	}
	for _, p := range score.problems {
		t.Error(p)
	}
}

// The count itself: without rules nothing is found, and rules that speak
// everywhere are alarms everywhere.
func TestPlantedCounts(t *testing.T) {
	a, err := txtar.ParseFile("testdata/planted/ecs-answers.txtar")
	if err != nil {
		t.Fatal(err)
	}
	silent := &plantedScore{byRule: map[string][2]int{}}
	plantedArchive(t, "silent", a, silent)
	if silent.hits == 0 || silent.found != 0 || len(silent.problems) != 0 {
		t.Errorf("without rules: %s %q", silent, silent.problems)
	}
	everywhere := &rule.Rule{ID: "EK-ECS-001", Severity: rule.Error, Check: func(p *rule.Pass) {
		for _, s := range p.Services {
			p.Report(rule.Finding{Node: s.Node, Service: s, Message: "loud"})
		}
	}}
	loud := &plantedScore{rules: []*rule.Rule{everywhere}, byRule: map[string][2]int{}}
	plantedArchive(t, "loud", a, loud)
	if loud.raised != loud.near || loud.near == 0 || loud.alarms == 0 || len(loud.problems) != loud.raised+loud.alarms {
		t.Errorf("with a rule that speaks everywhere: %s %q", loud, loud.problems)
	}
}

// plantedScore counts over all archives.
type plantedScore struct {
	rules              []*rule.Rule
	repos, hits, found int
	near, raised       int
	alarms             int               // errors and warnings where nothing is wrong
	byRule             map[string][2]int // found, planted
	problems           []string          // near misses raised, and alarms
	missed             []string
	also               []string // what else was found beside a fault: one cause should be one finding
}

func (s *plantedScore) String() string {
	text := fmt.Sprintf("%d repositories, %d planted faults of %d rules: %d found (%.1f %%); %d near misses: %d raised; %d false alarms",
		s.repos, s.hits, len(s.byRule), s.found, 100*float64(s.found)/float64(max(s.hits, 1)), s.near, s.raised, s.alarms)
	for _, m := range s.missed {
		text += "\n    missed: " + m
	}
	for _, a := range s.also {
		text += "\n    also: " + a
	}
	return text
}

func plantedArchive(t *testing.T, name string, a *txtar.Archive, score *plantedScore) {
	repo := map[string]string{}
	for _, f := range a.Files {
		if file, ok := strings.CutPrefix(f.Name, "repo/"); ok {
			repo[file] = string(f.Data)
		}
	}
	score.repos++
	for _, f := range plantedAudit(t, repo, score.rules) {
		if f.Severity.AtLeast(rule.Warn) {
			score.alarms++
			score.problems = append(score.problems, name+": false alarm: "+f.String())
		}
	}
	for _, f := range a.Files {
		kind, change, ok := strings.Cut(f.Name, "/")
		if !ok || kind == "repo" {
			continue
		}
		c, err := parsePlanted(repo, string(f.Data))
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		found := plantedAudit(t, c.files, score.rules)
		switch kind {
		case "hit":
			score.hit(name+"/"+change, c, found)
		case "near":
			score.nearMiss(name+"/"+f.Name, c, found)
		default:
			t.Fatalf("%s is not of repo, hit or near", f.Name)
		}
	}
}

func (s *plantedScore) hit(name string, c *planted, found []plantedFinding) {
	s.hits++
	n := s.byRule[c.rule]
	n[1]++
	if slices.ContainsFunc(found, func(f plantedFinding) bool { return c.is(f.rule) && slices.Contains(c.places, f.place) }) {
		s.found++
		n[0]++
	} else {
		text := fmt.Sprintf("%s: %s at %s", name, c.rule, strings.Join(c.places, " or "))
		for _, f := range found {
			if c.is(f.rule) || f.Severity.AtLeast(rule.Warn) {
				text += "\n        instead: " + f.String()
			}
		}
		s.missed = append(s.missed, text)
	}
	s.byRule[c.rule] = n
	for _, f := range found {
		if !c.is(f.rule) && f.Severity.AtLeast(rule.Warn) {
			s.also = append(s.also, name+": "+f.String())
		}
	}
}

func (s *plantedScore) nearMiss(name string, c *planted, found []plantedFinding) {
	s.near++
	for _, f := range found {
		switch {
		case c.is(f.rule):
			s.raised++
			s.problems = append(s.problems, name+": raised: "+f.String())
		case f.Severity.AtLeast(rule.Warn):
			s.alarms++
			s.problems = append(s.problems, name+": false alarm: "+f.String())
		}
	}
}

type plantedFinding struct {
	rule.Finding
	rule, place string
}

func (f plantedFinding) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s: %s %s", f.place, f.Severity, f.rule, f.Message, f.Arithmetic))
}

func plantedAudit(t *testing.T, files map[string]string, all []*rule.Rule) (found []plantedFinding) {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var pol *policy.Policy
	if path := filepath.Join(dir, policy.FileName); exists(path) {
		p, err := policy.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		pol = p
	}
	result, err := Run(context.Background(), Options{Paths: []string{dir}, Policy: pol, Rules: all, Now: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range result.Notes {
		t.Errorf("note: %s:%d: %s", relative(dir, n.File), n.Line, n.Message)
	}
	for _, f := range result.Findings {
		at := f.Node.Pos()
		found = append(found, plantedFinding{f, f.Rule.ID, fmt.Sprintf("%s:%d", relative(dir, at.File), at.Line)})
	}
	return found
}
