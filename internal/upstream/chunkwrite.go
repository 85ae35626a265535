package upstream

import (
	"errors"
	"fmt"
	"io"
)

const (
	sizeLine    = 6       // a chunk size as four hex digits, CR LF
	minChunk    = 1 << 10 // room below which the buffer is written out first
	hexDigits   = "0123456789abcdef"
	lastChunk   = "0\r\n"
	maxChunkOut = 1<<16 - 1
)

// sendChunked sends the body as it comes, a chunk for each Read, then the
// trailer. The head in b does not wait for the first byte of the body, unless
// that is in memory (has a Len) and all may go in one write.
func (x *exchange) sendChunked(b []byte) error {
	_, inMemory := x.req.Body.(interface{ Len() int })
	for ended := false; !ended; {
		if len(b) > 0 && (!inMemory || cap(b)-len(b) < minChunk) {
			if err := x.push(b, x.known.touched); err != nil {
				return err
			}
			b = b[:0]
		}
		var err error
		if b, err = x.appendChunk(b); errors.Is(err, io.EOF) {
			ended = true
		} else if err != nil {
			return x.clientErr(err)
		}
	}
	b = append(b, lastChunk...)
	if x.req.Trailer != nil {
		var err error
		if b, err = appendTrailer(b, x.req.Trailer()); err != nil {
			x.known.client = true
			return fmt.Errorf("trailer: %w", err)
		}
	}
	return x.push(append(b, "\r\n"...), true)
}

// appendChunk appends what one Read gives, if anything. The size line has
// leading zeros where it must, so that the data need not move.
func (x *exchange) appendChunk(b []byte) ([]byte, error) {
	data := b[len(b)+sizeLine : cap(b)-len("\r\n")]
	n, err := x.readBody(data[:min(len(data), maxChunkOut)])
	if n == 0 {
		return b, err
	}
	b = append(b, hexDigits[n>>12&15], hexDigits[n>>8&15], hexDigits[n>>4&15], hexDigits[n&15], '\r', '\n')
	return append(b[:len(b)+n], "\r\n"...), err
}
