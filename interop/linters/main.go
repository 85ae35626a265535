// Command linters counts what other linters of Kubernetes manifests find of the
// faults that the archives of evenkeel's rules plant, and whether they raise
// them on the near misses too.
//
//	linters [-update FILE] [-archives DIR] [-venv DIR]
//
// kube-score is built from its Go module and run as a program. checkov is
// installed by pip into a virtual environment of its own. kube-linter is not
// among them: the proxy for Go modules refuses its module.
//
// # Guarantees
//
//   - evenkeel is counted by the same code: it must find all faults and raise
//     no near miss, else the exit code is 1.
//   - A linter that cannot be had is said to be missing, and then no page is
//     written.
//
// # Not guaranteed
//
// Fairness beyond these cases: the faults are those that evenkeel looks for, and
// the other linters were made for other things, security above all.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	var opt options
	flag.StringVar(&opt.update, "update", "", "write the tables into this page")
	flag.StringVar(&opt.archives, "archives", "../../internal/audit/rules/testdata", "folder of the rules' archives")
	flag.StringVar(&opt.venv, "venv", "", "virtual environment for checkov, made where it is not there (default: in the user's cache)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, opt, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "linters:", err)
		os.Exit(1)
	}
}

type options struct{ update, archives, venv string }

func run(ctx context.Context, opt options, out io.Writer) error {
	dir, err := os.MkdirTemp("", "linters-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	cases, err := unpack(opt.archives, dir)
	if err != nil {
		return err
	}
	if opt.venv == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return err
		}
		opt.venv = filepath.Join(cache, "evenkeel-linters", "checkov-"+checkovVersion)
	}
	linters := []linter{evenkeel{}, &kubeScore{}, &checkov{root: dir, venv: opt.venv}}
	var counted []column
	missing := false
	for _, l := range linters {
		if err := l.prepare(ctx); err != nil {
			if _, ok := l.(evenkeel); ok {
				return err
			}
			fmt.Fprintf(out, "%s is left out: %v\n", l.name(), err)
			missing = true
			continue
		}
		c, err := count(ctx, l, cases)
		if err != nil {
			return fmt.Errorf("%s: %w", l.name(), err)
		}
		counted = append(counted, c)
	}
	text := tables(cases, counted)
	if _, err := out.Write(text); err != nil {
		return err
	}
	if err := control(counted[0]); err != nil {
		return err
	}
	switch {
	case opt.update == "":
		return nil
	case missing:
		return errors.New("no page is written while a linter is missing")
	}
	return updatePage(opt.update, text)
}

// control fails unless evenkeel, the first column, found everything and raised
// nothing.
func control(c column) error {
	t := c.total()
	if t.found != t.planted || t.raised != 0 {
		return fmt.Errorf("evenkeel itself found %d of %d, and raised %d near misses", t.found, t.planted, t.raised)
	}
	return nil
}
