package redistest

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// flow is one connection through a Proxy.
type flow struct {
	client net.Conn
	silent atomic.Bool // bytes vanish, from now to its end
	done   chan struct{}

	mu     sync.Mutex
	server net.Conn // nil until dialled, and always if silent from the start
	ended  bool

	writing [2]sync.Mutex // held while a direction passes something on
}

// run forwards until both ends are done, or the flow is reset.
func (f *flow) run(p *Proxy) {
	if !f.silent.Load() && !f.dial(p.target) {
		p.forget(f)
		f.reset()
		return
	}
	var wg sync.WaitGroup
	if s := f.upstream(); s != nil {
		wg.Go(func() { f.pump(0, f.client, s, p) })
		wg.Go(func() { f.pump(1, s, f.client, p) })
	} else {
		wg.Go(func() { f.pump(0, f.client, nil, p) })
	}
	wg.Wait()
	if f.silent.Load() {
		<-f.done // the other end must not see that this one has gone
		return
	}
	p.forget(f)
	f.reset()
}

// dial connects to the server; false if it cannot or the flow has ended.
func (f *flow) dial(target string) bool {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-f.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	s, err := new(net.Dialer).DialContext(ctx, "tcp", target)
	if err != nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		s.Close()
		return false
	}
	f.server = s
	return true
}

func (f *flow) upstream() net.Conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.server
}

// pump passes on what from sends, and its end.
func (f *flow) pump(direction int, from, to net.Conn, p *Proxy) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && !f.hold(p.held()) {
			return
		}
		end := errors.Is(err, io.EOF)
		if !f.pass(direction, to, buf[:n], end) || (err != nil && !end && !f.silent.Load()) {
			f.reset() // one end is broken: so is the other
			return
		}
		if err != nil {
			return
		}
	}
}

// hold waits; false if the flow has ended meanwhile.
func (f *flow) hold(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	select {
	case <-time.After(d):
		return true
	case <-f.done:
		return false
	}
}

// pass writes b, or swallows it; false if the other end is broken.
func (f *flow) pass(direction int, to net.Conn, b []byte, end bool) bool {
	f.writing[direction].Lock()
	defer f.writing[direction].Unlock()
	if f.silent.Load() {
		return true
	}
	if _, err := to.Write(b); err != nil {
		return f.silent.Load() // BlackHole ends a write
	}
	if tcp, ok := to.(*net.TCPConn); ok && end {
		_ = tcp.CloseWrite() // an end that is gone needs no end
	}
	return true
}

// quiesce returns when nothing is being passed on; silent must be set.
func (f *flow) quiesce() {
	past := time.Unix(1, 0)
	_ = f.client.SetWriteDeadline(past) // a write to an end that reads nothing
	if s := f.upstream(); s != nil {
		_ = s.SetWriteDeadline(past)
	}
	for i := range f.writing {
		f.writing[i].Lock()
		f.writing[i].Unlock() //nolint:staticcheck // waiting is the purpose
	}
}

// reset closes both ends at once.
func (f *flow) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return
	}
	f.ended = true
	close(f.done)
	for _, c := range []net.Conn{f.client, f.server} {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset instead of a polite end
		}
		if c != nil {
			c.Close()
		}
	}
}
