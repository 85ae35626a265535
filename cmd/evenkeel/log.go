package main

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"
)

// logFlags are --log-format and --log-level, the same for every command.
type logFlags struct {
	format string
	level  slog.Level
}

func (l *logFlags) register(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	l.level = slog.LevelError
	f.StringVar(&l.format, "log-format", "text", "text or json")
	f.Var((*levelValue)(&l.level), "log-level", "debug, info, warn or error")
}

// logger writes to w. Its error names the flag.
func (l *logFlags) logger(w io.Writer) (*slog.Logger, error) {
	opt := &slog.HandlerOptions{Level: l.level}
	switch l.format {
	case "text":
		return slog.New(slog.NewTextHandler(w, opt)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, opt)), nil
	default:
		return nil, usageError(fmt.Errorf("--log-format %s: allowed are text and json", l.format))
	}
}

// levelValue is a slog.Level as a flag.
type levelValue slog.Level

func (v *levelValue) String() string { return (*slog.Level)(v).String() }
func (v *levelValue) Type() string   { return "level" }

func (v *levelValue) Set(s string) error {
	if err := (*slog.Level)(v).UnmarshalText([]byte(s)); err != nil {
		return fmt.Errorf("allowed are debug, info, warn and error")
	}
	return nil
}
