package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/internal/platform"
	"github.com/evenkeel/evenkeel/internal/runner"
)

func newRun(log *logFlags) *cobra.Command {
	opt := runner.Options{Admin: runner.DefaultAdmin}
	cmd := &cobra.Command{
		Use:   "run [flags] -- PROGRAM ARGS…",
		Short: "Starts a program in any language and gives it an orderly way out",
		Long: `run is a program's parent process. At SIGTERM readiness fails, requests go on
being served while balancers notice, then nothing new is accepted, what is in
flight finishes, and only then the program gets its SIGTERM.

With --listen and --app it stands in front of the program on the same host and
counts what is in flight; the program needs nothing but a port. Without them it
sequences readiness and the signals.`,
		Example: `  evenkeel run --listen :8080 --app 127.0.0.1:8081 -- java -jar shop.jar
  evenkeel run --probes :9902 --withdraw 10s -- ./worker`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("log-level") {
				log.level = slog.LevelInfo
			}
			logger, err := log.logger(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			opt.Command, opt.Log, opt.Hosts = args, logger, platform.Detect(os.Getenv, logger)
			// The signals are the run's own: the first one must not end its context.
			code, err := runner.Run(context.WithoutCancel(cmd.Context()), opt)
			if err != nil {
				return &exitError{runner.Code(err), err}
			}
			if code != 0 {
				return &exitError{code: code}
			}
			return nil
		},
	}
	f := flag.NewFlagSet("run", flag.ContinueOnError)
	opt.Flags(f)
	cmd.Flags().AddGoFlagSet(f)
	cmd.Flags().SetInterspersed(false) // the program's flags are its own
	return cmd
}

func newDrain() *cobra.Command {
	admin, wait := runner.DefaultAdmin, 40*time.Second
	cmd := &cobra.Command{
		Use:   "drain",
		Short: "Starts the way out of an evenkeel run, and waits for it",
		Long: `drain is for preStop hooks, ExecStop= and lifecycle hooks. It ends with 0 when
nothing is in flight any more, 1 if something was cut or is still there, 2 if
the run cannot be reached.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := runner.Drain(cmd.Context(), admin, wait)
			if err != nil {
				return usageError(err)
			}
			fmt.Fprintln(cmd.OutOrStdout(), d)
			if code := d.ExitCode(wait > 0); code != 0 {
				return &exitError{code: code}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&admin, "admin", admin, "`address` of the run's admin API")
	cmd.Flags().DurationVar(&wait, "wait", wait, "how long to wait until nothing is in flight; 0 does not wait")
	return cmd
}
