package handover

import (
	"fmt"
	"syscall"
	"unsafe"
)

// monotonic is the time of CLOCK_MONOTONIC, which Go's package time keeps to
// itself.
func monotonic() []string {
	const clockMonotonic = 1
	var t syscall.Timespec
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&t)), 0); errno != 0 {
		return nil
	}
	return []string{fmt.Sprintf("MONOTONIC_USEC=%d", t.Nano()/1000)}
}
