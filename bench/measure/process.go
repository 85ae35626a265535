package measure

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Process is a program that was started, leader of a process group of its own.
// It is safe for concurrent use.
type Process struct {
	cmd  *exec.Cmd
	name string
	in   io.WriteCloser
	// Lines are what it prints on standard output, closed at its end. Whoever
	// starts a process that prints must read them.
	Lines chan string
	done  chan struct{}
	errs  tail
}

// Self starts this program again with other arguments.
func Self(ctx context.Context, args ...string) (*Process, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return Start(ctx, path, args...)
}

// Start starts a program, found on PATH, with the environment of this one. It
// is killed with its group when ctx ends.
func Start(ctx context.Context, name string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.CommandContext(ctx, name, args...), name: filepath.Base(name), Lines: make(chan string, 64), done: make(chan struct{})}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.cmd.Cancel = func() error { return p.signalGroup(syscall.SIGKILL) }
	p.cmd.WaitDelay = 2 * time.Second
	p.cmd.Stderr = &p.errs
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	started := make(chan error)
	go p.attend(out, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	return p, nil
}

// attend stays with the process to its end, on one thread: the kernel kills
// the child when the thread that forked it ends.
func (p *Process) attend(out io.Reader, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		p.Lines <- lines.Text()
	}
	close(p.Lines)
	_ = p.cmd.Wait() // how it ended is in ProcessState
	close(p.done)
}

// Line is the next line that the process prints.
func (p *Process) Line(ctx context.Context) (string, error) {
	select {
	case line, ok := <-p.Lines:
		if !ok {
			<-p.done
			return "", fmt.Errorf("%s has ended (%s): %s", p.name, p.cmd.ProcessState, p.errs.String())
		}
		return line, nil
	case <-ctx.Done():
		return "", fmt.Errorf("%s printed nothing: %w", p.name, context.Cause(ctx))
	}
}

// Say writes a line to the process.
func (p *Process) Say(line string) error {
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		return fmt.Errorf("tell %s: %w", p.name, err)
	}
	return nil
}

// CPU is the CPU time of the process and its children, to 10 ms.
func (p *Process) CPU() (time.Duration, error) {
	d, err := groupCPU(p.cmd.Process.Pid)
	if err != nil {
		return 0, fmt.Errorf("CPU of %s: %w: %s", p.name, err, p.errs.String())
	}
	return d, nil
}

// Pid is its number, and that of its group.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Signal sends a signal to the process, not to its children.
func (p *Process) Signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.done }

// End sends SIGTERM and waits until the process has ended by itself.
func (p *Process) End(ctx context.Context) error {
	if err := p.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s does not end: %w", p.name, context.Cause(ctx))
	}
}

// Stop kills what is left of the process's group and waits for its end. Lines
// that nobody has read are lost.
func (p *Process) Stop() {
	_ = p.signalGroup(syscall.SIGKILL) // an error says that nobody is left
	for range p.Lines {                // so that attend gets on
	}
	<-p.done
}

func (p *Process) signalGroup(s syscall.Signal) error {
	select {
	case <-p.done:
		return os.ErrProcessDone // the number may be somebody else's by now
	default:
		return syscall.Kill(-p.cmd.Process.Pid, s)
	}
}

// Await waits until addr accepts a connection.
func (p *Process) Await(ctx context.Context, addr string) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err == nil {
			return c.Close()
		}
		select {
		case <-tick.C:
		case <-p.done:
			return fmt.Errorf("%s has ended (%s): %s", p.name, p.cmd.ProcessState, p.errs.String())
		case <-ctx.Done():
			return fmt.Errorf("%s does not listen on %s: %w", p.name, addr, err)
		}
	}
}

// FreePort is a TCP port of 127.0.0.1 that nobody listens on now: for programs
// that cannot choose one and tell.
func FreePort(ctx context.Context) (int, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// tail keeps the end of what a process complains about.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	t.b = t.b[max(0, len(t.b)-2000):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
