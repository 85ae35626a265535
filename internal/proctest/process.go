package proctest

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Process is a running command. Its methods may be called at the same time,
// but those that can end the test only from the goroutine of the test.
type Process struct {
	t    testing.TB
	cmd  *exec.Cmd
	out  output
	done chan struct{} // closed when the process has ended and was waited for
}

// groups are the process groups of all processes ever started here; each is
// its leader's process ID.
var groups struct {
	sync.Mutex
	ids []int
}

// Start starts cmd, whose Stdout, Stderr and SysProcAttr must be unset, and
// kills its process group when the test ends. A machine that cannot start
// processes in that way misses "proc", see [Require]; a program that is not
// there fails the test.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	Require(t, "proc", supported())
	p, err := start(cmd)
	if err != nil {
		t.Fatalf("start %s: %v", cmd, err)
	}
	p.t = t
	t.Cleanup(func() {
		p.kill()
		<-p.done
		if t.Failed() {
			t.Logf("%s, exit code %d, said:\n%s", p, p.code(), p.Output())
		}
	})
	return p
}

func start(cmd *exec.Cmd) (*Process, error) {
	if cmd.Stdout != nil || cmd.Stderr != nil || cmd.SysProcAttr != nil {
		return nil, errors.New("the command has Stdout, Stderr or SysProcAttr set, which belong to proctest")
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.out, &p.out
	cmd.SysProcAttr = attributes()
	cmd.WaitDelay = cmp.Or(cmd.WaitDelay, 2*time.Second) // for the output, which a grandchild may hold open
	started := make(chan error)
	go func() {
		// The kernel kills the child when the thread that forked it ends, which
		// a Go program does to a thread whose locked goroutine returns. So this
		// one stays with the child and gives the thread back afterwards.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		// The result is in cmd.ProcessState; an error beyond the exit code is
		// that of output which a grandchild held open.
		_ = cmd.Wait()
		p.out.end()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	groups.Lock()
	groups.ids = append(groups.ids, cmd.Process.Pid)
	groups.Unlock()
	return p, nil
}

// String is the program's name and process ID.
func (p *Process) String() string {
	return fmt.Sprintf("%s[%d]", filepath.Base(p.cmd.Path), p.Pid())
}

// Pid is the process ID, and that of the process group.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.done }

// Output is what the process has printed last, standard output and error as
// they came, at most 64 KiB.
func (p *Process) Output() string { return p.out.String() }

// Signal sends sig to the process alone. A process that has ended already
// fails the test.
func (p *Process) Signal(sig os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatalf("send %v to %s: %v", sig, p, err)
	}
}

// Kill sends SIGKILL to the process group; it is no error if none is left.
func (p *Process) Kill() { p.kill() }

// Wait waits for the end and returns the exit code; 128 + n after signal n.
func (p *Process) Wait(limit time.Duration) int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(limit):
		p.t.Fatalf("%s is still running after %v", p, limit)
	}
	return p.code()
}

// code of a process that has ended.
func (p *Process) code() int {
	if s, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int(s.Signal())
	}
	return p.cmd.ProcessState.ExitCode()
}

// WaitLine waits until the process has printed a line that the expression
// matches, earlier ones included, and returns the submatches as
// regexp.FindStringSubmatch does. The end of the process ends the test.
func (p *Process) WaitLine(limit time.Duration, expression string) []string {
	p.t.Helper()
	re, err := regexp.Compile(expression)
	if err != nil {
		p.t.Fatal(err)
	}
	found := p.out.await(re)
	select {
	case match, ok := <-found:
		if !ok {
			p.t.Fatalf("%s ended without a line that matches %q", p, expression)
		}
		return match
	case <-time.After(limit):
		p.t.Fatalf("%s printed no line that matches %q within %v", p, expression, limit)
	}
	return nil
}
