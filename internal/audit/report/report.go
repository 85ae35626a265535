// Package report writes what an audit found: for people, for programs, and for
// what shows findings beside the code.
//
//	err := report.Write(os.Stdout, report.SARIF, report.Report{Result: result, Version: "1.0.0"})
//
// Guarantees: the same result gives the same bytes; what files say cannot
// command a terminal, break a format or add an annotation; text fits in 80
// columns but for names of files.
package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
)

// Format is a form of the report.
type Format string

const (
	Text   Format = "text"
	JSON   Format = "json"
	SARIF  Format = "sarif"
	JUnit  Format = "junit"
	GitHub Format = "github" // workflow commands, which become annotations
)

// Formats are all of them.
var Formats = []Format{Text, JSON, SARIF, JUnit, GitHub}

// Report is what is written.
type Report struct {
	*audit.Result
	Version string        // of the program
	FailOn  rule.Severity // what JUnit counts as a failure; empty: nothing
	Color   bool          // of text
	Mended  int           // fixes that were made; those findings are gone
}

var writers = map[Format]func(io.Writer, Report) error{Text: text, JSON: jsonReport, SARIF: sarifReport, JUnit: junit, GitHub: github}

// Write writes r.
func Write(w io.Writer, format Format, r Report) error {
	write, ok := writers[format]
	if !ok {
		return fmt.Errorf("no format %q", format)
	}
	var b bytes.Buffer
	if err := write(&b, r); err != nil {
		return fmt.Errorf("%s: %w", format, err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

const (
	home  = "https://github.com/evenkeel/evenkeel"
	pages = home + "/blob/main/docs/reference/rules/"
)

// URL is where a rule's page is.
func URL(r *rule.Rule) string { return pages + r.ID + ".md" }

// count is the number of findings of each severity.
func (r Report) count() map[rule.Severity]int {
	n := map[rule.Severity]int{}
	for _, f := range r.Findings {
		n[f.Severity]++
	}
	return n
}

// files is how many were read; what was made of them does not count.
func (r Report) files() (n int) {
	for _, f := range r.Files {
		if f.Derived == "" {
			n++
		}
	}
	return n
}

// summary is the run in one line.
func (r Report) summary() string {
	looked := fmt.Sprintf("checked %s, %s: ", plural(r.files(), "file"), plural(len(r.Model.Services), "service"))
	var parts []string
	n := r.count()
	for _, s := range []struct {
		severity rule.Severity
		word     string
	}{{rule.Error, "error"}, {rule.Warn, "warning"}, {rule.Info, "info"}} {
		if n[s.severity] > 0 {
			parts = append(parts, plural(n[s.severity], s.word))
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "nothing to report")
	}
	if r.Mended > 0 {
		parts = append(parts, fmt.Sprintf("%d mended", r.Mended))
	}
	if len(r.Suppressed) > 0 {
		parts = append(parts, fmt.Sprintf("%d suppressed", len(r.Suppressed)))
	}
	if len(r.Recorded) > 0 {
		parts = append(parts, fmt.Sprintf("%d in the baseline", len(r.Recorded)))
	}
	if len(r.Notes) > 0 {
		parts = append(parts, plural(len(r.Notes), "note"))
	}
	return looked + strings.Join(parts, ", ")
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// mendable reports whether the program can mend f by itself.
func mendable(f rule.Finding) bool { return f.Fix != nil && len(f.Fix.Edits) > 0 }

// askable reports whether the program can mend f once somebody has chosen.
func askable(f rule.Finding) bool {
	return f.Fix != nil && len(f.Fix.Edits) == 0 && len(f.Fix.Asks) > 0
}
