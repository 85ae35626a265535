package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/evenkeel/evenkeel/internal/sessions"
	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore"
)

// storeFlags say which sessions.
type storeFlags struct {
	url, service, prefix string
	json                 bool
	timeout              time.Duration
}

func newSessions(log *logFlags) *cobra.Command {
	var flags storeFlags
	cmd := &cobra.Command{
		Use:   "sessions",
		Short: "List, show and revoke the sessions in a store",
		Long: `Shows an operator which sessions a store holds and whose they are, and ends
them. Nothing that it prints logs anyone in.

The store is named by --store or by EVENKEEL_STORE, which keeps a password out
of the list of processes.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f := cmd.PersistentFlags()
	f.StringVar(&flags.url, "store", "", "redis://…, rediss://…, redis-sentinel://…/MASTER or redis-cluster://… (default: EVENKEEL_STORE)")
	f.StringVar(&flags.service, "service", "", "the service's name, as it is in its store options")
	f.StringVar(&flags.prefix, "prefix", "", "the prefix of its keys, if it has set one")
	f.BoolVar(&flags.json, "json", false, "write JSON")
	f.DurationVar(&flags.timeout, "timeout", time.Minute, "for all of it")
	cmd.AddCommand(newSessionsList(log, &flags), newSessionsShow(log, &flags), newSessionsRevoke(log, &flags), newSessionsStats(log, &flags))
	return cmd
}

func newSessionsList(log *logFlags, flags *storeFlags) *cobra.Command {
	var opt sessions.ListOptions
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List sessions, the one seen last first",
		Example: `  evenkeel sessions ls --store redis://localhost --service shop
  evenkeel sessions ls --principal alice --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return flags.with(cmd, log, func(ctx context.Context, s sessions.Store, out sessions.Output) error {
				return sessions.List(ctx, s, opt, out)
			})
		},
	}
	cmd.Flags().StringVar(&opt.Principal, "principal", "", "only this principal's, the one signed in first first")
	cmd.Flags().IntVar(&opt.Limit, "limit", 100, "at most so many; 0 is all")
	cmd.Flags().BoolVar(&opt.Ended, "ended", false, "also those that have ended and are still remembered")
	return cmd
}

func newSessionsShow(log *logFlags, flags *storeFlags) *cobra.Command {
	var values bool
	cmd := &cobra.Command{
		Use:     "show SESSION",
		Short:   "Show one session and the names of its attributes",
		Example: `  evenkeel sessions show 2nWbUKcWzq7Zr1Pd --service shop`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return flags.with(cmd, log, func(ctx context.Context, s sessions.Store, out sessions.Output) error {
				return sessions.Show(ctx, s, session.Key(args[0]), values, out)
			})
		},
	}
	cmd.Flags().BoolVar(&values, "values", false, "also what the attributes hold, which may be personal")
	return cmd
}

func newSessionsRevoke(log *logFlags, flags *storeFlags) *cobra.Command {
	var target sessions.Target
	var yes bool
	var except string
	cmd := &cobra.Command{
		Use:   "revoke SESSION… | --principal NAME",
		Short: "End sessions for good",
		Example: `  evenkeel sessions revoke 2nWbUKcWzq7Zr1Pd
  evenkeel sessions revoke --principal alice --yes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			target.Except = session.Key(except)
			for _, a := range args {
				target.Sessions = append(target.Sessions, session.Key(a))
			}
			if err := target.Check(); err != nil {
				return usageError(err)
			}
			if err := confirm(cmd, yes, "End "+target.Text()+"?"); err != nil {
				return err
			}
			return flags.with(cmd, log, func(ctx context.Context, s sessions.Store, out sessions.Output) error {
				return sessions.Revoke(ctx, s, target, out)
			})
		},
	}
	cmd.Flags().StringVar(&target.Principal, "principal", "", "all of this principal's")
	cmd.Flags().StringVar(&except, "except", "", "but this one")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func newSessionsStats(log *logFlags, flags *storeFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "stats",
		Short: "Count the sessions, and say how the servers are set up",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return flags.with(cmd, log, sessions.Stats)
		},
	}
}

// with opens the store for f. Nothing of it is bad usage but a store that
// cannot be reached, which has the same exit code.
func (s *storeFlags) with(cmd *cobra.Command, log *logFlags, f func(context.Context, sessions.Store, sessions.Output) error) error {
	logger, err := log.logger(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	url := s.url
	if url == "" {
		url = os.Getenv("EVENKEEL_STORE")
	}
	if url == "" {
		return usageError(errors.New("no store: give --store redis://…, or set EVENKEEL_STORE"))
	}
	if scheme, _, _ := strings.Cut(url, ":"); scheme == "sqlite" || scheme == "memory" {
		return usageError(fmt.Errorf("--store %s: has no index of its sessions; this works on Redis stores", scheme))
	}
	if s.service == "" && s.prefix == "" {
		return usageError(errors.New("which service's? Give --service NAME, as it is in redisstore.Options.Service, or --prefix"))
	}
	store, err := redisstore.New(url, redisstore.Options{Service: s.service, Prefix: s.prefix, Logger: logger})
	if err != nil {
		return usageError(fmt.Errorf("--store: %w", err))
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), s.timeout)
	defer cancel()
	err = f(ctx, store, sessions.Output{W: cmd.OutOrStdout(), JSON: s.json})
	if err = errors.Join(err, store.Close()); err != nil {
		return usageError(err)
	}
	return nil
}

// confirm asks, unless yes. Where nobody can answer it refuses.
func confirm(cmd *cobra.Command, yes bool, question string) error {
	if yes {
		return nil
	}
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return usageError(fmt.Errorf("%s Nobody is there to be asked: give --yes", question))
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s [y/N] ", question)
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil {
		return usageError(err)
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return usageError(errors.New("nothing was ended"))
	}
	return nil
}
