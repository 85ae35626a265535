package runner

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/evenkeel/evenkeel/internal/platform/systemd"
)

// program is the process group that runs.
type program struct {
	log  *slog.Logger
	proc *os.Process
	// ended is closed when the first process of the group has ended; code is
	// then its exit code.
	ended chan struct{}
	code  int
}

// CannotStart is why a program could not be started; exit 127.
type CannotStart struct{ Err error }

func (e *CannotStart) Error() string { return "cannot start the program: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *CannotStart) Unwrap() error { return e.Err }

// start starts the program in a group of its own.
func start(opt *Options, log *slog.Logger) (*program, error) {
	path, err := exec.LookPath(opt.Command[0])
	if err != nil {
		var lookup *exec.Error
		if errors.As(err, &lookup) && errors.Is(lookup.Err, exec.ErrNotFound) {
			err = &fs.PathError{Op: "find", Path: opt.Command[0], Err: errors.New("it is not in PATH")}
		}
		return nil, &CannotStart{err}
	}
	cmd := exec.CommandContext(context.Background(), path, opt.Command[1:]...) // it ends by signals
	cmd.Args[0] = opt.Command[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = systemd.Scrub(os.Environ()) // what is said to us is not said to the program
	cmd.SysProcAttr = group()
	p := &program{log: log, ended: make(chan struct{})}
	if err := reaped(cmd, p); err != nil {
		return nil, &CannotStart{err}
	}
	return p, nil
}

// exited notes how the first process ended.
func (p *program) exited(ws syscall.WaitStatus) {
	p.code = ws.ExitStatus()
	if ws.Signaled() {
		p.code = 128 + int(ws.Signal())
	}
	p.log.Info("the program has ended", "code", p.code)
	close(p.ended)
}

// signal sends to the whole group. That nobody is left is none of our errors.
func (p *program) signal(sig syscall.Signal) {
	if err := syscall.Kill(-p.proc.Pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		p.log.Error("cannot signal the program", "signal", sig.String(), "error", err)
	}
}

// gone tells whether nothing of the group is left.
func (p *program) gone() bool { return errors.Is(syscall.Kill(-p.proc.Pid, 0), syscall.ESRCH) }

// lastWord is how long SIGKILL may take to show.
const lastWord = 2 * time.Second

// stop ends the group: SIGTERM, and SIGKILL when the time is over.
func (p *program) stop(over <-chan struct{}) error {
	p.signal(syscall.SIGTERM)
	killed := false
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var late <-chan time.Time
	for !p.gone() {
		select {
		case <-tick.C:
		case <-over:
			over, killed = nil, true
			p.log.Warn("the program did not end in its time: SIGKILL")
			p.signal(syscall.SIGKILL)
			late = time.After(lastWord)
		case <-late:
			return errors.New("the program does not end")
		}
	}
	if killed {
		return errors.New("the program had to be killed")
	}
	return nil
}
