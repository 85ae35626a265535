package runner

import (
	"errors"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// group puts the program into a process group of its own, and lets it die with
// us should we be killed.
func group() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// reaped starts cmd and waits for every child, ours and those whose parents
// have left them to us, which as process 1 are all.
//
// The parent-death signal follows the thread that started the program, which
// must therefore live as long as this process: the waiting goroutine keeps it.
func reaped(cmd *exec.Cmd, p *program) error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return err
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		p.proc = cmd.Process
		started <- err
		if err == nil {
			p.reap(cmd.Process.Pid)
		}
	}()
	return <-started
}

// reap waits until there are no children any more.
func (p *program) reap(first int) {
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil: // no child is left
			return
		case pid == first && (ws.Exited() || ws.Signaled()):
			p.exited(ws)
		}
	}
}
