//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package upstream

import (
	"errors"
	"syscall"
)

func (p *peeker) init(raw syscall.RawConn) {
	p.raw = raw
	var b [1]byte
	p.fn = func(fd uintptr) {
		for {
			n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			switch {
			case errors.Is(err, syscall.EINTR):
				continue
			case errors.Is(err, syscall.EAGAIN):
				p.seen = quiet
			case err != nil:
				p.seen, p.failed = gone, true
			case n == 0:
				p.seen = gone
			default:
				p.seen = pending
			}
			return
		}
	}
}
