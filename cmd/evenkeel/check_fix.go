package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/term"

	"github.com/evenkeel/evenkeel/internal/audit"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
)

// mend is `evenkeel check --fix`: it reports what is left.
func (c *checking) mend(ctx context.Context) error {
	fixed, err := audit.Fix(ctx, c.options(), c.chooser())
	if err != nil {
		return c.failed(ctx, err)
	}
	if c.flags.diff {
		return c.show(fixed)
	}
	for _, f := range fixed.Files {
		if err := f.Write(); err != nil {
			return usageError(fmt.Errorf("--fix: %w", err))
		}
	}
	if c.flags.format == "text" && c.flags.output == "-" {
		for _, a := range fixed.Applied {
			fmt.Fprintf(c.out, "mended %s %s: %s\n", a.Pos, a.Rule.ID, a.What)
		}
		if len(fixed.Applied) > 0 {
			fmt.Fprintln(c.out)
		}
	}
	return c.tell(fixed.Result, len(fixed.Applied))
}

// show prints what would change. The exit code is that of the files as they
// are.
func (c *checking) show(fixed *audit.Fixed) error {
	err := c.recognised(fixed.Before)
	if err != nil {
		return err
	}
	err = c.write(func(w io.Writer) error {
		for _, f := range fixed.Files {
			name := strings.TrimPrefix(path.Clean(f.Name), "/")
			if _, err := w.Write(diff.Diff("a/"+name, f.Before, "b/"+name, f.After)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(c.errs, "%d of %d findings would be mended\n", len(fixed.Applied), len(fixed.Before.Findings))
	for _, n := range fixed.Notes {
		fmt.Fprintf(c.errs, "note %s:%d: %s\n", n.File, n.Line, n.Message)
	}
	return c.verdict(fixed.Before)
}

// chooser asks on a terminal; without one nobody answers, and the report lists
// the choices.
func (c *checking) chooser() audit.Choose {
	in, ok := c.in.(*os.File)
	if c.flags.fix != string(rule.Guided) || !ok || !term.IsTerminal(int(in.Fd())) {
		return nil
	}
	lines := bufio.NewScanner(in)
	return func(f rule.Finding) int { return ask(c.errs, lines, f) }
}

// ask shows a finding and its choices until it gets a number, or nothing.
func ask(w io.Writer, lines *bufio.Scanner, f rule.Finding) int {
	fmt.Fprintf(w, "%s %s %s\n  %s\n", f.Node.Pos(), f.Severity, f.Rule.ID, f.Message)
	for i, choice := range f.Fix.Asks {
		hand := ""
		if len(choice.Edits) == 0 {
			hand = " (by hand)"
		}
		fmt.Fprintf(w, "  %d. %s%s\n", i+1, choice.Title, hand)
	}
	for {
		fmt.Fprintf(w, "which? 1 to %d, or Enter to leave it: ", len(f.Fix.Asks))
		if !lines.Scan() {
			fmt.Fprintln(w)
			return -1
		}
		answer := strings.TrimSpace(lines.Text())
		if answer == "" {
			return -1
		}
		if n, err := strconv.Atoi(answer); err == nil && n >= 1 && n <= len(f.Fix.Asks) {
			return n - 1
		}
	}
}
