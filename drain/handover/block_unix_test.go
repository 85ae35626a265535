//go:build unix

package handover

import (
	"net"
	"testing"
	"time"
)

// An Accept that was begun while the socket was in blocking mode, as it is for
// a moment when it is handed over, holds nobody up.
func TestStopReturnsThoughAnAcceptIsInTheKernel(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Wrap(plain, "")
	accepted := make(chan net.Conn)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- c
		}
	}()
	f, err := plain.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.Fd() // sets blocking mode, for plain as well
	c, err := net.Dial("tcp", plain.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got := <-accepted // the next Accept blocks
	defer got.Close()
	stopped := make(chan error, 1)
	go func() { stopped <- l.Stop() }()
	select {
	case err := <-stopped:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("Stop waits for somebody to connect")
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	<-accepted
}
