package handover

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"
)

// Listener is a listener that can stop to accept without its server noticing:
// net/http closes idle connections as soon as Accept fails and Shutdown is
// called, and a request that is just on its way is lost with them. It is safe
// for concurrent use.
type Listener struct {
	net.Listener
	address   string // that was asked for; empty is unknown
	accepting chan struct{}
	stopped   chan struct{}
	closed    chan struct{}
	begin     func()
	stop      func() error
	end       func()
}

// Wrap makes ln stoppable, which somebody has asked for by this address, such
// as :8080. The Listener owns it.
func Wrap(ln net.Listener, address string) *Listener {
	l := &Listener{Listener: ln, address: address, accepting: make(chan struct{}), stopped: make(chan struct{}), closed: make(chan struct{})}
	l.begin = sync.OnceFunc(func() { close(l.accepting) })
	l.end = sync.OnceFunc(func() { close(l.closed) })
	l.stop = sync.OnceValue(func() error {
		close(l.stopped)
		return closeAwake(ln)
	})
	return l
}

// wakeAfter is how long a Close may take by itself.
const wakeAfter = 100 * time.Millisecond

// closeAwake closes ln. An Accept that has begun while the socket was in
// blocking mode (see unblock) waits in the kernel, and Close for it, until
// somebody connects: then that is us.
func closeAwake(ln net.Listener) error {
	closed := make(chan error, 1)
	go func() { closed <- ln.Close() }()
	for {
		select {
		case err := <-closed:
			return err
		case <-time.After(wakeAfter):
		}
		address := ln.Addr().String()
		if tcp, ok := ln.Addr().(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
			address = net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
		}
		d := net.Dialer{Timeout: time.Second}
		if c, err := d.DialContext(context.Background(), ln.Addr().Network(), address); err == nil {
			c.Close()
		}
	}
}

// Accept implements net.Listener. After Stop it blocks until Close.
func (l *Listener) Accept() (net.Conn, error) {
	l.begin()
	c, err := l.Listener.Accept()
	if err == nil {
		return c, nil
	}
	select {
	case <-l.stopped:
		<-l.closed
		return nil, net.ErrClosed
	default:
		return nil, err
	}
}

// Accepting is closed when Accept is called for the first time.
func (l *Listener) Accepting() <-chan struct{} { return l.accepting }

// Stop gives this process's hold of the socket up. Connections that were
// accepted stay.
func (l *Listener) Stop() error { return l.stop() }

// Close implements net.Listener.
func (l *Listener) Close() error {
	l.end()
	if err := l.stop(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
