package gateway

import (
	"net"
	"syscall"
	"testing"
	"time"
)

// Several keep-alive probes fit into the time after which the kernel gives a
// silent peer up, so that one which is lost ends nothing.
func TestIdleClientsSurviveALostProbe(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	tcp := c.(*net.TCPConn)
	boundStall(tcp, time.Minute)
	get := func(option int) (v int) {
		raw, err := tcp.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		if err := raw.Control(func(fd uintptr) { v, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, option) }); err != nil {
			t.Fatal(err)
		}
		return v
	}
	if d := get(tcpUserTimeout); d != 60_000 {
		t.Fatalf("the kernel gives up after %d ms", d)
	}
	idle, again := get(syscall.TCP_KEEPIDLE), get(syscall.TCP_KEEPINTVL)
	if probes := (60 - idle) / again; idle != 15 || probes < 8 {
		t.Errorf("first probe after %d s, then every %d s: %d in the rest of a minute", idle, again, probes)
	}
}
