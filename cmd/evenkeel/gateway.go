package main

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/internal/config"
	"github.com/evenkeel/evenkeel/internal/gateway"
)

// gatewayFlags are those of `evenkeel gateway`. Empty is the file's, or the
// default.
type gatewayFlags struct {
	config, listen, admin, state, pidFile string
	withdraw, linger, timeout             time.Duration
}

func newGateway(log *logFlags) *cobra.Command {
	var flags gatewayFlags
	cmd := &cobra.Command{
		Use:   "gateway",
		Short: "Run the gateway: target groups, affinity, draining, an admin API",
		Long: `Serves the target groups of an evenkeel.yaml, with health checks, affinity and
draining, and an admin API on loopback.

Signals:
  SIGHUP            reads the file again; an error in it changes nothing
  SIGTERM, SIGINT   ends in good order: readiness fails (--withdraw), clients
                    are asked to close (--linger), requests finish
                    (--shutdown-timeout); a second one cuts what is left
  SIGUSR2           starts the program again, which takes the sockets over and
                    serves; this process then ends as above. If the new one
                    does not begin to serve, nothing has changed

Sockets may come from systemd, by FileDescriptorName=traffic and =admin; the
service may be of Type=notify. Logs begin at level info here.`,
		Example: `  evenkeel gateway
  evenkeel gateway -c shop/evenkeel.yaml --listen :80 --state off
  evenkeel gateway validate -c shop/evenkeel.yaml
  curl -X POST '127.0.0.1:9900/v1/groups/shop/targets/a/drain?wait=300s'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("log-level") {
				log.level = slog.LevelInfo // it runs for long, and what happens to targets matters
			}
			logger, err := log.logger(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return runGateway(cmd.Context(), flags, cmd.OutOrStdout(), logger)
		},
	}
	cmd.PersistentFlags().StringVarP(&flags.config, "config", "c", "", "the file (default: evenkeel.yaml here or in a folder above)")
	f := cmd.Flags()
	f.StringVar(&flags.listen, "listen", "", "address for clients (default: the file's, else :8080)")
	f.StringVar(&flags.admin, "admin", "", "address of the admin API, or off (default: the file's, else 127.0.0.1:9900)")
	f.StringVar(&flags.state, "state", "", "file of targets and drains that the API was told, or off (default: gateway.json in the state folder of the system or user)")
	f.StringVar(&flags.pidFile, "pid-file", "", "write the process ID here, also after an upgrade")
	f.DurationVar(&flags.withdraw, "withdraw", 0, "at the end, serve so long with readiness failed, for balancers to notice")
	f.DurationVar(&flags.linger, "linger", 5*time.Second, "then serve connected clients so long, asking each to close, before idle connections are closed")
	f.DurationVar(&flags.timeout, "shutdown-timeout", 30*time.Second, "then wait so long for requests and streams")
	for _, name := range []string{"config", "state", "pid-file"} {
		if err := cmd.MarkFlagFilename(name); err != nil && cmd.MarkPersistentFlagFilename(name) != nil {
			panic(err) // the flag is defined above
		}
	}
	cmd.AddCommand(newGatewayValidate(&flags))
	return cmd
}

// path of the configuration file.
func (f *gatewayFlags) path() (string, error) {
	if f.config != "" {
		return f.config, nil
	}
	path, err := config.FindUp("evenkeel.yaml", ".")
	if err != nil {
		return "", fmt.Errorf("%w: give one with -c", err)
	}
	return path, nil
}

// options are the file's with the flags over them.
func (f *gatewayFlags) options() (gateway.Options, string, error) {
	for name, d := range map[string]time.Duration{"withdraw": f.withdraw, "linger": f.linger, "shutdown-timeout": f.timeout} {
		if d < 0 {
			return gateway.Options{}, "", fmt.Errorf("--%s %v: must not be negative", name, d)
		}
	}
	path, err := f.path()
	if err != nil {
		return gateway.Options{}, "", err
	}
	opt, err := gateway.ReadFile(path)
	if err != nil {
		return gateway.Options{}, "", err
	}
	if f.listen != "" {
		opt.Traffic.Listen = f.listen
	}
	if f.admin != "" {
		opt.Admin.Listen = f.admin
	}
	if opt.Admin.Listen == "off" {
		opt.Admin.Listen = ""
	}
	opt.ShutdownTimeout = f.timeout
	if f.timeout == 0 {
		opt.ShutdownTimeout = -1 // the zero of the option is its default
	}
	if opt.State = f.state; opt.State == "" {
		opt.State, err = gateway.DefaultState()
	}
	return opt, path, err
}
