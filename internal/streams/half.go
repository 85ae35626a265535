package streams

import (
	"errors"
	"io"
	"net"
)

// Buffers of a direction begin small, because most connections are idle most
// of the time, and double when what is read fills them.
const (
	minBuffer = 2 << 10
	maxBuffer = 32 << 10
)

// spliceMin is the rest of a payload from which splice(2) is worth its set-up.
const spliceMin = 16 << 10

// half is one direction. It belongs to the goroutine that passes it on, but
// for closing and ended, which are under the WebSocket's mu.
type half struct {
	from, to net.Conn
	frames   Frames
	buf      []byte
	n        int64 // bytes passed on
	discard  bool  // what is read is followed, but not passed on any more
	stuck    bool  // passing on failed; with splice(2), or reading did

	closing bool // a Close frame of the peer's own has come
	ended   bool
}

// splice passes on the rest of a large payload.
func (h *half) splice(left int64) error {
	n, err := io.Copy(h.to, &io.LimitedReader{R: h.from, N: left})
	h.n += n
	h.frames.Advance(uint64(n))
	if err == nil && n < left {
		return io.EOF
	}
	h.stuck = err != nil
	return err
}

func (h *half) read() ([]byte, error) {
	if h.buf == nil {
		h.buf = make([]byte, minBuffer)
	}
	n, err := h.from.Read(h.buf)
	p := h.buf[:n]
	if n == len(h.buf) && n < maxBuffer {
		h.buf = make([]byte, 2*n)
	}
	return p, err
}

func (h *half) write(p []byte) error {
	n, err := h.to.Write(p)
	h.n += int64(n)
	h.stuck = err != nil
	return err
}

// closeWrite tells the peer that no more will come, if err is a clean end.
func (h *half) closeWrite(err error) bool {
	to, ok := h.to.(interface{ CloseWrite() error })
	return errors.Is(err, io.EOF) && ok && to.CloseWrite() == nil
}
