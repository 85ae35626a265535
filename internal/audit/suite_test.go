package audit

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/evenkeel/evenkeel/internal/audit/rules"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// Every rule has an archive rules/testdata/ID.txtar. Its folders are runs of
// their own: hit* has lines with a comment
//
//	# want EK-K8S-001 "regexp of the message and the arithmetic"
//
// or, where the language has no comments, a file want with lines
//
//	task.json:12 EK-ECS-001 "regexp"
//
// near* is as close to it as can be and right; suppressed* has the finding and
// a comment or annotation that suppresses it. A file evenkeel.yaml is the
// policy of its run.
func TestRules(t *testing.T) {
	for _, r := range rules.All() {
		t.Run(r.ID, func(t *testing.T) {
			runs := archive(t, "rules/testdata/"+r.ID+".txtar")
			for _, kind := range []string{"hit", "near", "suppressed"} {
				if !slices.ContainsFunc(runs, func(c testRun) bool { return strings.HasPrefix(c.name, kind) }) {
					t.Errorf("the archive has no run %s", kind)
				}
			}
			for _, c := range runs {
				t.Run(c.name, func(t *testing.T) { c.check(t, r.ID) })
			}
		})
	}
}

type testRun struct{ name, dir string }

// archive unpacks an archive into a folder per run.
func archive(t *testing.T, path string) (runs []testRun) {
	t.Helper()
	a, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range a.Files {
		name, _, ok := strings.Cut(f.Name, "/")
		if !ok {
			t.Fatalf("%s: the file %s is in no run", path, f.Name)
		}
		if !slices.ContainsFunc(runs, func(c testRun) bool { return c.name == name }) {
			runs = append(runs, testRun{name, filepath.Join(dir, name)})
		}
		to := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return runs
}

func (c testRun) audit(t *testing.T) *Result {
	t.Helper()
	var pol *policy.Policy
	if path := filepath.Join(c.dir, policy.FileName); exists(path) {
		p, err := policy.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		pol = p
	}
	result, err := Run(context.Background(), Options{Paths: []string{c.dir}, Policy: pol, Rules: rules.All(), Now: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range result.Notes {
		t.Errorf("note: %s:%d: %s", n.File, n.Line, n.Message)
	}
	return result
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (c testRun) check(t *testing.T, id string) {
	result := c.audit(t)
	wants := c.wants(t)
	if strings.HasPrefix(c.name, "hit") && !slices.ContainsFunc(wants, func(w *want) bool { return w.rule == id }) {
		t.Errorf("nothing is wanted of %s", id)
	}
	for _, f := range result.Findings {
		text := f.Message + "\n" + f.Arithmetic
		place := fmt.Sprintf("%s:%d", relative(c.dir, f.Node.Pos().File), f.Node.Pos().Line)
		i := slices.IndexFunc(wants, func(w *want) bool {
			return !w.met && w.rule == f.Rule.ID && w.place == place && w.text.MatchString(text)
		})
		switch {
		case i >= 0:
			wants[i].met = true
		case f.Rule.ID == id:
			t.Errorf("%s: not wanted: %s %s\n%s", place, f.Rule.ID, f.Message, f.Arithmetic)
		}
	}
	for _, w := range wants {
		if !w.met {
			t.Errorf("%s: wanted and not found: %s %q", w.place, w.rule, w.text)
		}
	}
	if strings.HasPrefix(c.name, "suppressed") && !slices.ContainsFunc(result.Suppressed, func(s Suppressed) bool { return s.Rule.ID == id }) {
		t.Errorf("nothing of %s was suppressed", id)
	}
}

type want struct {
	place, rule string
	text        *regexp.Regexp
	met         bool
}

var (
	wantComment = regexp.MustCompile(`(?:#|//) want (EK-[A-Z0-9]+-\d+) "(.*)"`)
	wantLine    = regexp.MustCompile(`^(\S+:\d+) (EK-[A-Z0-9]+-\d+) "(.*)"$`)
)

func (c testRun) wants(t *testing.T) (all []*want) {
	t.Helper()
	err := filepath.WalkDir(c.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for line, s := 1, bufio.NewScanner(bytes.NewReader(data)); s.Scan(); line++ {
			place, m := fmt.Sprintf("%s:%d", relative(c.dir, path), line), wantComment.FindStringSubmatch(s.Text())
			if d.Name() == "want" {
				if m = wantLine.FindStringSubmatch(s.Text()); m == nil {
					return fmt.Errorf("%s: not FILE:LINE RULE \"REGEXP\": %s", place, s.Text())
				}
				place, m = m[1], m[1:]
			}
			if m != nil {
				all = append(all, &want{place: place, rule: m[1], text: regexp.MustCompile(m[2])})
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func relative(dir, path string) string {
	rel, err := filepath.Rel(dir, path)
	if err != nil {
		return path
	}
	return filepath.ToSlash(rel)
}
