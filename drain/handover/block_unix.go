//go:build unix

package handover

import (
	"net"
	"syscall"
)

// unblock sets the usual mode of a socket again. A descriptor that is handed to
// another process is in blocking mode for a moment (os.File.Fd sees to that),
// and so is ours, since the mode belongs to what both refer to.
func unblock(ln net.Listener) {
	c, ok := ln.(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := c.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _ = syscall.SetNonblock(int(fd), true) }) // the new process does so, too
	}
}
