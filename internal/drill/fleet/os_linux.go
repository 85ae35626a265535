package fleet

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes put an instance into a group of its own, so that the terminal's
// Ctrl-C is not for it, and have it killed with this process.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitEnd returns when the process has ended, and leaves it unreaped. False if
// that cannot be told.
func awaitEnd(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err == nil
		}
	}
}

// awaitStop returns when all threads of the process have stopped, or it has
// ended; both are left to be waited for by others.
func awaitStop(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return // stopped or ended, or ECHILD: reaped meanwhile
		}
	}
}
