package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/evenkeel/evenkeel/internal/audit/report"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	drillreport "github.com/evenkeel/evenkeel/internal/drill/report"
)

// checkFlags are those of `evenkeel check`.
type checkFlags struct {
	config, format, output, failOn string
	baseline                       string
	writeBaseline                  bool
	fix                            string // empty, safe, guided
	diff                           bool
	live                           string
}

const noFailure = "none" // of --fail-on

func newCheck() *cobra.Command {
	var flags checkFlags
	cmd := &cobra.Command{
		Use:   "check [PATH…]",
		Short: "Find settings that lose sessions or requests when instances leave",
		Long: `Reads Kubernetes manifests, Terraform, CloudFormation and what the aws command
answers, Spring configuration, Dockerfiles and systemd units, and says which
settings lose sessions or requests when instances leave: with the place, the
arithmetic and what to do.

A PATH is a file or a folder with all below it, - is standard input; without
one it is the folder here. What a service needs comes from evenkeel.yaml (-c, or
here or in a folder above) or from annotations evenkeel.dev/requests, streams
and sessions; else it is assumed, and said so.

To leave a finding out: # evenkeel:ignore EK-K8S-001 reason=… until=2027-01-31
on or above its line, or the annotation evenkeel.dev/ignore on its object.

Exit codes: 0 good, 1 findings at or above --fail-on, 2 wrong usage, or nothing
to check.`,
		Example: `  evenkeel check
  helm template shop | evenkeel check -
  kubectl get deploy,svc,ingress,hpa,pdb -A -o yaml | evenkeel check -
  evenkeel check --fix --diff deploy
  evenkeel check --format sarif --output check.sarif`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := flags.prepare(args, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
			if err != nil {
				return usageError(err)
			}
			return c.run(cmd.Context())
		},
	}
	flags.register(cmd)
	return cmd
}

func (flags *checkFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&flags.config, "config", "c", "", "the policy (default: evenkeel.yaml here or in a folder above, if there is one)")
	f.StringVar(&flags.format, "format", string(report.Text), "`form` of the report: text, json, sarif, junit or github")
	f.StringVar(&flags.output, "output", "-", "write the report to this file; - is standard output")
	f.StringVar(&flags.failOn, "fail-on", string(rule.Error), "the least `severity` that gives exit 1: error, warn, info or none")
	f.StringVar(&flags.baseline, "baseline", "", "leave out the findings that this file records")
	f.BoolVar(&flags.writeBaseline, "write-baseline", false, "record all findings in the file of --baseline")
	f.StringVar(&flags.fix, "fix", "", "mend what is safe to mend; --fix=guided asks where a person has to choose")
	f.Lookup("fix").NoOptDefVal = string(rule.Safe)
	f.BoolVar(&flags.diff, "diff", false, "print what --fix would change, and change nothing")
	f.StringVar(&flags.live, "live", "", "not built yet: give files")
	choices := map[string][]string{"format": names(report.Formats), "fail-on": {"error", "warn", "info", noFailure}, "fix": {"safe", "guided"}}
	for name, all := range choices {
		if err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(all, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(err) // the flag is defined above
		}
	}
}

func names[T ~string](all []T) (out []string) {
	for _, s := range all {
		out = append(out, string(s))
	}
	return out
}

// prepare checks the flags, and reads what the check needs beside the files.
func (flags *checkFlags) prepare(paths []string, in io.Reader, out, errs io.Writer) (*checking, error) {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	if err := flags.check(paths); err != nil {
		return nil, err
	}
	pol, err := flags.policy()
	if err != nil {
		return nil, err
	}
	c := &checking{flags: flags, paths: paths, policy: pol, in: in, out: out, errs: errs}
	if flags.baseline != "" && !flags.writeBaseline {
		if c.baseline, err = loadBaseline(flags.baseline); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// check refuses flags that do not go together.
func (flags *checkFlags) check(paths []string) error {
	switch {
	case flags.live != "":
		return liveError(flags.live)
	case !slices.Contains(names(report.Formats), flags.format):
		return fmt.Errorf("--format %s: allowed are %s", flags.format, strings.Join(names(report.Formats), ", "))
	case rule.Severity(flags.failOn).AtLeast(rule.Info) == (flags.failOn == noFailure):
		return fmt.Errorf("--fail-on %s: allowed are error, warn, info, none", flags.failOn)
	case flags.fix != "" && flags.fix != string(rule.Safe) && flags.fix != string(rule.Guided):
		return fmt.Errorf("--fix=%s: allowed are --fix and --fix=guided", flags.fix)
	case flags.writeBaseline && flags.baseline == "":
		return errors.New("--write-baseline: say where with --baseline FILE")
	case flags.writeBaseline && (flags.fix != "" || flags.diff):
		return errors.New("--write-baseline and --fix: one after the other")
	case flags.diff && flags.format != string(report.Text):
		return fmt.Errorf("--diff prints a diff: --format %s is of no use with it", flags.format)
	case flags.fix != "" && !flags.diff && slices.Contains(paths, "-"):
		return errors.New("--fix: standard input cannot be changed; --fix --diff shows what would be")
	}
	if err := drillreport.Writable(flags.output); err != nil {
		return fmt.Errorf("--output %s: %w", flags.output, err)
	}
	return nil
}

// liveError says how to check what runs until the program asks by itself.
func liveError(what string) error {
	if what == "ecs" {
		return errors.New(`--live ecs: not built yet: give files, such as
  aws ecs describe-services --cluster C --services S > services.json
  aws ecs describe-task-definition --task-definition T > task.json
  aws elbv2 describe-target-groups > groups.json
  aws elbv2 describe-target-group-attributes --target-group-arn ARN > attributes.json
  evenkeel check services.json task.json groups.json attributes.json`)
	}
	if what == "kubernetes" {
		return errors.New(`--live kubernetes: not built yet: give files, such as
  kubectl get deploy,sts,ds,svc,ingress,hpa,pdb,cm -A -o yaml | evenkeel check -`)
	}
	return fmt.Errorf("--live %s: allowed are kubernetes and ecs, and both are not built yet: give files", what)
}

// colored reports whether out shows colours.
func colored(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// missing tells a path that is not there from other errors.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
