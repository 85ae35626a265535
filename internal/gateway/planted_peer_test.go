//go:build linux

package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/evenkeel/evenkeel/internal/target"
)

// ledger is what the planted targets of one case have really done.
type ledger struct {
	mu       sync.Mutex
	executed []string     // IDs of the targets that read the request whole, in order
	read     atomic.Int64 // request bytes that the faulty target's process read
	ready    chan struct{}
	done     chan struct{} // the case is over
}

func (l *ledger) execute(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.executed = append(l.executed, id)
}

// planted is one connection of a planted target.
type planted struct {
	*net.TCPConn
	t   *testing.T
	id  string
	led *ledger
	br  *bufio.Reader
}

func (p *planted) Read(b []byte) (int, error) {
	n, err := p.TCPConn.Read(b)
	if p.id == "a" {
		p.led.read.Add(int64(n))
	}
	return n, err
}

// request reads a whole request, which is what executing one needs.
func (p *planted) request() bool {
	r, err := http.ReadRequest(p.br)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, r.Body)
	return err == nil
}

func (p *planted) execute() {
	if p.request() {
		p.led.execute(p.id)
	}
}

func (p *planted) answer() {
	fmt.Fprintf(p, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(p.id), p.id)
}

func (p *planted) send(s string) { io.WriteString(p, s) }

func (p *planted) reset() {
	p.SetLinger(0)
	p.Close()
}

// drain throws away what comes until the other side closes.
func (p *planted) drain() { io.Copy(io.Discard, p.TCPConn) }

// soon polls the socket until ok, or the end of the case.
func (p *planted) soon(ok func(fd uintptr) bool) {
	raw, err := p.SyscallConn()
	if err != nil {
		p.t.Error(err)
		return
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for done := false; !done; {
		if err := raw.Control(func(fd uintptr) { done = ok(fd) }); err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-p.led.done:
			return
		}
	}
}

// arrived waits until request bytes lie in this side's kernel, unread.
func (p *planted) arrived() {
	p.soon(func(fd uintptr) bool {
		n, _, _ := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		return n > 0
	})
}

// lost waits until a segment for this side was thrown away by its filter.
func (p *planted) lost() {
	const soMeminfo, drops = 55, 8 // socket(7) has neither; linux/sock_diag.h has
	p.soon(func(fd uintptr) bool {
		var info [drops + 1]uint32
		size := uint32(unsafe.Sizeof(info))
		_, _, e := syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.SOL_SOCKET, soMeminfo,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		if e != 0 {
			p.t.Error(e)
		}
		return e != 0 || info[drops] > 0
	})
}

// Classic BPF over a TCP segment: what is refused counts as never arrived.
var (
	dropAll     = []syscall.SockFilter{{Code: syscall.BPF_RET | syscall.BPF_K}}
	dropPayload = []syscall.SockFilter{
		{Code: syscall.BPF_LD | syscall.BPF_B | syscall.BPF_ABS, K: 12},
		{Code: syscall.BPF_ALU | syscall.BPF_RSH | syscall.BPF_K, K: 2},
		{Code: syscall.BPF_ALU | syscall.BPF_AND | syscall.BPF_K, K: 0x3c}, // the header's length
		{Code: syscall.BPF_MISC | syscall.BPF_TAX},
		{Code: syscall.BPF_LD | syscall.BPF_W | syscall.BPF_LEN},
		{Code: syscall.BPF_JMP | syscall.BPF_JGT | syscall.BPF_X, Jt: 1},
		{Code: syscall.BPF_RET | syscall.BPF_K, K: 1 << 18},
		{Code: syscall.BPF_RET | syscall.BPF_K},
	}
)

// filter makes the kernel of this side lose segments.
func filter(t *testing.T, c syscall.Conn, program []syscall.SockFilter) {
	raw, err := c.SyscallConn()
	if err != nil {
		t.Error(err)
		return
	}
	var attachErr error
	err = raw.Control(func(fd uintptr) {
		attachErr = syscall.AttachLsf(int(fd), program) //nolint:staticcheck // SA1019: a module more would be the alternative
	})
	if err != nil || attachErr != nil {
		t.Error(err, attachErr)
	}
}

// plant starts a target. Warm, a connection answers its first request well;
// then, as from the start otherwise, f has it. Lost segments begin with f.
func plant(t *testing.T, id string, led *ledger, f fault, warm bool) target.Target {
	t.Helper()
	if f.refused {
		return dead(t, id)
	}
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // which takes no filters
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tgt := target.Target{ID: id, Address: ln.Addr().String()}
	if f.lost != nil && !warm {
		filter(t, ln.(*net.TCPListener), f.lost)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			p := &planted{TCPConn: c.(*net.TCPConn), t: t, id: id, led: led}
			p.br = bufio.NewReader(p)
			wg.Go(func() {
				defer p.Close()
				p.serve(f, warm)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		wg.Wait()
	})
	return tgt
}

func (p *planted) serve(f fault, warm bool) {
	if warm {
		if !p.request() {
			return
		}
		p.answer()
		if f.lost != nil {
			filter(p.t, p.TCPConn, f.lost)
		}
		p.led.read.Store(0)
		if f.stale {
			p.Close()
		}
		select {
		case p.led.ready <- struct{}{}:
		default:
		}
	}
	f.act(p)
}
