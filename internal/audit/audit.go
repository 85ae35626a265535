// Package audit reads files, builds the model, applies the rules, and drops
// what people suppressed.
//
//	result, err := audit.Run(ctx, audit.Options{Paths: []string{"."}, Policy: pol, Rules: rules.All()})
//
// Guarantees: the same files give the same findings in the same order; a file
// that cannot be read is a note and stops nothing.
package audit

import (
	"cmp"
	"context"
	"io"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// Options of a run.
type Options struct {
	Paths  []string       // files and folders, "-" is Stdin
	Stdin  io.Reader      // nil: none
	Policy *policy.Policy // nil: nothing is stated
	Rules  []*rule.Rule
	Now    time.Time // for suppressions that end; zero: they never end

	Baseline *Baseline // findings to leave out; nil: none
}

// Result of a run.
type Result struct {
	Files      []*tree.File // that were read
	Model      *model.Model
	Findings   []rule.Finding // in the order of files, lines and rules
	Suppressed []Suppressed
	Recorded   []rule.Finding // that the baseline has
	Notes      []tree.Note
}

// Run audits. The error is that of a path that is not there, or the context's.
func Run(ctx context.Context, opt Options) (*Result, error) {
	files, notes, err := source.Read(ctx, opt.Paths, opt.Stdin)
	if err != nil {
		return nil, err
	}
	return check(files, notes, opt), nil
}

// check is Run of files that were read.
func check(files []*tree.File, notes []tree.Note, opt Options) *Result {
	pol := opt.Policy
	if pol == nil {
		pol = &policy.Policy{}
	}
	r := &Result{Files: files, Model: model.Build(files, pol)}
	r.Notes = slices.Concat(notes, r.Model.Notes)
	found := rule.Run(r.Model, opt.Rules)
	slices.SortStableFunc(found, byPlace)
	found = once(found)
	var more []tree.Note
	r.Findings, r.Suppressed, more = suppress(found, files, opt)
	r.Notes = append(r.Notes, more...)
	if opt.Baseline != nil {
		r.Findings, r.Recorded, more = opt.Baseline.split(r.Findings, files)
		r.Notes = append(r.Notes, more...)
	}
	tree.SortNotes(r.Notes)
	return r
}

// byPlace is the order of findings. Files keep the order they were read in,
// which is that of their names.
func byPlace(a, b rule.Finding) int {
	p, q := a.Node.Pos(), b.Node.Pos()
	return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column),
		cmp.Compare(a.Rule.ID, b.Rule.ID), cmp.Compare(a.Message, b.Message))
}
