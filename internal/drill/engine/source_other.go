//go:build !linux

package engine

import "syscall"

// portLater is known to Linux alone.
func portLater(_, _ string, _ syscall.RawConn) error { return nil }
