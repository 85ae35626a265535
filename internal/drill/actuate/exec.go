//go:build unix

package actuate

import (
	"context"
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/internal/drill"
)

// shell is a command for sh -c.
type shell struct{ command string }

func (a shell) kind() string { return "exec" }

// check finds a command that does not exist where the first word says so.
func (a shell) check(ctx context.Context) error {
	word := firstWord(a.command)
	if word == "" {
		return nil
	}
	// The shell knows its own words too.
	if _, err := execute(command(ctx, "sh", "-c", `command -v -- "$1" >/dev/null`, "sh", word)); err != nil {
		return fmt.Errorf("exec: %s: there is no such command", word)
	}
	return nil
}

func (a shell) do(ctx context.Context, s *drill.Scene) error {
	s.Target(a.command)
	if _, err := execute(command(ctx, "sh", "-c", a.command)); err != nil {
		return fmt.Errorf("exec %q: %w", a.command, err)
	}
	return nil
}

// firstWord is the program that a line of shell starts first; "" where that is
// not plain to see.
func firstWord(line string) string {
	for word := range strings.FieldsSeq(line) {
		if strings.ContainsAny(word, "$`'\"\\;&|<>(){}[]*?~#!") {
			return ""
		}
		if name, _, assigned := strings.Cut(word, "="); assigned && name != "" {
			continue // of the environment
		}
		return word
	}
	return ""
}
