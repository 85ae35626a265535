//go:build unix && !linux

package runner

import (
	"os/exec"
	"syscall"
)

// group puts the program into a process group of its own.
func group() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// reaped starts cmd and waits for it.
func reaped(cmd *exec.Cmd, p *program) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	p.proc = cmd.Process
	go func() {
		_ = cmd.Wait() // its error is the exit code again
		ws, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
		p.exited(ws)
	}()
	return nil
}
