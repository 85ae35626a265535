package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/internal/demo"
	"github.com/evenkeel/evenkeel/internal/demo/shop"
)

func newDemo(log *logFlags) *cobra.Command {
	var opt demo.Options
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show users of a small shop surviving scale-ins, restarts and kills, on this machine",
		Long: `Starts a small shop as several real processes behind evenkeel's gateway, sends
virtual users into it, and adds, removes, restarts and kills replicas while they
shop. Every answer is checked against what its user was told before.

Without --strategy it first runs the shop the way many teams do (sticky), then
with evenkeel, and the verdict is the second's. No configuration, no server.`,
		Example: `  evenkeel demo
  evenkeel demo --strategy memory --for 30s
  evenkeel demo --strategy all --for 150s --page off
  evenkeel demo --strategy evenkeel --for 60s --page off --json result.json
  evenkeel demo --strategy evenkeel --store redis://127.0.0.1:6379/0`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger, err := log.logger(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			code, err := demo.Run(cmd.Context(), opt, demo.IO{Out: cmd.OutOrStdout(), Err: cmd.ErrOrStderr(), Logger: logger})
			if code == exitGood && err == nil {
				return nil
			}
			return &exitError{code, err}
		},
	}
	f := cmd.Flags()
	f.DurationVar(&opt.For, "for", 0, "how long in all (default: 20s of sticky, then 40s of evenkeel)")
	f.IntVar(&opt.Users, "users", 200, "virtual users")
	f.DurationVar(&opt.Every, "every", 5*time.Second, "time between scale-outs, scale-ins, restarts and kills")
	f.DurationVar(&opt.Control, "control", 5*time.Second, "quiet time before the first of them")
	f.StringVar(&opt.Strategy, "strategy", "", "memory, sticky, sticky-drain, shared, evenkeel or all (default: sticky, then evenkeel)")
	f.StringVar(&opt.Store, "store", "", "where sessions are kept: sqlite:PATH, or a URL of Redis servers (default: a file in a temporary folder)")
	f.StringVar(&opt.Page, "page", "auto", "where you can shop too: auto, an address, or off")
	f.Uint64Var(&opt.Seed, "seed", 1, "the same seed gives the same users and events")
	f.StringVar(&opt.JSON, "json", "", "write the result to this file; - is standard output")
	f.StringVar(&opt.HTML, "html", "", "write a report to this file, one page with everything in it; - is standard output")
	if err := cmd.RegisterFlagCompletionFunc("strategy", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return demo.StrategyNames(), cobra.ShellCompDirectiveNoFileComp
	}); err != nil {
		panic(err) // the flag is defined above
	}
	return cmd
}

// newReplica is what the demo starts as its own children.
func newReplica() *cobra.Command {
	return &cobra.Command{
		Use:    "demo-replica",
		Short:  "One replica of the demo's shop; started by `evenkeel demo`",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := shop.RunReplica(cmd.Context())
			if errors.Is(err, shop.ErrNotConfigured) {
				return usageError(err)
			}
			if err != nil {
				return &exitError{exitBad, err}
			}
			return nil
		},
	}
}
