package upstream

import (
	"bufio"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// readerSize is the buffer an exchange reads its response head through; what
// is larger bypasses it. An idle connection has none.
const readerSize = 8 << 10

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, readerSize) }}

// conn is one connection to the target. Between borrow and unborrow it
// belongs to one exchange.
type conn struct {
	nc      net.Conn
	br      *bufio.Reader // over nc; nil while idle
	sent    int64         // bytes the kernel took since the connection was opened
	base    int64         // sent, when the current exchange began
	reused  bool
	failed  bool      // writing met a reset, or another error of the connection
	expires time.Time // while idle
	peek    peeker
	abort   func() // closes nc, from any goroutine; made once, for context.AfterFunc
}

func newConn(nc net.Conn) *conn {
	c := &conn{nc: nc, abort: func() { nc.Close() }}
	if tcp, ok := nc.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			c.peek.init(raw)
		}
	}
	return c
}

func (c *conn) borrow() {
	c.br = readers.Get().(*bufio.Reader)
	c.br.Reset(c.nc)
	c.base = c.sent
}

// unborrow gives the buffer back, and reports whether it was empty: bytes
// beyond the response make the connection unusable.
func (c *conn) unborrow() bool {
	if c.br == nil {
		return true
	}
	clean := c.br.Buffered() == 0
	c.br.Reset(nil)
	readers.Put(c.br)
	c.br = nil
	return clean
}

func (c *conn) write(p []byte) (int, error) {
	n, err := c.nc.Write(p)
	c.sent += int64(n)
	if err != nil && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, os.ErrDeadlineExceeded) {
		c.failed = true
	}
	return n, err
}

// closeWrite tells the target that no more will come, lest it wait for the
// rest of a body while its answer is waited for (RFC 9112, 9.5).
func (c *conn) closeWrite() {
	if tcp, ok := c.nc.(*net.TCPConn); ok {
		_ = tcp.CloseWrite() // fails when the target has closed already, which serves as well
	}
}

// endedWell reports whether an end of the stream that was read is the target's
// close, and not what remains of a reset: the kernel tells of that only once,
// perhaps to a write or a look. (Writing after the target's close is EPIPE.)
func (c *conn) endedWell() bool { return !c.failed && !c.peek.failed }

// wrote is how much of the current request the kernel took.
func (c *conn) wrote() int64 { return c.sent - c.base }

// readable reports whether reading would not wait: there are bytes, an end or
// an error.
func (c *conn) readable() bool { return c.br.Buffered() > 0 || c.peek.look() != quiet }

// glance is what a look at a socket without reading it shows.
type glance uint8

const (
	quiet   glance = iota // open, nothing to read; also where the system cannot say
	pending               // at least one byte
	gone                  // end of stream, or an error
)

// peeker looks at a socket's input without waiting and without reading it.
// The zero value sees nothing.
type peeker struct {
	raw    syscall.RawConn
	fn     func(fd uintptr) // made once: a look allocates nothing
	seen   glance
	failed bool // a look has taken an error away, which a read will not see
}

func (p *peeker) look() glance {
	if p.raw == nil {
		return quiet
	}
	if err := p.raw.Control(p.fn); err != nil {
		return gone
	}
	return p.seen
}
