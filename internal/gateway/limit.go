package gateway

import (
	"net"
	"sync"
	"time"
)

// limitedListener holds back Accept while n connections are open.
type limitedListener struct {
	net.Listener
	slots chan struct{}
	stall time.Duration // 0: no bound
	once  sync.Once
	ended chan struct{}
}

// limit bounds the connections of a listener, and how long one may take
// nothing of what is sent to it.
func limit(ln net.Listener, n int, stall time.Duration) net.Listener {
	return &limitedListener{Listener: ln, slots: make(chan struct{}, n), stall: stall, ended: make(chan struct{})}
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
		boundStall(tcp, l.stall)
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
