package main

import (
	"time"

	"github.com/spf13/cobra"
)

// drillFlags are those of `evenkeel drill`. Zero is the file's, or the default.
type drillFlags struct {
	config, target                             string
	length                                     time.Duration
	users                                      int
	rate                                       rateValue
	seed                                       uint64
	json, html, junit, markdown, prom, history string
	allow                                      []string
	own                                        bool
	secretEnv                                  string
}

func newDrill(log *logFlags) *cobra.Command {
	var flags drillFlags
	cmd := &cobra.Command{
		Use:   "drill",
		Short: "Drive virtual users against a service while it scales, and check what each was told",
		Long: `Drives virtual users with cookies and connections of their own against a
service, makes scale events happen to it, compares every answer with what its user was
told before, and says with evidence whether anybody lost a session, a change or
a request.

With a drill.yaml (-c, or here or in a folder above) it does what the file says.
Without one --target is enough for a service with the probe: the probe's secret
comes from EVENKEEL_PROBE_SECRET. Ctrl-C ends the load and says what is known.

Exit codes: 0 pass, 1 a violation, 2 wrong usage or the target cannot be
drilled, 3 inconclusive or a required guarantee was not exercised, 4 an event
could not be made to happen, 130 interrupted.`,
		Example: `  EVENKEEL_PROBE_SECRET=… evenkeel drill --target http://127.0.0.1:8080 --allow-unexercised G7
  evenkeel drill -c drill.yaml --for 5m --html report.html --junit drill.xml
  evenkeel drill init http://127.0.0.1:8080
  evenkeel drill report runs/2026-01-31`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := log.logger(cmd.ErrOrStderr()); err != nil {
				return err
			}
			d, err := flags.prepare(drillIO{cmd.OutOrStdout(), cmd.ErrOrStderr()})
			if err != nil {
				return usageError(err)
			}
			code, err := d.run(cmd.Context())
			if code == exitGood && err == nil {
				return nil
			}
			return &exitError{code, err}
		},
	}
	cmd.PersistentFlags().StringVarP(&flags.config, "config", "c", "", "the file (default: drill.yaml here or in a folder above, if there is one)")
	flags.register(cmd)
	cmd.AddCommand(newDrillReport(), newDrillInit(), newDrillServe(&flags))
	return cmd
}

// register defines the flags but for --config.
func (flags *drillFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&flags.target, "target", "", "URL of the service, in place of the file's")
	f.DurationVar(&flags.length, "for", 0, "how long (default: the file's, else 60s)")
	f.IntVar(&flags.users, "users", 0, "virtual users (default: the file's, else 50)")
	f.Var(&flags.rate, "rate", "operations per second of all users, such as 1000/s (default: the file's, else 100/s)")
	f.Uint64Var(&flags.seed, "seed", 0, "the same seed gives the same users and picks (default: a new one)")
	f.StringVar(&flags.history, "history", "", "keep the run in this `folder`, for evenkeel drill report")
	f.StringSliceVar(&flags.allow, "allow-unexercised", nil, "guarantees that need not be exercised, such as G7,G11")
	f.BoolVar(&flags.own, "i-own-this-target", false, "allow more than 100 requests/s to an address that is not private")
	f.StringVar(&flags.secretEnv, "probe-secret-env", "", "variable with the probe's secret (default: the file's, else EVENKEEL_PROBE_SECRET)")
	flags.registerFiles(cmd)
}

// registerFiles defines the flags of what is written.
func (flags *drillFlags) registerFiles(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&flags.json, "json", "", "write the result to this file; - is standard output")
	f.StringVar(&flags.html, "html", "", "write a report to this file, one page with everything in it; - is standard output")
	f.StringVar(&flags.junit, "junit", "", "write the result for a CI to this file")
	f.StringVar(&flags.markdown, "markdown", "", "write a summary for a pull request to this file")
	f.StringVar(&flags.prom, "prometheus", "", "write the figures in Prometheus' text format to this file")
	for _, name := range []string{"json", "html", "junit", "markdown", "prometheus"} {
		if err := cmd.MarkFlagFilename(name); err != nil {
			panic(err) // the flag is defined above
		}
	}
}
