package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit"
	"github.com/evenkeel/evenkeel/internal/audit/report"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/rules"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// lookedFor is what check knows to read.
const lookedFor = `looked for Kubernetes manifests, CloudFormation, ECS and Spring in *.yaml, *.yml
and *.json, Terraform in *.tf, Spring in application*.properties, Dockerfile*
and systemd units in *.service`

// checking is one run of `evenkeel check`.
type checking struct {
	flags     *checkFlags
	paths     []string
	policy    *policy.Policy
	baseline  *audit.Baseline
	in        io.Reader
	out, errs io.Writer
}

func (flags *checkFlags) policy() (*policy.Policy, error) {
	if flags.config == "" {
		return policy.Find(".")
	}
	return policy.Load(flags.config)
}

func loadBaseline(path string) (*audit.Baseline, error) {
	b, err := audit.LoadBaseline(path)
	if missing(err) {
		return nil, fmt.Errorf("--baseline %s: there is no such file; --baseline %s --write-baseline writes it", path, path)
	}
	return b, err
}

func (c *checking) options() audit.Options {
	return audit.Options{Paths: c.paths, Stdin: c.in, Policy: c.policy, Rules: rules.All(), Now: time.Now(), Baseline: c.baseline}
}

// collectAt makes the garbage of parsing one large file not double that of the
// next, in percent of what is in use.
const collectAt = 30

func (c *checking) run(ctx context.Context) error {
	defer debug.SetGCPercent(debug.SetGCPercent(collectAt))
	if c.flags.fix != "" || c.flags.diff {
		return c.mend(ctx)
	}
	result, err := audit.Run(ctx, c.options())
	if err != nil {
		return c.failed(ctx, err)
	}
	if c.flags.writeBaseline {
		return c.record(result)
	}
	return c.tell(result, 0)
}

// failed is a run that did not get to a result.
func (c *checking) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &exitError{exitInterrupted, errors.New("interrupted")}
	}
	return usageError(err)
}

// record writes the baseline.
func (c *checking) record(r *audit.Result) error {
	if err := c.recognised(r); err != nil {
		return err
	}
	if err := audit.WriteBaseline(c.flags.baseline, r); err != nil {
		return usageError(fmt.Errorf("--baseline %s: %w", c.flags.baseline, err))
	}
	_, err := fmt.Fprintf(c.out, "%s records %d findings; from now on: evenkeel check --baseline %s\n", c.flags.baseline, len(r.Findings), c.flags.baseline)
	return err
}

// tell writes the report, and says with the exit code how it is.
func (c *checking) tell(r *audit.Result, mended int) error {
	rep := report.Report{Result: r, Version: thisBuild().Version, FailOn: c.failOn(), Mended: mended, Color: c.flags.output == "-" && colored(c.out)}
	unread := c.recognised(r)
	if unread == nil || c.flags.format != string(report.Text) || len(r.Notes) > 0 {
		if err := c.write(func(w io.Writer) error { return report.Write(w, report.Format(c.flags.format), rep) }); err != nil {
			return err
		}
	}
	if unread != nil {
		return unread
	}
	return c.verdict(r)
}

// failOn is the least severity that fails; empty: none.
func (c *checking) failOn() rule.Severity {
	if c.flags.failOn == noFailure {
		return ""
	}
	return rule.Severity(c.flags.failOn)
}

func (c *checking) verdict(r *audit.Result) error {
	for _, f := range r.Findings {
		if c.failOn() != "" && f.Severity.AtLeast(c.failOn()) {
			return &exitError{code: exitBad}
		}
	}
	return nil
}

// recognised is an error if there was nothing to check.
func (c *checking) recognised(r *audit.Result) error {
	where := strings.Join(c.paths, " ")
	switch {
	case len(r.Files) == 0 && len(r.Notes) > 0:
		return usageError(fmt.Errorf("%s: nothing could be read", where))
	case len(r.Files) == 0:
		return usageError(fmt.Errorf("%s: nothing to check: %s", where, lookedFor))
	case !r.Recognised():
		return usageError(fmt.Errorf("%s: nothing to check in %d files: %s", where, len(r.Files), lookedFor))
	}
	return nil
}

// write puts text where --output says.
func (c *checking) write(text func(io.Writer) error) error {
	var b bytes.Buffer
	if err := text(&b); err != nil {
		return err
	}
	if c.flags.output == "-" {
		_, err := c.out.Write(b.Bytes())
		return err
	}
	if err := os.WriteFile(c.flags.output, b.Bytes(), 0o644); err != nil {
		return usageError(fmt.Errorf("--output: %w", err))
	}
	return nil
}
