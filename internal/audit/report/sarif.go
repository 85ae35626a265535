package report

import (
	"encoding/json"
	"io"
	"net/url"
	"path"
	"slices"

	"github.com/evenkeel/evenkeel/internal/audit"
	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

const sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

// levels are SARIF's words for severities.
var levels = map[rule.Severity]string{rule.Error: "error", rule.Warn: "warning", rule.Info: "note"}

func sarifReport(w io.Writer, r Report) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(sarifLog{sarifSchema, "2.1.0", []sarifRun{runOf(r)}})
}

// runOf has the rules that found something, suppressed or not.
func runOf(r Report) sarifRun {
	driver := sarifDriver{Name: "evenkeel", Version: r.Version, InformationURI: home, Rules: []sarifRule{}}
	results, index := []sarifResult{}, map[*rule.Rule]int{}
	add := func(f rule.Finding, s ...sarifSuppression) {
		if _, ok := index[f.Rule]; !ok {
			index[f.Rule] = len(index)
			driver.Rules = append(driver.Rules, ruleOf(f.Rule))
		}
		result := resultOf(f)
		result.RuleIndex, result.Suppressions = index[f.Rule], s
		results = append(results, result)
	}
	for _, f := range r.Findings {
		add(f)
	}
	for _, s := range r.Suppressed {
		add(s.Finding, sarifSuppression{"inSource", s.Reason})
	}
	return sarifRun{sarifTool{driver}, "unicodeCodePoints", []sarifInvocation{invocationOf(r.Notes)}, results}
}

func ruleOf(r *rule.Rule) sarifRule {
	return sarifRule{
		ID: r.ID, ShortDescription: sarifText{Text: r.Title}, FullDescription: sarifText{Text: r.Why},
		Help: sarifText{Text: r.Fix, Markdown: r.Why + "\n\n**Fix:** " + r.Fix + "\n"}, HelpURI: URL(r),
		Default: sarifLevel{levels[r.Severity]}, Properties: sarifProperties{[]string{"reliability", r.Surface}},
	}
}

func resultOf(f rule.Finding) sarifResult {
	text := f.Message
	if f.Arithmetic != "" {
		text += "\n" + f.Arithmetic
	}
	result := sarifResult{
		RuleID: f.Rule.ID, Level: levels[f.Severity], Message: sarifText{Text: text},
		Locations: []sarifLocation{location(f.Node.Pos())}, Fingerprints: map[string]string{"evenkeel/v1": audit.Fingerprint(f)},
	}
	if mendable(f) {
		result.Fixes = append(result.Fixes, fixOf(f.Fix.Title, f.Fix.Edits))
	}
	if askable(f) {
		for _, c := range f.Fix.Asks {
			if len(c.Edits) > 0 {
				result.Fixes = append(result.Fixes, fixOf(c.Title, c.Edits))
			}
		}
	}
	return result
}

func location(p tree.Pos) sarifLocation {
	l := sarifLocation{sarifPhysical{Artifact: artifact(p.File)}}
	if p.Line > 0 {
		l.Physical.Region = &sarifRegion{StartLine: p.Line, StartColumn: p.Column}
	}
	return l
}

// artifact names a file as a URI: relative names stay relative to where the
// program runs, which is the repository's root in a CI.
func artifact(name string) sarifArtifact {
	u := url.URL{Path: path.Clean(name)}
	if path.IsAbs(name) {
		u.Scheme = "file"
	}
	return sarifArtifact{u.String()}
}

// fixOf is what an editor may do for the user.
func fixOf(title string, edits []edit.Edit) sarifFix {
	fix := sarifFix{Description: sarifText{Text: title}}
	for _, e := range edits {
		at := artifact(e.File.Name)
		i := slices.IndexFunc(fix.Changes, func(c sarifChange) bool { return c.Artifact == at })
		if i < 0 {
			i = len(fix.Changes)
			fix.Changes = append(fix.Changes, sarifChange{Artifact: at})
		}
		fix.Changes[i].Replacements = append(fix.Changes[i].Replacements, sarifReplacement{region(e), sarifText{Text: e.Text}})
	}
	return fix
}

func region(e edit.Edit) (r sarifRegion) {
	r.StartLine, r.StartColumn = e.File.Place(e.Start)
	r.EndLine, r.EndColumn = e.File.Place(e.End)
	return r
}

// invocationOf tells what was not read.
func invocationOf(notes []tree.Note) sarifInvocation {
	in := sarifInvocation{Successful: true, Notifications: []sarifNotification{}}
	for _, n := range notes {
		level := "note"
		if n.Failed {
			level = "warning"
		}
		in.Notifications = append(in.Notifications, sarifNotification{level, sarifText{Text: n.Message}, []sarifLocation{location(tree.Pos{File: n.File, Line: n.Line})}})
	}
	return in
}
