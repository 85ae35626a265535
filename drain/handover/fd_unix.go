//go:build unix

package handover

import (
	"os"
	"syscall"
)

// fileOf takes an inherited descriptor, which no child of ours shall have; nil
// if it is not open.
func fileOf(fd int, name string) *os.File {
	var s syscall.Stat_t
	if syscall.Fstat(fd, &s) != nil {
		return nil
	}
	syscall.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), name)
}
