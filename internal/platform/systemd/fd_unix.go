//go:build unix

package systemd

import (
	"os"
	"syscall"
)

// fileOf takes an inherited descriptor, which no child shall have; nil if it
// is not open.
func fileOf(fd int, name string) *os.File {
	var s syscall.Stat_t
	if syscall.Fstat(fd, &s) != nil {
		return nil
	}
	syscall.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), name)
}
