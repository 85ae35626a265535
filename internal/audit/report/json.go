package report

import (
	"encoding/json"
	"io"
	"maps"

	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

const schema = "evenkeel.dev/check/v1"

// document is the report for programs.
type document struct {
	Schema     string                `json:"schema"`
	Files      int                   `json:"files"`
	Services   int                   `json:"services"`
	Findings   []finding             `json:"findings"`
	Summary    map[rule.Severity]int `json:"summary"`
	Suppressed []suppressed          `json:"suppressed"`
	Baseline   int                   `json:"baseline"` // findings that it has
	Mended     int                   `json:"mended"`
	Notes      []tree.Note           `json:"notes"`
}

type finding struct {
	Rule       string        `json:"rule"`
	Severity   rule.Severity `json:"severity"`
	File       string        `json:"file"`
	Line       int           `json:"line"`
	Column     int           `json:"column"`
	Subject    string        `json:"subject,omitempty"`
	Message    string        `json:"message"`
	Arithmetic string        `json:"arithmetic"`
	Fix        rule.Autofix  `json:"fix"`               // the rule's
	Change     string        `json:"change,omitempty"`  // what --fix does here
	Choices    []string      `json:"choices,omitempty"` // what --fix=guided asks here
	URL        string        `json:"url"`
}

type suppressed struct {
	finding
	Reason string `json:"reason"`
}

func jsonReport(w io.Writer, r Report) error {
	d := document{Schema: schema, Files: r.files(), Services: len(r.Model.Services), Findings: []finding{}, Suppressed: []suppressed{},
		Summary: map[rule.Severity]int{rule.Error: 0, rule.Warn: 0, rule.Info: 0}, Baseline: len(r.Recorded), Mended: r.Mended, Notes: []tree.Note{}}
	maps.Copy(d.Summary, r.count())
	for _, f := range r.Findings {
		d.Findings = append(d.Findings, findingOf(f))
	}
	for _, s := range r.Suppressed {
		d.Suppressed = append(d.Suppressed, suppressed{findingOf(s.Finding), s.Reason})
	}
	d.Notes = append(d.Notes, r.Notes...)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(d)
}

func findingOf(f rule.Finding) finding {
	pos := f.Node.Pos()
	out := finding{Rule: f.Rule.ID, Severity: f.Severity, File: pos.File, Line: pos.Line, Column: pos.Column, Subject: f.Subject,
		Message: f.Message, Arithmetic: f.Arithmetic, Fix: f.Rule.Autofix, URL: URL(f.Rule)}
	if mendable(f) {
		out.Change = f.Fix.Title
	}
	if askable(f) {
		for _, c := range f.Fix.Asks {
			out.Choices = append(out.Choices, c.Title)
		}
	}
	return out
}
