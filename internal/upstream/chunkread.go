package upstream

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// chunkAt is where in a chunked body the next byte belongs.
type chunkAt uint8

const (
	atSize chunkAt = iota
	atData
	atDataEnd
	atTrailer
)

// chunks is the state of decoding a chunked body (RFC 9112, 7.1).
type chunks struct {
	at      chunkAt
	slack   int64 // bytes that were not data, less what is usual
	trailer http.Header
}

const (
	maxSizeDigits = 15      // below 2^60: no overflow
	maxSlack      = 8 << 10 // of extensions and tiny chunks, beyond what the data excuses
)

// trailer is Response.Trailer.
func (b *body) trailer() http.Header {
	if !errors.Is(b.err, io.EOF) {
		return nil
	}
	return b.chunks.trailer
}

// readChunked fills p with data, from several chunks where they are buffered
// already; with data in hand it does not wait. At the end it returns io.EOF,
// with the last data if the end is buffered.
func (b *body) readChunked(p []byte) (n int, err error) {
	br := b.x.c.br
	for err == nil {
		if n > 0 && !b.advances(br, len(p)-n) {
			return n, nil
		}
		switch b.chunks.at {
		case atSize:
			err = b.readSize(br)
		case atData:
			var m int
			m, err = br.Read(p[n : n+int(min(int64(len(p)-n), b.left))])
			n += m
			if b.left -= int64(m); b.left == 0 {
				b.chunks.at = atDataEnd
			}
		case atDataEnd:
			err = readDataEnd(br)
			b.chunks.at = atSize
		case atTrailer:
			if err = b.readTrailer(br); err == nil {
				return n, io.EOF
			}
		}
	}
	return n, early(err)
}

// advances reports whether decoding can go on with what is buffered.
func (b *body) advances(br *bufio.Reader, room int) bool {
	switch b.chunks.at {
	case atSize:
		p, _ := br.Peek(br.Buffered())
		return bytes.IndexByte(p, '\n') >= 0
	case atData:
		return room > 0 && br.Buffered() > 0
	case atDataEnd:
		return br.Buffered() >= 2
	default: // no trailer, the usual case
		p, _ := br.Peek(min(2, br.Buffered()))
		return string(p) == "\r\n"
	}
}

// readSize reads a chunk's size line: hex digits, then perhaps blanks (old
// servers pad with them) and extensions, which are skipped.
func (b *body) readSize(br *bufio.Reader) error {
	line, err := br.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return fmt.Errorf("%w: chunk size line too long", ErrMalformed)
	case err != nil:
		return err
	case len(line) < 2 || line[len(line)-2] != '\r':
		return fmt.Errorf("%w: chunk size line without CR LF", ErrMalformed)
	}
	size, err := parseSize(line[:len(line)-2])
	if err != nil {
		return err
	}
	b.chunks.slack = max(0, b.chunks.slack+int64(len(line))-16-2*size)
	if b.chunks.slack > maxSlack {
		return fmt.Errorf("%w: chunks with more overhead than data", ErrMalformed)
	}
	b.left = size
	b.chunks.at = atData
	if size == 0 {
		b.chunks.at = atTrailer
	}
	return nil
}

func parseSize(line []byte) (int64, error) {
	var size int64
	i := 0
	for ; i < len(line); i++ {
		digit, ok := unhex(line[i])
		if !ok {
			break
		}
		size = size<<4 | digit
	}
	rest := bytes.TrimLeft(line[i:], " \t")
	if i == 0 || i > maxSizeDigits || len(rest) > 0 && rest[0] != ';' || !isFieldValue(string(rest)) {
		return 0, fmt.Errorf("%w: chunk size line %q", ErrMalformed, line[:min(len(line), 32)])
	}
	return size, nil
}

func unhex(c byte) (digit int64, ok bool) {
	switch {
	case '0' <= c && c <= '9':
		return int64(c - '0'), true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int64(c|0x20-'a') + 10, true
	}
	return 0, false
}

func readDataEnd(br *bufio.Reader) error {
	p, err := br.Peek(2)
	if err != nil {
		return err
	}
	if string(p) != "\r\n" {
		return fmt.Errorf("%w: chunk longer than its size", ErrMalformed)
	}
	_, err = br.Discard(2)
	return err
}

// readTrailer reads the fields after the last chunk. Those that only a head
// may carry are left out.
func (b *body) readTrailer(br *bufio.Reader) error {
	block, lines, err := readBlock(br, b.x.pool.opt.MaxHeadBytes)
	if err != nil || lines == 0 {
		return err
	}
	fields, err := parseFields(block, lines)
	if err != nil {
		return err
	}
	for name := range fields {
		if engineOwned(name) || name == "Trailer" || name == "Te" {
			delete(fields, name)
		}
	}
	b.chunks.trailer = fields
	return nil
}
