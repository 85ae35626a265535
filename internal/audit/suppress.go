package audit

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Suppressed is a finding that somebody said to leave out, and why.
type Suppressed struct {
	rule.Finding
	Reason string // empty: none was given
}

// suppressions are all of one run.
type suppressions struct {
	all     []*suppression
	byLine  map[place][]*suppression
	byScope map[*tree.Node][]*suppression

	standing map[standing]*suppression
}

// standing is a text in its place.
type standing struct {
	place
	text string
}

type place struct {
	file string
	line int
}

// suppress takes out of found what comments, annotations and members of files
// say to leave out. Those that cannot be obeyed, or that suppress nothing, are
// notes.
func suppress(found []rule.Finding, files []*tree.File, opt Options) (kept []rule.Finding, out []Suppressed, notes []tree.Note) {
	s := &suppressions{byLine: map[place][]*suppression{}, byScope: map[*tree.Node][]*suppression{}, standing: map[standing]*suppression{}}
	for _, f := range files {
		s.file(f)
	}
	for _, sup := range s.all {
		sup.check(opt)
	}
	kept = make([]rule.Finding, 0, len(found))
	for _, f := range found {
		if by := s.of(f); by != nil {
			out = append(out, Suppressed{f, by.reason})
		} else {
			kept = append(kept, f)
		}
	}
	for _, sup := range s.all {
		notes = append(notes, sup.notes()...)
	}
	return kept, out, notes
}

// of is the first suppression that covers f; nil if there is none. All that
// cover it are marked as used.
func (s *suppressions) of(f rule.Finding) (by *suppression) {
	for _, sup := range s.over(f) {
		if !slices.Contains(sup.rules, f.Rule.ID) {
			continue
		}
		sup.used[f.Rule.ID] = true
		if by == nil && sup.counts {
			by = sup
		}
	}
	return by
}

// over are the suppressions that stand where they could cover f.
func (s *suppressions) over(f rule.Finding) (all []*suppression) {
	file := f.Node.Doc.File.Name
	all = append(all, s.byLine[place{file, f.Node.Pos().Line}]...)
	if key := f.Node.KeyLine; key > 0 && key != f.Node.Pos().Line {
		all = append(all, s.byLine[place{file, key}]...)
	}
	if len(s.byScope) == 0 {
		return all
	}
	for n := f.Node; n != nil; n = n.Parent {
		all = append(all, s.byScope[n]...)
	}
	if f.Service != nil {
		for n := f.Service.Node; n != nil; n = n.Parent {
			all = append(all, s.byScope[n]...)
		}
	}
	return all
}

// suppression is one comment, annotation or member.
type suppression struct {
	file   string
	line   int
	rules  []string
	reason string
	until  string // as written
	bare   bool   // there is a reason, but not behind reason=

	counts  bool   // it is obeyed
	problem string // why it is not
	used    map[string]bool
	known   map[string]bool // the rules that ran
}

// parseSuppression reads "EK-A,EK-B reason=… until=2027-01-01".
func parseSuppression(file string, line int, text string) *suppression {
	s := &suppression{file: file, line: line, used: map[string]bool{}}
	text = strings.TrimSpace(text)
	for strings.HasPrefix(text, "EK-") {
		end := strings.IndexAny(text, ", \t")
		if end < 0 {
			end = len(text)
		}
		s.rules = append(s.rules, text[:end])
		text = strings.TrimLeft(text[end:], ", \t")
	}
	if i := lastWord(text, "until="); i >= 0 {
		until, behind, _ := strings.Cut(text[i+len("until="):], " ")
		s.until = strings.Trim(until, `"'`)
		text = strings.TrimSpace(text[:i] + behind)
	}
	reason, ok := strings.CutPrefix(text, "reason=")
	s.bare = !ok && reason != ""
	s.reason = strings.Trim(strings.TrimSpace(reason), `"'`)
	return s
}

// lastWord is where the last word of text that begins with prefix begins, -1 if
// there is none.
func lastWord(text, prefix string) int {
	i := strings.LastIndex(text, prefix)
	if i > 0 && text[i-1] != ' ' && text[i-1] != '\t' {
		return -1
	}
	return i
}

// check decides whether s is obeyed.
func (s *suppression) check(opt Options) {
	s.known = map[string]bool{}
	for _, r := range opt.Rules {
		s.known[r.ID] = true
	}
	if len(s.rules) == 0 {
		s.problem = "evenkeel:ignore names no rule; write evenkeel:ignore EK-K8S-001 reason=…"
		return
	}
	if s.until != "" {
		last, err := time.Parse(time.DateOnly, s.until)
		if err != nil {
			s.problem = fmt.Sprintf("evenkeel:ignore is not obeyed: until=%.40s is not a date such as 2027-01-31", s.until)
			return
		}
		if !opt.Now.IsZero() && !opt.Now.Before(last.AddDate(0, 0, 1)) {
			s.problem = fmt.Sprintf("evenkeel:ignore %s ended on %s", strings.Join(s.rules, ","), s.until)
			return
		}
	}
	s.counts = true
}

// notes are what is wrong with s.
func (s *suppression) notes() (notes []tree.Note) {
	note := func(format string, args ...any) {
		notes = append(notes, tree.Note{File: s.file, Line: s.line, Message: fmt.Sprintf(format, args...)})
	}
	if !s.counts {
		note("%s", s.problem)
		return notes
	}
	for _, id := range s.rules {
		switch {
		case !s.known[id]:
			note("evenkeel:ignore %s: there is no such rule", id)
		case !s.used[id]:
			note("evenkeel:ignore %s suppresses nothing here", id)
		}
	}
	if s.reason == "" || s.bare {
		note("evenkeel:ignore %s gives no reason; add reason=…", strings.Join(s.rules, ","))
	}
	return notes
}
