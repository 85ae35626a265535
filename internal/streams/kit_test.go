package streams

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// wire is a WebSocket between two real connections: the test holds the far
// ends.
type wire struct {
	*WebSocket
	client, target *end
	done           chan int64
}

// end is the client's or the target's end, written by hand.
type end struct {
	t *testing.T
	net.Conn
	br     *bufio.Reader
	client bool
}

func tcpPair(t *testing.T) (far, near net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if far, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if near, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close(); near.Close() })
	if err := far.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return far, near
}

// patient has bounds that no test reaches unless it means to.
var patient = WebSocketOptions{Grace: time.Hour, Wait: time.Hour, HalfClosed: time.Hour}

func connect(t *testing.T, opt WebSocketOptions) *wire {
	t.Helper()
	cFar, cNear := tcpPair(t)
	tFar, tNear := tcpPair(t)
	return join(t, opt, cFar, cNear, tFar, tNear)
}

func join(t *testing.T, opt WebSocketOptions, cFar, cNear, tFar, tNear net.Conn) *wire {
	w := &wire{
		WebSocket: NewWebSocket(cNear, tNear, opt), done: make(chan int64, 1),
		client: &end{t, cFar, bufio.NewReader(cFar), true}, target: &end{t, tFar, bufio.NewReader(tFar), false},
	}
	go func() {
		n := w.Run()
		cNear.Close()
		tNear.Close()
		w.done <- n
	}()
	return w
}

// wait returns when Run has.
func (w *wire) wait(t *testing.T) int64 {
	t.Helper()
	select {
	case n := <-w.done:
		return n
	case <-time.After(20 * time.Second):
		t.Fatal("Run has not returned")
		return 0
	}
}

func (e *end) write(b []byte) {
	e.t.Helper()
	if _, err := e.Write(b); err != nil {
		e.t.Fatalf("write: %v", err)
	}
}

// send writes a frame of this end.
func (e *end) send(first byte, payload string) {
	e.t.Helper()
	e.write(frame(first, []byte(payload), e.client, 0))
}

// want reads exactly these bytes.
func (e *end) want(b []byte) {
	e.t.Helper()
	got := make([]byte, len(b))
	n, err := io.ReadFull(e.br, got)
	if err != nil || !bytes.Equal(got, b) {
		e.t.Fatalf("got %d bytes % .60x, %v, want %d % .60x", n, got[:n], err, len(b), b)
	}
}

// wantFrame reads a frame as the other end sends it.
func (e *end) wantFrame(first byte, payload string) {
	e.t.Helper()
	e.want(frame(first, []byte(payload), !e.client, 0))
}

const restart = "\x03\xf4service restart"

// wantRestart reads the relay's own Close, whose masking key is not known.
func (e *end) wantRestart() {
	e.t.Helper()
	if e.client {
		e.wantFrame(0x88, restart)
		return
	}
	b := make([]byte, 6+len(restart))
	if _, err := io.ReadFull(e.br, b); err != nil {
		e.t.Fatal(err)
	}
	for i := range b[6:] {
		b[6+i] ^= b[2+i%4]
	}
	if b[0] != 0x88 || b[1] != 0x80|byte(len(restart)) || string(b[6:]) != restart {
		e.t.Fatalf("got % x", b)
	}
}

// wantEnd reads the end of the connection, and nothing before it.
func (e *end) wantEnd() {
	e.t.Helper()
	if b, err := e.br.ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		e.t.Fatalf("got %#x, %v, want the end", b, err)
	}
}

// halfClose says that nothing more will come.
func (e *end) halfClose() {
	e.t.Helper()
	if err := e.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		e.t.Fatal(err)
	}
}
