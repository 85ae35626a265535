package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/internal/config"
	"github.com/evenkeel/evenkeel/internal/gateway"
)

// validation is what `evenkeel gateway validate --json` writes.
type validation struct {
	Schema string            `json:"schema"`
	File   string            `json:"file"`
	Valid  bool              `json:"valid"`
	Groups []validGroup      `json:"groups"`
	Errors []validationError `json:"errors"`
}

type validGroup struct {
	Name    string   `json:"name"`
	Routes  []string `json:"routes"`
	Targets int      `json:"targets"`
}

type validationError struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Key     string `json:"key,omitempty"`
	Message string `json:"message"`
}

func newGatewayValidate(flags *gatewayFlags) *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check an evenkeel.yaml without running anything",
		Long: `Reads the file as the gateway would, and what it points to, such as keys and
certificates. Exit code 0 if the gateway would take it, else 2 with every
mistake by file, line and key.`,
		Example: `  evenkeel gateway validate
  evenkeel gateway validate -c shop/evenkeel.yaml --json -`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := flags.path()
			if err != nil {
				return usageError(err)
			}
			v, bad := validate(path)
			if to != "" {
				if err := writeTo(to, cmd.OutOrStdout(), v); err != nil {
					return usageError(fmt.Errorf("--json: %w", err))
				}
			} else if bad == nil {
				fmt.Fprintln(cmd.OutOrStdout(), v.text())
			}
			if bad != nil {
				return usageError(bad)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&to, "json", "", "write the result to this file; - is standard output")
	return cmd
}

// validate reads the file as the gateway does. Its error is the one that the
// gateway would end with.
func validate(path string) (validation, error) {
	v := validation{Schema: "evenkeel.dev/gateway-validate/v1", File: path, Groups: []validGroup{}, Errors: []validationError{}}
	opt, err := gateway.ReadFile(path)
	if err == nil {
		opt.Log = slog.New(slog.DiscardHandler)
		_, err = gateway.New(opt)
	}
	if err != nil {
		v.Errors = validationErrors(path, err)
		return v, err
	}
	v.Valid = true
	for _, g := range opt.Groups {
		v.Groups = append(v.Groups, validGroup{g.Name, append([]string{}, g.Routes...), len(g.Targets)})
	}
	return v, nil
}

func (v validation) text() string {
	targets := 0
	for _, g := range v.Groups {
		targets += g.Targets
	}
	return fmt.Sprintf("%s is good: %s, %s", v.File, count(len(v.Groups), "group"), count(targets, "target"))
}

// validationErrors takes joined errors apart.
func validationErrors(path string, err error) []validationError {
	if many, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err); ok {
		var out []validationError
		for _, e := range many.Unwrap() {
			out = append(out, validationErrors(path, e)...)
		}
		return out
	}
	if e, ok := errors.AsType[*config.Error](err); ok {
		return []validationError{{e.File, e.Line, e.Column, e.Key, e.Msg}}
	}
	return []validationError{{File: path, Message: err.Error()}}
}

// writeTo writes v as JSON to a file, or to standard output.
func writeTo(path string, stdout io.Writer, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	b = append(b, '\n')
	if path == "-" {
		_, err = stdout.Write(b)
		return err
	}
	return os.WriteFile(path, b, 0o600)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
