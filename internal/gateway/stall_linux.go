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

// Keep-alive probes. The time-out ends an idle connection, too, whose probes are
// lost for that long, and those of thousands of clients who came together leave
// in one burst, of which some may be lost each time. So one that was lost is
// repeated soon, by itself.
const (
	probeAfter = 15 * time.Second
	probeAgain = 12 // in the time-out
)

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
		again := max(1, int(d.Seconds())/probeAgain)
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, int(probeAfter.Seconds()))
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, again)
	})
}
