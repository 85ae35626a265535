// Package demo is what `evenkeel demo` does: a shop, its replicas, a gateway
// and virtual users on one machine, a drill over them, and a screen that says
// in plain words what happens.
//
// Guarantees: nothing of it outlives Run, whatever ends it, SIGKILL of the
// process included. Files are kept in a temporary folder that Run removes
// unless it is killed, but for a store that Options.Store names.
//
// Not guaranteed: two runs with the same seed have the same users and the same
// kinds of event in the same order; which requests an event meets depends on
// the machine.
package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/report"
	"github.com/evenkeel/evenkeel/internal/drill/screen"
)

// IO is where a demo writes: Out the screen and the result, Err the screen
// where Out is for the result, Logger what its parts have to say.
type IO struct {
	Out, Err io.Writer
	Logger   *slog.Logger // nil is slog.Default()
}

// Exit codes; those of a verdict are check.Verdict's.
const (
	exitUsage       = 2
	exitInterrupted = 130
)

// pace is how often each user does something, on average.
const pace = 1500 * time.Millisecond

// Run runs the demo and returns the exit code. An error is for the person who
// typed the command; nil with a code other than zero has been told on Out.
func Run(ctx context.Context, opt Options, w IO) (int, error) {
	if err := opt.check(); err != nil {
		return exitUsage, err
	}
	for flag, path := range map[string]string{"--json": opt.JSON, "--html": opt.HTML} {
		if err := report.Writable(path); err != nil {
			return exitUsage, fmt.Errorf("%s %s: %w", flag, path, err)
		}
	}
	dir, err := os.MkdirTemp("", "evenkeel-demo-")
	if err != nil {
		return exitUsage, err
	}
	d := &demo{opt: opt, io: w, dir: dir, logger: cmp.Or(w.Logger, slog.Default())}
	d.screen = screen.New(d.text())
	code := exitUsage
	switch err = opt.checkStores(ctx, dir); {
	case err == nil:
		code, err = d.run(ctx)
	case ctx.Err() != nil:
		code, err = exitInterrupted, nil
	}
	return failed(code, errors.Join(err, os.RemoveAll(dir)))
}

// text is where words go: standard error when the result goes to standard
// output, so that it can be piped.
func (d *demo) text() io.Writer {
	if d.opt.JSON == "-" || d.opt.HTML == "-" {
		return d.io.Err
	}
	return d.io.Out
}

type demo struct {
	opt    Options
	io     IO
	dir    string
	screen *screen.Screen
	page   *page // nil: off
	logger *slog.Logger

	mu   sync.Mutex
	runs int
	now  *live     // nil between two phases
	next *Strategy // that somebody chose on the page
}
