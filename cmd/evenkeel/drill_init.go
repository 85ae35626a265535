package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/internal/drill/plan"
)

// answerWithin leaves time to say within firstWords that there was no answer.
const answerWithin = firstWords - time.Second

func newDrillInit() *cobra.Command {
	var out string
	var opt plan.InitOptions
	cmd := &cobra.Command{
		Use:   "init URL",
		Short: "Write a first drill.yaml for a service from its login page",
		Example: `  evenkeel drill init https://shop.example.com/login
  evenkeel drill init http://127.0.0.1:8080 -o -`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeoutCause(cmd.Context(), answerWithin, fmt.Errorf("no answer within %v", answerWithin))
			defer cancel()
			text, err := plan.Init(ctx, args[0], opt)
			if err != nil {
				return usageError(err)
			}
			if out == "-" {
				_, err = cmd.OutOrStdout().Write(text)
				return err
			}
			if err := create(out, text); err != nil {
				return usageError(err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is written: say in it how to find out who is signed in, then `evenkeel drill -c %s`\n", out, out)
			return nil
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "drill.yaml", "file to write, which must not be there; - is standard output")
	cmd.Flags().StringVar(&opt.CA, "ca", "", "file of certificates to trust, in PEM")
	cmd.Flags().BoolVar(&opt.Insecure, "insecure", false, "trust whatever certificate the service has")
	return cmd
}

// create writes a file that is not there yet.
func create(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already; choose another with -o", name)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
