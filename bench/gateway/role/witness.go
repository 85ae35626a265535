package role

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// witness is a listener that tells which POSTs its process has read, and which
// the kernel had acknowledged for it, unread, when their connection was closed:
// no proxy can know that those were not executed.
type witness struct {
	*net.TCPListener
	mu    sync.RWMutex // held for reading while bytes go from the kernel to the process
	conns sync.Map     // of *witnessConn
}

func newWitness(l *net.TCPListener) *witness { return &witness{TCPListener: l} }

// Accept implements net.Listener.
func (w *witness) Accept() (net.Conn, error) {
	c, err := w.AcceptTCP()
	if err != nil {
		return nil, err
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	seen := &witnessConn{TCPConn: c, raw: raw, witness: w}
	w.conns.Store(seen, nil)
	return seen, nil
}

// Close also looks at connections that nobody has accepted.
func (w *witness) Close() error {
	raw, err := w.SyscallConn()
	if err == nil {
		err = raw.Control(refuse)
	}
	return errors.Join(err, w.TCPListener.Close())
}

// exit ends the process. Between the look at a connection and its end there
// is nothing but a system call, so that what is not told was not acknowledged.
func (w *witness) exit() {
	w.mu.Lock() // for ever: whatever is read from now on would not be told
	if raw, err := w.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			refuse(fd)
			_ = syscall.Close(int(fd))
		})
	}
	w.conns.Range(func(key, _ any) bool {
		_ = key.(*witnessConn).raw.Control(func(fd uintptr) {
			told := peek(int(fd))
			_ = syscall.Close(int(fd))
			tell(Unread, told)
		})
		return true
	})
	os.Exit(0)
}

// refuse closes the connections that wait for being accepted.
func refuse(fd uintptr) {
	for {
		c, _, err := syscall.Accept4(int(fd), syscall.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		told := peek(c)
		_ = syscall.Close(c)
		tell(Unread, told)
	}
}

// peek is what has arrived and was not read.
func peek(fd int) []byte {
	b := make([]byte, 4<<10)
	n, _, err := syscall.Recvfrom(fd, b, syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	if err != nil {
		return nil
	}
	return b[:n]
}

// tell prints the ids of POSTs whose target stands in b.
func tell(what string, b []byte) {
	const mark = "/write?id="
	for {
		_, rest, ok := bytes.Cut(b, []byte(mark))
		if !ok {
			return
		}
		id, _, _ := bytes.Cut(rest, []byte(" "))
		fmt.Println(what, string(id))
		b = rest
	}
}

// witnessConn is a connection of a witness.
type witnessConn struct {
	*net.TCPConn
	raw     syscall.RawConn
	witness *witness
	once    sync.Once
}

// Read implements net.Conn.
func (c *witnessConn) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	waited := c.raw.Read(func(fd uintptr) bool {
		c.witness.mu.RLock()
		defer c.witness.mu.RUnlock()
		for {
			n, err = syscall.Read(int(fd), p)
			if !errors.Is(err, syscall.EINTR) {
				break
			}
		}
		if n > 0 {
			tell(Read, p[:n])
		}
		return !errors.Is(err, syscall.EAGAIN)
	})
	switch {
	case waited != nil:
		return 0, waited
	case err != nil:
		return 0, os.NewSyscallError("read", err)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Close implements net.Conn.
func (c *witnessConn) Close() error {
	var told []byte
	c.once.Do(func() {
		c.witness.conns.Delete(c)
		_ = c.raw.Control(func(fd uintptr) { told = peek(int(fd)) })
	})
	err := c.TCPConn.Close()
	tell(Unread, told)
	return err
}
