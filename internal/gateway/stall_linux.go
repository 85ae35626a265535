package gateway

import (
	"net"
	"syscall"
	"time"
)

// stallByKernel says that the kernel cuts connections of HTTP/1 that take
// nothing.
const stallByKernel = true

// tcpUserTimeout is TCP_USER_TIMEOUT of <linux/tcp.h>, which package syscall
// does not name on all architectures.
const tcpUserTimeout = 18

// boundStall has the kernel end the connection when the peer acknowledged
// nothing of what was sent, or had no room for what waits, for d. It costs
// nothing per write, and holds within splice(2), TLS and upgraded connections.
func boundStall(c *net.TCPConn, d time.Duration) {
	raw, err := c.SyscallConn()
	if err != nil || d <= 0 {
		return
	}
	// Without it the connection is still served; a kernel that refuses it does
	// so to all.
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(d.Milliseconds()))
	})
}
