package main

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit"
	"github.com/evenkeel/evenkeel/internal/audit/rules"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// evenkeel is the control: the audit itself, counted like the others.
type evenkeel struct{}

func (evenkeel) name() string                  { return "evenkeel check" }
func (evenkeel) prepare(context.Context) error { return nil }

func (evenkeel) lint(ctx context.Context, c testCase) (all []report, err error) {
	opt := audit.Options{Paths: []string{c.dir}, Rules: rules.All(), Now: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}
	path := filepath.Join(c.dir, policy.FileName)
	if _, err := os.Stat(path); err == nil {
		if opt.Policy, err = policy.Load(path); err != nil {
			return nil, err
		}
	}
	result, err := audit.Run(ctx, opt)
	if err != nil {
		return nil, err
	}
	for _, f := range result.Findings {
		at := f.Node.Pos()
		file, err := filepath.Rel(c.dir, filepath.FromSlash(at.File))
		if err != nil {
			return nil, err
		}
		o, _ := c.at(filepath.ToSlash(file), at.Line)
		all = append(all, report{kind: o.kind, name: o.name, check: f.Rule.ID, text: f.Message})
	}
	return all, nil
}
