//go:build unix && !linux

package fleet

import "syscall"

// attributes put an instance into a group of its own. There is no parent-death
// signal here.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// awaitEnd cannot tell an end before the process is reaped here.
func awaitEnd(int) bool { return false }

func awaitStop(int) {}
