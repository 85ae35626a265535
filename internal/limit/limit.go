// Package limit bounds the connections of a listener.
//
//	ln = limit.Listener(ln, 16384, nil) // more wait in the kernel's queue
//
// Guarantees: at most so many connections are open at once; each gives its
// place back when it is closed. A TCP connection keeps its ReadFrom, WriteTo
// and CloseWrite, and with them splice(2), see [Bare].
package limit

import (
	"net"
	"sync"
)

// limitedListener holds back Accept while n connections are open.
type limitedListener struct {
	net.Listener
	slots chan struct{}
	tune  func(*net.TCPConn)
	once  sync.Once
	ended chan struct{}
}

// Listener bounds the connections of ln to n, and calls tune, if it is not nil,
// for each TCP connection.
func Listener(ln net.Listener, n int, tune func(*net.TCPConn)) net.Listener {
	return &limitedListener{Listener: ln, slots: make(chan struct{}, n), tune: tune, ended: make(chan struct{})}
}

// Bare is the TCP connection in one of a Listener, or c itself.
func Bare(c net.Conn) net.Conn {
	if l, ok := c.(*limitedConn); ok {
		return l.TCPConn
	}
	return c
}

// Accept waits for a free slot first.
func (l *limitedListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.ended:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return l.wrap(c), nil
}

// Close also ends an Accept that waits for a slot.
func (l *limitedListener) Close() error {
	l.once.Do(func() { close(l.ended) })
	return l.Listener.Close()
}

// limitedConn gives its slot back when it is closed. It embeds the TCP
// connection itself, so that its ReadFrom, WriteTo and CloseWrite, and with
// them splice(2), stay in reach.
type limitedConn struct {
	*net.TCPConn
	free func()
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	defer c.free()
	return c.TCPConn.Close()
}

func (l *limitedListener) wrap(c net.Conn) net.Conn {
	free := sync.OnceFunc(func() { <-l.slots })
	if tcp, ok := c.(*net.TCPConn); ok {
		if l.tune != nil {
			l.tune(tcp)
		}
		return &limitedConn{TCPConn: tcp, free: free}
	}
	return &otherConn{Conn: c, free: free}
}

// otherConn is limitedConn for what is not TCP.
type otherConn struct {
	net.Conn
	free func()
}

// Close implements net.Conn.
func (c *otherConn) Close() error {
	defer c.free()
	return c.Conn.Close()
}
