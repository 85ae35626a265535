package upstream

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const (
	bufferSize = 32 << 10 // of a head with a small body, and of a piece of a large one

	// pushSlice bounds one attempt to write a piece of a large body, so that
	// an answer is noticed while the target takes nothing.
	pushSlice = 200 * time.Millisecond
	// standstill is how many slices in a row may pass without a byte taken
	// when an answer is already there: 5 s.
	standstill = 25
)

// buffer is scratch for writing a request or copying a body.
type buffer struct{ b []byte }

var buffers = sync.Pool{New: func() any { return &buffer{make([]byte, 0, bufferSize)} }}

func (s *buffer) free() {
	if cap(s.b) <= 4*bufferSize { // a monstrous head does not stay
		buffers.Put(s)
	}
}

// errEnough ends the sending of a body: the answer is there and wants no more.
var errEnough = errors.New("answered early")

// send writes the request. Nil means that there is something to read: the
// whole request was written, or known.answered is set.
func (x *exchange) send() error {
	scratch := buffers.Get().(*buffer)
	defer scratch.free()
	b, err := x.req.appendHead(scratch.b[:0], x.pool.addr)
	scratch.b = b
	if err != nil {
		x.known.client = true
		return err
	}
	if err = x.ctx.Err(); err != nil {
		return err
	}
	if x.c, err = x.pool.take(x.ctx, x.req.Fresh); err != nil {
		return err
	}
	err = x.transmit(b)
	switch {
	case err == nil:
		x.known.sent = true
		return nil
	case errors.Is(err, errEnough):
		x.c.closeWrite()
		return nil
	case x.known.broken && !x.known.client:
		return x.salvage(err)
	}
	return err
}

// salvage looks for an answer that came before writing failed.
func (x *exchange) salvage(cause error) error {
	for !x.known.answered {
		if err := x.next(); err != nil {
			if errors.Is(err, ErrMalformed) {
				return err
			}
			return cause
		}
	}
	return nil
}

func (x *exchange) transmit(b []byte) error {
	if x.req.framing == unframed {
		return x.flush(b)
	}
	if x.req.expects {
		if err := x.flush(b); err != nil {
			return err
		}
		if err := x.expect(); err != nil {
			return err
		}
		b = b[:0]
	}
	var err error
	if x.req.framing == chunked {
		err = x.sendChunked(b)
	} else {
		err = x.sendLength(b)
	}
	if err != nil || !x.known.sliced {
		return err
	}
	return x.c.nc.SetWriteDeadline(time.Time{})
}

// expect waits for 100 Continue, for an answer instead of it (errEnough), or
// for the time after which the body goes unasked (RFC 9110, 10.1.1).
func (x *exchange) expect() error {
	limit := time.Now().Add(x.pool.opt.ContinueTimeout)
	for !x.known.continued {
		if err := x.c.nc.SetReadDeadline(limit); err != nil {
			return err
		}
		_, err := x.c.br.Peek(1)
		if clearErr := x.c.nc.SetReadDeadline(time.Time{}); clearErr != nil {
			return clearErr
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err := x.bounded(); err != nil {
			return err
		}
		if x.known.answered {
			return errEnough
		}
	}
	return nil
}

// sendLength sends exactly ContentLength bytes; b holds what goes before them.
func (x *exchange) sendLength(b []byte) error {
	left := x.req.ContentLength
	whole := left <= int64(cap(b)-len(b)) // goes with the head, in one write
	for left > 0 {
		if !whole && len(b) == cap(b) {
			if err := x.flush(b); err != nil {
				return err
			}
			b = b[:0]
		}
		room := b[len(b):cap(b)]
		if int64(len(room)) > left {
			room = room[:left]
		}
		n, err := x.readBody(room)
		b, left = b[:len(b)+n], left-int64(n)
		if err != nil && left > 0 {
			return x.clientErr(err)
		}
		if whole && left > 0 {
			continue
		}
		if err := x.push(b, !whole); err != nil {
			return err
		}
		b = b[:0]
	}
	return nil
}

// readBody reads at least one byte of the request's body, or fails.
func (x *exchange) readBody(p []byte) (int, error) {
	x.known.touched = true
	for range 100 {
		if n, err := x.req.Body.Read(p); n != 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

func (x *exchange) clientErr(err error) error {
	x.known.client = true
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read request body: %w", err)
}

// flush writes b, whatever time it takes.
func (x *exchange) flush(b []byte) error { return x.push(b, false) }

// push writes b; sliced, it looks for an answer before and whenever the target
// takes nothing for a while.
func (x *exchange) push(b []byte, sliced bool) error {
	if x.c.br == nil {
		if err := x.begin(); err != nil {
			return err
		}
	}
	for idle := 0; ; {
		if sliced {
			if err := x.poll(); err != nil {
				return err
			}
			if x.known.answered && idle >= standstill {
				return errEnough
			}
			x.known.sliced = true
			if err := x.c.nc.SetWriteDeadline(time.Now().Add(pushSlice)); err != nil {
				return err
			}
		}
		n, err := x.c.write(b)
		if err == nil {
			return nil
		}
		if !sliced || !errors.Is(err, os.ErrDeadlineExceeded) {
			x.known.broken = true
			return fmt.Errorf("write request: %w", err)
		}
		b = b[n:]
		if idle++; n > 0 {
			idle = 0
		}
		if silence := x.pool.opt.SilenceTimeout; silence > 0 && time.Duration(idle)*pushSlice >= silence && x.c.silent(silence) {
			return fmt.Errorf("write request: %w", ErrSilent)
		}
	}
}

// poll reads the heads that have come, without waiting for one. It fails with
// errEnough when the answer refuses the rest of the body. (An announced close
// is no refusal: net/http's server announces one, and reads on.)
func (x *exchange) poll() error {
	for !x.known.answered && x.c.readable() {
		if err := x.bounded(); err != nil {
			return err
		}
	}
	if x.known.answered && x.answer.status >= 300 {
		return errEnough
	}
	return nil
}
