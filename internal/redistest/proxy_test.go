package redistest

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// echo answers every byte with itself, and counts the bytes it has seen.
type echo struct {
	addr string
	mu   sync.Mutex
	seen []byte
}

func startEcho(t *testing.T) *echo {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &echo{addr: l.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { e.serve(c) })
			t.Cleanup(func() { c.Close() })
		}
	})
	t.Cleanup(func() { l.Close() })
	return e
}

func (e *echo) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		b, err := r.ReadByte()
		if err != nil {
			return
		}
		e.mu.Lock()
		e.seen = append(e.seen, b)
		e.mu.Unlock()
		if _, err := c.Write([]byte{b}); err != nil {
			return
		}
	}
}

func (e *echo) all() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return string(e.seen)
}

func dial(t *testing.T, addr, from string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// say sends a byte and returns the error of reading it back.
func say(c net.Conn, b byte, limit time.Duration) error {
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	if _, err := c.Write([]byte{b}); err != nil {
		return err
	}
	var got [1]byte
	_, err := io.ReadFull(c, got[:])
	return err
}

func mustSay(t *testing.T, c net.Conn, b byte) {
	t.Helper()
	if err := say(c, b, patience); err != nil {
		t.Fatalf("%c: %v", b, err)
	}
}

func mustBeSilent(t *testing.T, c net.Conn, b byte) {
	t.Helper()
	if err := say(c, b, 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%c: %v, want silence", b, err)
	}
}

func TestABlackHoleIsSilentAndForgets(t *testing.T) {
	t.Parallel()
	e := startEcho(t)
	p := StartProxy(t, e.addr)
	old := dial(t, p.Addr, "127.0.0.1")
	mustSay(t, old, 'a') // control
	p.BlackHole()
	mustBeSilent(t, old, 'b')
	mustBeSilent(t, dial(t, p.Addr, "127.0.0.1"), 'c')
	p.Heal()
	if err := say(old, 'd', patience); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a connection that lost bytes goes on: %v", err)
	}
	mustSay(t, dial(t, p.Addr, "127.0.0.1"), 'e')
	if got := e.all(); got != "ae" {
		t.Errorf("the server saw %q, want \"ae\"", got)
	}
}

func TestABlackHoleForSomeLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	e := startEcho(t)
	p := StartProxy(t, e.addr)
	ours, theirs := dial(t, p.Addr, "127.0.0.1"), dial(t, p.Addr, peers)
	mustSay(t, theirs, 'a')
	p.BlackHole(peers)
	mustBeSilent(t, theirs, 'b')
	mustSay(t, ours, 'c')
	mustSay(t, dial(t, p.Addr, "127.0.0.1"), 'd')
	mustBeSilent(t, dial(t, p.Addr, peers), 'e')
	p.Heal()
	mustSay(t, ours, 'f')
	if got := e.all(); got != "acdf" {
		t.Errorf("the server saw %q", got)
	}
}

// The end of a connection vanishes as its bytes do.
func TestABlackHoleHidesThatAClientHasGone(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := StartProxy(t, l.Addr().String())
	for _, cut := range []bool{false, true} {
		c := dial(t, p.Addr, "127.0.0.1")
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		if cut {
			p.BlackHole()
		}
		c.Close()
		limit := patience
		if cut {
			limit = 100 * time.Millisecond
		}
		server.SetReadDeadline(time.Now().Add(limit))
		_, err = server.Read(make([]byte, 1))
		if hidden := errors.Is(err, os.ErrDeadlineExceeded); hidden != cut {
			t.Errorf("cut %v: the server reads %v", cut, err)
		}
	}
}

// Also not while the server reads nothing and the proxy's write is stuck.
func TestABlackHoleDoesNotWaitForAnEndThatReadsNothing(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := StartProxy(t, l.Addr().String())
	c := dial(t, p.Addr, "127.0.0.1")
	c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	for err = nil; err == nil; {
		_, err = c.Write(make([]byte, 1<<20)) // until every buffer is full
	}
	p.BlackHole()
	c.SetWriteDeadline(time.Now().Add(patience))
	if _, err := c.Write(make([]byte, 8<<20)); err != nil {
		t.Errorf("the black hole swallows no more: %v", err)
	}
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	e := startEcho(t)
	p := StartProxy(t, e.addr)
	c := dial(t, p.Addr, "127.0.0.1")
	mustSay(t, c, 'a')
	p.Refuse()
	if err := say(c, 'b', patience); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a connection lives on: %v", err)
	}
	if c, err := net.Dial("tcp", p.Addr); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dialling: %v, %v", c, err)
	}
	p.Heal()
	mustSay(t, dial(t, p.Addr, "127.0.0.1"), 'c')
}

func TestDelayHoldsUpBothWays(t *testing.T) {
	t.Parallel()
	p := StartProxy(t, startEcho(t).addr)
	c := dial(t, p.Addr, "127.0.0.1")
	p.Delay(60 * time.Millisecond)
	began := time.Now()
	mustSay(t, c, 'a')
	if took := time.Since(began); took < 120*time.Millisecond {
		t.Errorf("there and back in %v with 60 ms each way", took)
	}
	p.Delay(0)
	mustSay(t, c, 'b')
}

func TestAConnectionToNobodyIsReset(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	p := StartProxy(t, l.Addr().String())
	c, err := net.Dial("tcp", p.Addr)
	if err == nil { // else the reset was quick
		defer c.Close()
		err = say(c, 'a', patience)
	}
	if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}

func TestAProxyMayBeToldFromManyGoroutines(t *testing.T) {
	t.Parallel()
	p := StartProxy(t, startEcho(t).addr)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	for _, f := range []func(){
		func() { p.BlackHole() }, func() { p.BlackHole(peers) }, p.Refuse, p.Heal, func() { p.Delay(time.Millisecond) },
		func() {
			if c, err := net.Dial("tcp", p.Addr); err == nil {
				say(c, 'a', 5*time.Millisecond)
				c.Close()
			}
		},
	} {
		wg.Go(func() {
			for ctx.Err() == nil {
				f()
			}
		})
	}
	wg.Wait()
	p.Heal()
	p.Delay(0)
	mustSay(t, dial(t, p.Addr, "127.0.0.1"), 'a')
}
