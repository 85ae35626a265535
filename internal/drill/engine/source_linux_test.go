package engine

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"testing"
)

// The port of a listed source is the kernel's choice at connect(2), and the
// connection is kept alive.
func TestPortLater(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, sources := range [][]netip.Addr{{netip.MustParseAddr("127.0.0.5")}, nil} {
		c, err := NewClient([]string{"http://" + l.Addr().String()}, NewClock(), ClientOptions{Sources: sources})
		if err != nil {
			t.Fatal(err)
		}
		conn, err := c.connect(context.Background(), c.entrances[0])
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		raw, err := conn.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var later, alive, idle int
		err = raw.Control(func(fd uintptr) {
			later, _ = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_IP, bindAddressNoPort)
			alive, _ = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_KEEPALIVE)
			idle, _ = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE)
		})
		if err != nil || later != len(sources) || alive != 1 || idle != 45 {
			t.Errorf("from %v: %d, %d, %d, %v", sources, later, alive, idle, err)
		}
	}
}
