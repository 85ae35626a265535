// Command corpus audits the manifests of public applications, and compares what
// it finds with what people said of each finding.
//
//	corpus [-update FILE] [-only NAME] [-list]
//
// Each application is downloaded by name and version through its registry's own
// client; nothing of it is kept. reviewed.yaml holds one line for each finding
// that was reviewed: true, false or debatable, and why.
//
// # Guarantees
//
//   - Exit code 1 and a line for each finding that nobody reviewed, for each
//     reviewed one that is not found any more, and for each error that was
//     found to be false.
//   - An application that cannot be downloaded is an error, never left out.
//
// # Not guaranteed
//
// That the applications are what most people run: they are those that a
// registry for Go modules or Java archives serves.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

func main() {
	var opt options
	flag.StringVar(&opt.update, "update", "", "write the table of reviewed findings into this page")
	flag.StringVar(&opt.reviewed, "reviewed", "reviewed.yaml", "what was said of each finding")
	flag.StringVar(&opt.only, "only", "", "this application alone")
	flag.BoolVar(&opt.list, "list", false, "print every finding in the form of reviewed.yaml, without a verdict")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, opt, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "corpus:", err)
		os.Exit(1)
	}
}

type options struct {
	update, reviewed, only string
	list                   bool
}

func run(ctx context.Context, opt options, out io.Writer) error {
	dir, err := os.MkdirTemp("", "corpus-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	reviews, err := loadReviews(opt.reviewed)
	if err != nil {
		return err
	}
	var all []*inspected
	for _, a := range applications {
		if opt.only != "" && a.name != opt.only {
			continue
		}
		one, err := inspect(ctx, a, dir)
		if err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
		one.print(out)
		if opt.list {
			one.list(out)
		}
		all = append(all, one)
	}
	if opt.only != "" {
		reviews = slices.DeleteFunc(reviews, func(r review) bool { return r.Application != opt.only })
	}
	j := judge(all, reviews)
	j.print(out)
	if err := j.err(); err != nil || opt.update == "" {
		return err
	}
	if opt.only != "" {
		return errors.New("-update needs all applications")
	}
	return updatePage(opt.update, all, j)
}
