package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/rules"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// inspected is an application and what the audit found in it.
type inspected struct {
	application
	files, services int
	findings        []found
	notes           []tree.Note
}

// key is what makes a finding the same in another run. Subject tells objects of
// one file apart.
type key struct{ Application, Rule, File, Path, Subject string }

type found struct {
	key
	line     int
	severity rule.Severity
	message  string
}

// inspect downloads a below dir and audits it with all rules and no policy.
func inspect(ctx context.Context, a application, dir string) (*inspected, error) {
	dir = filepath.Join(dir, a.name)
	if err := a.download(ctx, dir); err != nil {
		return nil, err
	}
	result, err := audit.Run(ctx, audit.Options{Paths: []string{dir}, Rules: rules.All()})
	if err != nil {
		return nil, err
	}
	if len(result.Files) == 0 {
		return nil, errors.New("nothing to audit")
	}
	one := &inspected{application: a, files: len(result.Files), services: len(result.Model.Services), notes: result.Notes}
	for _, f := range result.Findings {
		at := f.Node.Pos()
		file, err := filepath.Rel(dir, filepath.FromSlash(at.File))
		if err != nil {
			return nil, err
		}
		message := f.Message
		if f.Arithmetic != "" {
			message += ": " + f.Arithmetic
		}
		one.findings = append(one.findings, found{
			key:  key{a.name, f.Rule.ID, filepath.ToSlash(file), f.Node.Path(), f.Subject},
			line: at.Line, severity: f.Severity, message: message,
		})
	}
	return one, nil
}

// counts are the findings by rule and severity.
func (one *inspected) counts() map[string]int {
	all := map[string]int{}
	for _, f := range one.findings {
		all[f.Rule+" "+string(f.severity)]++
	}
	return all
}

func (one *inspected) print(out io.Writer) {
	fmt.Fprintf(out, "%s %s: %d files, %d services, %d findings, %d notes\n", one.name, one.version, one.files, one.services, len(one.findings), len(one.notes))
	counts := one.counts()
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(out, "    %-18s %4d\n", name, counts[name])
	}
}

// list prints the findings in the form of reviewed.yaml. The comments are for
// the person who reviews.
func (one *inspected) list(out io.Writer) {
	for _, n := range one.notes {
		fmt.Fprintf(out, "# note %s:%d %s\n", n.File, n.Line, n.Message)
	}
	for _, f := range one.findings {
		fmt.Fprintf(out, "# %s %s:%d %s\n", f.severity, f.File, f.line, strings.ReplaceAll(f.message, "\n", " "))
		fmt.Fprintf(out, "- {application: %s, rule: %s, file: %q, path: %q, subject: %q, verdict: \"\", why: \"\"}\n", f.Application, f.Rule, f.File, f.Path, f.Subject)
	}
}
