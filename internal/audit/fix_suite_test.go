package audit

import (
	"bytes"
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/rules"
	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// maxChangedLines is how many lines one fix may change or add.
const maxChangedLines = 3

// Of every rule whose fixes are safe, the archive's hits are mended: its
// findings are gone, no comment is lost, few lines change, nothing new is found
// by any rule, and a second run changes nothing.
func TestSafeFixes(t *testing.T) {
	for _, r := range rules.All() {
		if r.Autofix != rule.Safe {
			continue
		}
		t.Run(r.ID, func(t *testing.T) {
			mended := 0
			for _, c := range archive(t, "rules/testdata/"+r.ID+".txtar") {
				if strings.HasPrefix(c.name, "hit") {
					t.Run(c.name, func(t *testing.T) { mended += c.mend(t, r) })
				}
			}
			if mended == 0 {
				t.Error("no hit of the archive is mended")
			}
		})
	}
}

// mend mends what only says of the run, and returns how much that was. A
// finding without a fix may stay: a value that several things share.
func (c testRun) mend(t *testing.T, r *rule.Rule) int {
	opt := c.options(t)
	files, notes, err := source.Read(context.Background(), opt.Paths, opt.Stdin)
	if err != nil {
		t.Fatal(err)
	}
	before := check(files, notes, opt)
	alone := opt
	alone.Rules = []*rule.Rule{r}
	fixed, err := mend(context.Background(), files, notes, alone, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fixed.Findings {
		if f.Fix != nil && len(f.Fix.Edits) > 0 {
			t.Errorf("%s: still there after its fix: %s\n%s", f.Node.Pos(), f.Message, f.Arithmetic)
		}
	}
	for _, n := range fixed.Notes {
		if strings.Contains(n.Message, "is not mended") {
			t.Errorf("%s:%d: %s", n.File, n.Line, n.Message)
		}
	}
	lines := 0
	changes := map[*tree.File][]byte{}
	for _, f := range fixed.Files {
		lines += changedLines(f.Before, f.After)
		if !slices.Equal(comments(f.Before), comments(f.After)) {
			t.Errorf("%s: comments were lost or changed:\n%s", f.Name, f.After)
		}
		i := slices.IndexFunc(files, func(x *tree.File) bool { return x.Name == f.Name })
		changes[files[i]] = f.After
	}
	if lines > maxChangedLines*len(fixed.Applied) {
		t.Errorf("%d fixes change %d lines", len(fixed.Applied), lines)
	}
	after := check(source.Reread(files, changes), notes, opt)
	for _, f := range after.Findings {
		if !slices.ContainsFunc(before.Findings, func(b rule.Finding) bool { return b.Rule == f.Rule && b.Subject == f.Subject }) && !yielded(before, f) {
			t.Errorf("%s: new after the fix: %s %s\n%s", f.Node.Pos(), f.Rule.ID, f.Message, f.Arithmetic)
		}
	}
	return len(fixed.Applied)
}

// yielded reports whether f was silent before only because it yields to what
// was found then.
func yielded(before *Result, f rule.Finding) bool {
	return slices.ContainsFunc(before.Findings, func(b rule.Finding) bool {
		return b.Subject == f.Subject && slices.Contains(f.Rule.YieldsTo, b.Rule.ID)
	})
}

func (c testRun) options(t *testing.T) Options {
	t.Helper()
	opt := Options{Paths: []string{c.dir}, Rules: rules.All(), Now: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}
	if path := c.dir + "/" + policy.FileName; exists(path) {
		pol, err := policy.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		opt.Policy = pol
	}
	return opt
}

var comment = regexp.MustCompile(`(^|\s)(#|//).*$`)

// comments are those of a file, in their order.
func comments(data []byte) (all []string) {
	for line := range bytes.Lines(data) {
		if m := comment.Find(bytes.TrimRight(line, "\r\n")); m != nil {
			all = append(all, string(bytes.TrimSpace(m)))
		}
	}
	return all
}

// changedLines counts the lines of a and b that the other has not, by the
// longest common subsequence; a line in place of another counts once.
func changedLines(a, b []byte) int {
	x, y := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	common := make([][]int, len(x)+1)
	for i := range common {
		common[i] = make([]int, len(y)+1)
	}
	for i := range slices.Backward(x) {
		for j := len(y) - 1; j >= 0; j-- {
			if common[i][j] = max(common[i+1][j], common[i][j+1]); bytes.Equal(x[i], y[j]) {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	return max(len(x), len(y)) - common[0][0]
}

func TestChangedLines(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"a\nb\nc", "a\nb\nc", 0}, {"a\nb\nc", "a\nx\nc", 1}, {"a\nc", "a\nb\nb\nc", 2}, {"a\nb\nc", "a\nc", 1}} {
		if got := changedLines([]byte(c.a), []byte(c.b)); got != c.want {
			t.Errorf("%q %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
