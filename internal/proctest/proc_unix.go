//go:build unix

package proctest

import (
	"errors"
	"syscall"
)

func supported() error { return nil }

// kill ends the process group, also what is left of it without its leader.
func (p *Process) kill() {
	select {
	case <-p.done:
		// The number is not given out again while the group has members, so
		// whoever has it now is a stranger.
		if !errors.Is(syscall.Kill(p.Pid(), 0), syscall.ESRCH) {
			return
		}
	default:
	}
	_ = syscall.Kill(-p.Pid(), syscall.SIGKILL) // the only error there can be is that nobody is left
}
