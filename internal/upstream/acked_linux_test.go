package upstream

import (
	"io"
	"net"
	"syscall"
	"testing"
)

// setQuickAck makes the peer's kernel acknowledge at once, or late.
func setQuickAck(t *testing.T, nc net.Conn, value int) {
	raw, err := nc.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var sockErr error
	err = raw.Control(func(fd uintptr) {
		sockErr = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, value)
	})
	if err != nil || sockErr != nil {
		t.Fatal(err, sockErr)
	}
}

// What earlier requests of a connection had acknowledged does not count.
func TestUnackedOnAUsedConnection(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	theirs, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	c := newConn(nc)
	request := func() {
		c.borrow()
		if _, err := c.write([]byte("hello")); err != nil {
			t.Error(err)
		}
	}
	for range 3 {
		request()
		setQuickAck(t, theirs, 1)
		if _, err := io.ReadFull(theirs, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the acknowledgement", func() bool { return !c.unacked() })
		c.unborrow()
	}
	theirs.Close()
	request()
	defer c.unborrow()
	if _, err := c.br.ReadByte(); err != io.EOF {
		t.Errorf("read: %v", err)
	}
	if !c.unacked() {
		t.Error("a request that came after the close counts as acknowledged")
	}
}

// A target can read a request whose acknowledgement then never comes, when it
// resets: that is why a reset proves nothing.
func TestResetIsAmbiguous(t *testing.T) {
	p := target(t, Options{}, func(p *peer) {
		setQuickAck(t, p.Conn, 0)
		p.request()
		p.reset()
	})
	if e := failing(t, p, post("hello")); e.Unreceived || e.Wrote == 0 {
		t.Errorf("got %+v", e)
	}
}
