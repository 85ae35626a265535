package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/record"
	"github.com/evenkeel/evenkeel/internal/drill/report"
)

// recording is the record of a run: in the folder of --history, or in one that
// goes when the reports have been made of it.
type recording struct {
	*record.Writer
	dir string // to remove; "" is kept
}

// startRecord begins the record. The dialect says how operations are done
// again.
func (d *drilling) startRecord(found engine.Dialect) (err error) {
	d.recording = &recording{}
	dir := d.flags.history
	if dir == "" {
		if dir, err = os.MkdirTemp("", "evenkeel-drill-"); err != nil {
			return err
		}
		d.recording.dir = dir
	}
	d.recording.Writer, err = record.Create(dir, record.Header{
		Version: thisBuild().Version, Started: d.started, Users: d.plan.Users, Control: d.plan.Control,
		Target: d.plan.Targets[0], Config: d.settings(),
		Required: check.Required(d.plan.Tier), Allowed: d.allowed, Check: d.plan.Check,
	}, record.Options{Describe: record.Describe(found)})
	if err != nil && d.recording.dir != "" {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

// finish ends the record with the result, and returns it with short witnesses.
func (w *recording) finish(r report.Result) (report.Result, error) {
	r, err := w.Finish(r)
	if w.dir != "" {
		err = errors.Join(err, os.RemoveAll(w.dir))
	}
	return r, err
}

func newDrillReport() *cobra.Command {
	var flags drillFlags
	cmd := &cobra.Command{
		Use:   "report DIR",
		Short: "Render the reports of a run again that --history has kept",
		Long: `Reads the record that a drill has kept in a folder (--history) and writes the
reports that are asked for; without any it prints the summary. A record that
ends early, because the drill was killed, is judged from what is in it. The exit
code is that of the verdict.`,
		Example: "  evenkeel drill report runs/2026-01-31 --html report.html",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.checkFiles(); err != nil {
				return usageError(err)
			}
			run, err := record.Load(args[0])
			if err != nil {
				return usageError(err)
			}
			if err := flags.write(cmd.OutOrStdout(), run.Result); err != nil {
				return usageError(err)
			}
			if len(flags.files()) == 0 {
				fmt.Fprint(cmd.OutOrStdout(), report.Text(run.Result))
			}
			if code := run.Result.Verdict.ExitCode(); code != exitGood {
				return &exitError{code, nil}
			}
			return nil
		},
	}
	flags.registerFiles(cmd)
	return cmd
}
