package upstream

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strings"
	"time"
)

// head is a response head that was understood.
type head struct {
	status  int
	minor   byte // of HTTP/1.minor
	header  http.Header
	length  int64 // Content-Length; -1: none
	chunked bool
	keep    time.Duration // how long the connection may be kept after; 0: it ends with this response
}

// readHead reads the next head, interim or final.
func (x *exchange) readHead() (head, error) {
	br := x.c.br
	if _, err := br.Peek(1); err != nil {
		return head{}, x.noHead(err)
	}
	x.known.came = true
	block, lines, err := readBlock(br, x.pool.opt.MaxHeadBytes)
	if err != nil {
		return head{}, fmt.Errorf("read response head: %w", err)
	}
	h, err := parseHead(block, lines)
	if err != nil {
		return head{}, err
	}
	return h, h.frame()
}

// noHead notes how reading ended before the first byte of a head.
func (x *exchange) noHead(err error) error {
	if errors.Is(err, io.EOF) {
		x.known.ended = true
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read response head: %w", err)
}

// readBlock reads lines up to and with the empty one that ends them. It
// returns them as one string, which everything parsed from it shares, and
// their number without the empty one. Every line must end in CR LF, and all
// must fit into limit bytes.
func readBlock(br *bufio.Reader, limit int) (block string, lines int, err error) {
	var full []byte   // what no longer fits into br
	var previous byte // the last byte of full
	length := 0       // of the line that has begun
	for {
		buf, _ := br.Peek(br.Buffered()) // cannot fail: it is there
		for at := 0; at < len(buf); {
			i := bytes.IndexByte(buf[at:], '\n')
			if i < 0 {
				length += len(buf) - at
				break
			}
			if end := at + i; end > 0 {
				previous = buf[end-1]
			}
			if length += i + 1; length < 2 || previous != '\r' {
				return "", 0, fmt.Errorf("%w: line feed without carriage return", ErrMalformed)
			}
			at += i + 1
			if length > 2 {
				lines++
				length = 0
				continue
			}
			if len(full)+at > limit {
				return "", 0, tooLarge(limit)
			}
			block = joined(full, buf[:at])
			_, err = br.Discard(at)
			return block, lines, err
		}
		if len(full)+len(buf) >= limit {
			return "", 0, tooLarge(limit)
		}
		full = append(full, buf...)
		if len(full) > 0 {
			previous = full[len(full)-1]
		}
		if _, err = br.Discard(len(buf)); err != nil {
			return "", 0, err
		}
		if _, err = br.Peek(1); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return "", 0, err
		}
	}
}

func joined(a, b []byte) string {
	if len(a) == 0 {
		return string(b)
	}
	return string(append(a, b...))
}

func tooLarge(limit int) error {
	return fmt.Errorf("%w: head larger than %d bytes", ErrMalformed, limit)
}

// parseHead takes apart a block as readBlock gives it.
func parseHead(block string, lines int) (head, error) {
	line, rest, _ := strings.Cut(block, "\r\n")
	h := head{length: -1}
	// "HTTP/1.1 200 OK"; the space before an absent reason may be absent too.
	ok := len(line) >= 12 && line[:7] == "HTTP/1." && (line[7] == '0' || line[7] == '1') && line[8] == ' ' &&
		(len(line) == 12 || line[12] == ' ') && isFieldValue(line[12:])
	if ok {
		h.minor = line[7] - '0'
		for _, c := range []byte(line[9:12]) {
			ok = ok && '0' <= c && c <= '9'
			h.status = h.status*10 + int(c-'0')
		}
	}
	if !ok || h.status < 100 {
		return h, fmt.Errorf("%w: status line %q", ErrMalformed, short(line))
	}
	var err error
	h.header, err = parseFields(rest, lines-1)
	return h, err
}

// parseFields parses lines field lines and the empty one after them. Common
// names are interned by textproto, others and the values share block.
func parseFields(block string, lines int) (http.Header, error) {
	fields := make(http.Header, lines)
	values := make([]string, lines)
	for i := range values {
		line, rest, _ := strings.Cut(block, "\r\n")
		block = rest
		name, value, colon := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		if !colon || !isToken(name) || !isFieldValue(value) {
			return nil, fmt.Errorf("%w: field line %q", ErrMalformed, short(name))
		}
		name = textproto.CanonicalMIMEHeaderKey(name)
		if before, ok := fields[name]; ok {
			fields[name] = append(before, value)
			continue
		}
		values[i] = value
		fields[name] = values[i : i+1 : i+1]
	}
	return fields, nil
}

// short keeps what a stranger sent from filling a log.
func short(s string) string { return s[:min(len(s), 64)] }
