// Command evenkeel keeps users signed in and their requests unbroken while
// instances come and go, and proves it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes, the same for every command.
const (
	exitGood  = 0
	exitBad   = 1 // the thing examined is bad
	exitUsage = 2 // wrong usage, bad configuration, target unreachable
	// A verdict brings 3 and 4 (see check.Verdict), an interrupt 130.
)

// exitError carries the exit code of a command; a nil err has been told
// already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usageError is what the person who typed the command can mend.
func usageError(err error) error { return &exitError{exitUsage, err} }

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run executes the command line and returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitGood
	}
	code := exitUsage // what cobra itself refuses
	if exit, ok := errors.AsType[*exitError](err); ok {
		code, err = exit.code, exit.err
	}
	if err != nil {
		fmt.Fprintf(stderr, "evenkeel: %v\n", err)
	}
	return code
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "evenkeel",
		Short: "Keeps users signed in and their requests unbroken while instances come and go",
		Long: `evenkeel keeps users signed in and their requests unbroken while instances
come and go: session data lives outside the instance, an instance that leaves
gets time to finish, and a drill proves it.

Start with:  evenkeel demo`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	// Of every command, for terminals of 80 columns.
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "FlagUsages ", "FlagUsagesWrapped 80 "))
	var log logFlags
	log.register(root)
	root.AddCommand(newDemo(&log), newDrill(&log), newGateway(&log), newRun(&log), newDrain(), newSessions(&log), newReplica(), newCheck(), newExplain(), newRender(), newInit(), newVersion())
	return root
}
