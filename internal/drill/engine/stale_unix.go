//go:build unix

package engine

import (
	"crypto/tls"
	"errors"
	"net"
	"syscall"
)

// isStale tells whether an idle connection has been closed by the service, or
// holds bytes that nobody asked for (a 408, a TLS close_notify). Both mean that
// a browser would not use it again.
func isStale(conn net.Conn) bool {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	c, ok := conn.(syscall.Conn)
	if !ok {
		return false // not a socket: it will be found out by using it
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	idle := false
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		idle = errors.Is(err, syscall.EAGAIN)
		return true
	})
	return err != nil || !idle
}
