package proctest

import (
	"errors"
	"syscall"
)

func supported() error {
	return errors.New("no process groups and signals on this system")
}

func attributes() *syscall.SysProcAttr { return nil }

// kill ends the process; supported lets nobody come here.
func (p *Process) kill() { _ = p.cmd.Process.Kill() }

func leaks() []string { return nil }
