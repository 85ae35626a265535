package limit

import (
	"errors"
	"net"
	"testing"
	"time"
)

func TestNoMoreThanTheLimitAreAccepted(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tuned := 0
	ln := Listener(plain, 2, func(*net.TCPConn) { tuned++ })
	defer ln.Close()
	accepted := make(chan net.Conn, 3)
	ended := make(chan error, 1)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				ended <- err
				return
			}
			accepted <- c
		}
	}()
	for range 3 {
		c, err := net.Dial("tcp", plain.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	first := <-accepted
	second := <-accepted
	defer second.Close()
	select {
	case <-accepted:
		t.Fatal("a third connection was accepted")
	case <-time.After(50 * time.Millisecond):
	}
	if _, ok := Bare(first).(*net.TCPConn); !ok || Bare(plainConn{}) != (plainConn{}) {
		t.Errorf("%T under a limited connection", Bare(first))
	}
	first.Close()
	first.Close() // gives one place back, not two
	third := <-accepted
	defer third.Close()
	if tuned != 3 {
		t.Errorf("%d connections were tuned", tuned)
	}
	ln.Close() // while Accept waits for a place
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

type plainConn struct{ net.Conn }
