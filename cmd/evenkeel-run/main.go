// Command evenkeel-run is evenkeel run alone, small enough for anybody's image:
// it starts a program and gives it an orderly way out.
//
//	evenkeel-run [flags] -- PROGRAM ARGS…
//	evenkeel-run drain [--admin 127.0.0.1:9901] [--wait 40s]
//	evenkeel-run install PATH    copies itself there, for an init container
//	evenkeel-run version
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/evenkeel/evenkeel/internal/platform"
	"github.com/evenkeel/evenkeel/internal/runner"
)

func main() { os.Exit(command(os.Args[1:], os.Stdout, os.Stderr)) }

func command(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		switch args[0] {
		case "drain":
			return leave(args[1:], stdout, stderr)
		case "install":
			return install(args[1:], stderr)
		case "version", "--version":
			fmt.Fprintln(stdout, "evenkeel-run", version())
			return 0
		}
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	opt, err := runner.Parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	var code int
	if err == nil {
		opt.Log, opt.Hosts = log, platform.Detect(os.Getenv, log)
		code, err = runner.Run(context.Background(), opt)
	}
	if err != nil {
		fmt.Fprintf(stderr, "evenkeel-run: %v\n", err)
		return runner.Code(err)
	}
	return code
}

func leave(args []string, stdout, stderr io.Writer) int {
	f := flag.NewFlagSet("drain", flag.ContinueOnError)
	f.SetOutput(stderr)
	admin := f.String("admin", runner.DefaultAdmin, "`address` of the run's admin API")
	wait := f.Duration("wait", 40*time.Second, "how long to wait until nothing is in flight; 0 does not wait")
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil || f.NArg() > 0:
		if err == nil {
			fmt.Fprintf(stderr, "evenkeel-run: drain takes no arguments, got %q\n", f.Args())
		}
		return 2
	}
	d, err := runner.Drain(context.Background(), *admin, *wait)
	if err != nil {
		fmt.Fprintf(stderr, "evenkeel-run: %v\n", err)
		return 2
	}
	fmt.Fprintln(stdout, d)
	return d.ExitCode(*wait > 0)
}

// install copies this program to a path: images without a shell have no cp.
func install(args []string, stderr io.Writer) int {
	if len(args) != 1 {
		fmt.Fprintln(stderr, "evenkeel-run: install takes one path")
		return 2
	}
	if err := copySelf(args[0]); err != nil {
		fmt.Fprintf(stderr, "evenkeel-run: install: %v\n", err)
		return 2
	}
	return 0
}

func copySelf(to string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	from, err := os.Open(self)
	if err != nil {
		return err
	}
	defer from.Close()
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}
