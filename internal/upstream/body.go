package upstream

import (
	"errors"
	"fmt"
	"io"
	"net/http"
)

// spliceMin is the rest of a body from which splice(2) is worth its set-up.
const spliceMin = 16 << 10

// body is the Body of a Response.
type body struct {
	x       *exchange
	framing framing
	left    int64 // of the body, or of the chunk
	chunks  chunks
	err     error // what Read returns from now on: io.EOF, an *Error, or http.ErrBodyReadAfterClose
	rest    io.LimitedReader
}

// Read implements io.Reader. The connection goes back with the last byte, not
// only with the io.EOF after it.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	var n int
	var err error
	switch b.framing {
	case byLength:
		n, err = b.readLength(p)
	case chunked:
		n, err = b.readChunked(p)
	case untilClose:
		n, err = b.x.c.br.Read(p)
	default: // the tunnel is not a body
		err = http.ErrBodyNotAllowed
	}
	if err != nil {
		err = b.stop(err)
	}
	return n, err
}

func (b *body) readLength(p []byte) (int, error) {
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.x.c.br.Read(p)
	b.left -= int64(n)
	if b.left == 0 {
		return n, io.EOF
	}
	return n, early(err)
}

// early makes the end of the stream an error, for where more must follow.
func early(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// stop ends the body: at its clean end (io.EOF) or by an error.
func (b *body) stop(err error) error {
	if b.err != nil {
		return b.err
	}
	if errors.Is(err, io.EOF) {
		b.x.end(b.x.answer.keep)
		b.err = io.EOF
	} else {
		b.err = b.x.fail(fmt.Errorf("read response body: %w", err))
	}
	return b.err
}

// Close implements io.Closer: it aborts the connection unless the body was
// read to its end. It returns nil always, and may be called again.
func (b *body) Close() error {
	b.abort()
	return nil
}

func (b *body) abort() {
	if b.err == nil {
		b.err = http.ErrBodyReadAfterClose
		b.x.end(0)
	}
}

// WriteTo implements io.WriterTo. The rest of a body with a length goes to w's
// ReadFrom as an io.LimitedReader over the TCP connection, which is what the
// standard library's splice(2) looks for. A writer with FlushError, as the
// standard library's server has it, is flushed before the target is waited
// for. A writer that fails aborts the connection: what it did not take is lost.
func (b *body) WriteTo(w io.Writer) (int64, error) {
	written, err := b.writeTo(w)
	if err != nil {
		b.abort()
	}
	return written, err
}

func (b *body) writeTo(w io.Writer) (written int64, err error) {
	if b.err == nil && b.framing == byLength {
		if written, err = b.writeBuffered(w); err != nil {
			return written, err
		}
		// Without a look at the socket it could not be told whose an error is.
		if from, ok := w.(io.ReaderFrom); ok && b.err == nil && b.left >= spliceMin && b.x.c.peek.raw != nil {
			n, err := b.splice(from)
			written += n
			if err != nil {
				return written, err
			}
		}
	}
	n, err := b.copy(w)
	return written + n, err
}

// writeBuffered writes what came along with the head, without copying it first.
func (b *body) writeBuffered(w io.Writer) (int64, error) {
	br := b.x.c.br
	p, _ := br.Peek(int(min(b.left, int64(br.Buffered())))) // cannot fail: it is there
	if len(p) == 0 {
		return 0, nil
	}
	n, err := w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if _, discardErr := br.Discard(n); discardErr != nil {
		return int64(n), b.stop(discardErr)
	}
	if b.left -= int64(n); b.left == 0 {
		_ = b.stop(io.EOF)
	}
	return int64(n), err
}

// splice flushes first: net/http's server would wait for 512 bytes more.
func (b *body) splice(w io.ReaderFrom) (int64, error) {
	if f, ok := w.(flusher); ok {
		if err := f.FlushError(); err != nil {
			return 0, err
		}
	}
	b.rest = io.LimitedReader{R: b.x.c.nc, N: b.left}
	n, err := w.ReadFrom(&b.rest)
	b.left = b.rest.N
	switch {
	case err != nil && b.x.c.peek.look() != gone:
		return n, err // the writer's
	case err != nil:
		return n, b.stop(err)
	case b.left > 0:
		return n, b.stop(io.ErrUnexpectedEOF)
	}
	_ = b.stop(io.EOF)
	return n, nil
}

// flusher is what the standard library's ResponseWriters have.
type flusher interface{ FlushError() error }

// flush has w pass on what it holds back before more is waited for, if it can:
// what a target sends in pieces arrives in pieces.
func (b *body) flush(w io.Writer) error {
	f, ok := w.(flusher)
	if !ok || b.err != nil || b.framing == tunnel || b.x.c.readable() {
		return nil
	}
	return f.FlushError()
}

// copy writes the rest of the body, each piece as soon as it is there.
func (b *body) copy(w io.Writer) (written int64, err error) {
	if errors.Is(b.err, io.EOF) {
		return 0, nil
	}
	scratch := buffers.Get().(*buffer)
	defer scratch.free()
	p := scratch.b[:cap(scratch.b)]
	for {
		if err := b.flush(w); err != nil {
			return written, err
		}
		n, err := b.Read(p)
		if n > 0 {
			m, writeErr := w.Write(p[:n])
			written += int64(m)
			if writeErr == nil && m < n {
				writeErr = io.ErrShortWrite
			}
			if writeErr != nil {
				return written, writeErr
			}
		}
		if errors.Is(err, io.EOF) {
			return written, nil
		}
		if err != nil {
			return written, err
		}
	}
}
