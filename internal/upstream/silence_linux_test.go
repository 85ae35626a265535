package upstream

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// loseAll makes the peer's kernel lose every segment, as if its host had
// vanished.
func (p *peer) loseAll() {
	raw, err := p.Conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		p.t.Error(err)
		return
	}
	var attachErr error
	err = raw.Control(func(fd uintptr) {
		attachErr = syscall.AttachLsf(int(fd), []syscall.SockFilter{{Code: syscall.BPF_RET | syscall.BPF_K}}) //nolint:staticcheck // SA1019: no other in the standard library
	})
	if err != nil || attachErr != nil {
		p.t.Error(err, attachErr)
	}
}

// A host that vanishes is told from a slow one, and its idle connections go.
func TestTargetVanishes(t *testing.T) {
	for name, size := range map[string]int64{"small": 1 << 10, "large": 64 << 20} {
		t.Run(name, func(t *testing.T) {
			done := make(chan struct{})
			defer close(done)
			var together, vanished sync.WaitGroup
			together.Add(3)
			vanished.Add(3)
			p := target(t, Options{SilenceTimeout: 100 * time.Millisecond}, func(p *peer) {
				p.request()
				together.Done()
				together.Wait() // a connection for each
				p.send(answerOK)
				p.loseAll()
				vanished.Done()
				<-done
			})
			var warm sync.WaitGroup
			for range 3 {
				warm.Go(func() { must(t, p, get("/")) })
			}
			warm.Wait()
			vanished.Wait()
			u := &upload{size: size}
			e := failing(t, p, &Request{Method: "POST", Target: "/", Body: u, ContentLength: size})
			if !errors.Is(e, ErrSilent) || e.Timeout() || e.Unreceived || e.Answer || e.Client || !e.Reused {
				t.Errorf("got %+v", e)
			}
			if s := p.Stats(); s.Idle != 0 {
				t.Errorf("%d of the vanished host's connections were kept", s.Idle)
			}
		})
	}
}

// A target that is slow to read or to answer is not silent: its system
// acknowledges.
func TestSlowTargetIsNotSilent(t *testing.T) {
	const silence = 20 * time.Millisecond
	for name, size := range map[string]int64{"answering": 1 << 10, "reading": 16 << 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slow := func(p *peer) {
				r := p.head()
				<-time.After(30 * silence)
				n, _ := io.Copy(io.Discard, io.LimitReader(p.br, size))
				p.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n")
				<-time.After(5 * silence) // within a head
				p.send("\r\nok")
				if r == "" || n != size {
					t.Errorf("the target got %q and %d bytes", r, n)
				}
				p.untilClosed()
			}
			p := target(t, Options{SilenceTimeout: silence}, slow)
			if _, body := must(t, p, &Request{Method: "POST", Target: "/", Body: &upload{size: size}, ContentLength: size}); body != "ok" {
				t.Errorf("got %q", body)
			}
		})
	}
}

// The kernel tells of a reset once. What reads as an end after that is none in
// good order, whoever was told.
func TestResetReadsAsAnEnd(t *testing.T) {
	for name, take := range map[string]func(c *conn){
		"to a look":  func(c *conn) { c.peek.look() },
		"to a write": func(c *conn) { _, _ = c.write([]byte("x")) },
	} {
		for how, end := range map[string]func(*peer){"reset": (*peer).reset, "closed": func(p *peer) { p.Close() }} {
			t.Run(how+", told "+name, func(t *testing.T) {
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
				c := newConn(nc)
				c.borrow()
				defer c.unborrow()
				end(&peer{theirs, t, bufio.NewReader(theirs)})
				eventually(t, "the end arrives", func() bool {
					info := c.info()
					return info != nil && info.State != 1 // TCP_ESTABLISHED
				})
				take(c)
				if _, err := c.br.ReadByte(); !errors.Is(err, io.EOF) {
					t.Errorf("read: %v, want what looks like an end", err)
				}
				if got := c.endedWell(); got != (how == "closed") {
					t.Errorf("ended well: %v", got)
				}
			})
		}
	}
}

// A POST whose first piece was read is not called unreceived because the reset
// was met by a look between two pieces.
func TestResetBetweenPieces(t *testing.T) {
	closed := make(chan struct{})
	p := target(t, Options{}, func(p *peer) {
		p.request()
		p.send(answerOK)
		setQuickAck(t, p.Conn, 0)
		_, _ = io.ReadFull(p.Conn, make([]byte, 10))
		p.reset()
		close(closed)
	})
	must(t, p, get("/"))
	first := strings.NewReader(strings.Repeat("x", 8<<10))
	rest := &waitingBody{strings.NewReader(strings.Repeat("x", 72<<10)), func() { <-closed }}
	r := post("")
	r.Body, r.ContentLength = io.MultiReader(first, rest), 80<<10
	if e := failing(t, p, r); e.Unreceived || !e.Reused {
		t.Errorf("got %+v", e)
	}
}
