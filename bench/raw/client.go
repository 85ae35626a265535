package raw

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Get is a GET without a body. Fields are whole lines, "Cookie: a=b".
func Get(host, path string, fields ...string) []byte { return request("GET", host, path, fields) }

// Post is a POST with an empty body.
func Post(host, path string, fields ...string) []byte {
	return request("POST", host, path, append([]string{"Content-Length: 0"}, fields...))
}

func request(method, host, path string, fields []string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, host)
	for _, f := range fields {
		b.WriteString(f + "\r\n")
	}
	b.WriteString("\r\n")
	return []byte(b.String())
}

// Conn is one connection. One goroutine at a time uses it.
type Conn struct {
	net.Conn
	r *bufio.Reader
}

// Dial connects.
func Dial(ctx context.Context, addr string) (*Conn, error) {
	c, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: c, r: bufio.NewReaderSize(c, 16<<10)}, nil
}

// Answer is the head of an answer, and the size of its body.
type Answer struct {
	Status    int
	SetCookie string // the first one: name=value
	Instance  string // X-Instance
	Bytes     int64  // of the body
	Close     bool   // the connection cannot be used again
	length    int64  // of the body; -1 is chunked
}

// Do sends a request and reads the whole answer. After an error the connection
// is of no more use.
func (c *Conn) Do(request []byte) (Answer, error) {
	a, err := c.Head(request)
	if err != nil {
		return a, err
	}
	if a.length >= 0 {
		n, err := c.r.Discard(int(a.length))
		a.Bytes = int64(n)
		return a, early(err)
	}
	for {
		n, err := c.Chunk()
		if err != nil || n == 0 {
			return a, err
		}
		a.Bytes += int64(n)
	}
}

// Head sends a request and reads the head of the answer; a chunked body is read
// by Chunk.
func (c *Conn) Head(request []byte) (Answer, error) {
	if _, err := c.Write(request); err != nil {
		return Answer{}, err
	}
	line, err := c.line()
	if err != nil {
		return Answer{}, err
	}
	proto, rest, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(rest, " ")
	a := Answer{}
	if a.Status, err = strconv.Atoi(code); err != nil || proto != "HTTP/1.1" || a.Status < 200 {
		return a, fmt.Errorf("answer begins with %q", line)
	}
	framed := a.Status == 204 || a.Status == 304
	for {
		line, err := c.line()
		if err != nil {
			return a, early(err)
		}
		if line == "" {
			break
		}
		known, err := a.field(line)
		if err != nil {
			return a, err
		}
		framed = framed || known
	}
	if !framed {
		return a, errors.New("answer without Content-Length that is not chunked")
	}
	return a, nil
}

// field reads a field of a head, and reports whether it says how long the body
// is.
func (a *Answer) field(line string) (framing bool, err error) {
	name, value, _ := strings.Cut(line, ":")
	value = strings.TrimSpace(value)
	switch {
	case len(name) == 14 && strings.EqualFold(name, "Content-Length"):
		a.length, err = strconv.ParseInt(value, 10, 32)
		return true, err
	case len(name) == 17 && strings.EqualFold(name, "Transfer-Encoding"):
		a.length = -1
		return true, nil
	case len(name) == 10 && strings.EqualFold(name, "Connection"):
		a.Close = strings.EqualFold(value, "close")
	case len(name) == 10 && strings.EqualFold(name, "Set-Cookie") && a.SetCookie == "":
		a.SetCookie, _, _ = strings.Cut(value, ";")
	case len(name) == 10 && strings.EqualFold(name, "X-Instance"):
		a.Instance = value
	}
	return false, nil
}

// Chunk reads one chunk of a body and returns its size; 0 is the body's end.
func (c *Conn) Chunk() (int, error) {
	line, err := c.line()
	if err != nil {
		return 0, early(err)
	}
	n, err := strconv.ParseInt(line, 16, 32)
	if err != nil {
		return 0, fmt.Errorf("size of a chunk: %w", err)
	}
	_, err = c.r.Discard(int(n) + len("\r\n"))
	return int(n), early(err)
}

func (c *Conn) line() (string, error) {
	b, err := c.r.ReadSlice('\n')
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// early makes an end within an answer an error of its own.
func early(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
