//go:build unix

package actuate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// lastLines of what a program wrote are told in an error.
const lastLines = 5

// command is a program in a process group of its own: a Ctrl-C is for the drill
// alone, which then ends the group in good order.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 2 * time.Second
	return cmd
}

// execute runs cmd and returns what it wrote to standard output. The error has
// the last lines of its standard error, or else of its output.
func execute(cmd *exec.Cmd) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &limited{b: &stdout, most: 64 << 20}, &limited{b: &stderr, most: 1 << 20}
	err := cmd.Run()
	if cmd.Process != nil && cmd.ProcessState != nil {
		if errors.Is(err, exec.ErrWaitDelay) && cmd.ProcessState.Success() {
			err = nil // what it left behind has its output open
		} else if err != nil {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // ESRCH: nothing is left
		}
	}
	if err != nil {
		words := tail(stderr.String())
		if words == "" {
			words = tail(stdout.String())
		}
		if words != "" {
			err = fmt.Errorf("%w: %s", err, words)
		}
		return nil, err
	}
	return stdout.Bytes(), nil
}

// limited keeps the first bytes and takes all.
type limited struct {
	b    *bytes.Buffer
	most int
}

func (l *limited) Write(p []byte) (int, error) {
	l.b.Write(p[:min(len(p), max(0, l.most-l.b.Len()))])
	return len(p), nil
}

// tail is the end of a text in one line.
func tail(s string) string {
	lines := strings.Split(strings.TrimSpace(strings.ToValidUTF8(s, "?")), "\n")
	lines = lines[max(0, len(lines)-lastLines):]
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, " / ")
}

// program is a command-line tool with arguments that all calls have.
type program struct {
	name string
	args []string
}

// run calls the program.
func (p program) run(ctx context.Context, args ...string) ([]byte, error) {
	all := append(append([]string{}, args...), p.args...)
	out, err := execute(command(ctx, p.name, all...))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", p.name, strings.Join(args, " "), err)
	}
	return out, nil
}

// read calls the program and decodes its JSON into v.
func (p program) read(ctx context.Context, v any, args ...string) error {
	out, err := p.run(ctx, args...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, v); err != nil {
		return fmt.Errorf("%s %s: its answer is not the JSON that was asked for: %w", p.name, strings.Join(args, " "), err)
	}
	return nil
}

// there is an error if the program is not installed.
func (p program) there() error {
	if _, err := exec.LookPath(p.name); err != nil {
		return fmt.Errorf("%s is not installed, or not in PATH", p.name)
	}
	return nil
}
