package redistest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// answer bounds one command of a Conn.
const answer = 5 * time.Second

// Error is what a server answered with "-".
type Error string

func (e Error) Error() string { return string(e) }

// Conn is one connection to a server, in RESP2. It is for one goroutine.
type Conn struct {
	c net.Conn
	r *bufio.Reader
}

// Dial connects to the server and authenticates with its Password.
func (s *Server) Dial() (*Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answer)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr)
	if err != nil {
		return nil, err
	}
	conn := &Conn{c, bufio.NewReader(c)}
	if s.Password != "" {
		if _, err := conn.Do("AUTH", s.Password); err != nil {
			c.Close()
			return nil, err
		}
	}
	return conn, nil
}

// Do sends one command on a connection of its own, so nothing that belongs to
// a connection (SELECT, MULTI, the offset that WAIT looks at) is carried over;
// see [Conn.Do].
func (s *Server) Do(args ...string) (any, error) {
	c, err := s.Dial()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Do(args...)
}

// Info is a section of INFO by field.
func (s *Server) Info(section string) (map[string]string, error) {
	v, err := s.Do("INFO", section)
	if err != nil {
		return nil, err
	}
	return fields(v), nil
}

// fields reads the lines "name:value" of INFO and CLUSTER INFO.
func fields(v any) map[string]string {
	text, _ := v.(string)
	m := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			m[name] = value
		}
	}
	return m
}

// Do sends one command and returns its answer: a string, an int64, nil, or a
// []any of those and of errors. An error that the server answered is an
// [Error]; any other error, such as no answer within 5 s, leaves the
// connection unusable.
func (c *Conn) Do(args ...string) (any, error) {
	if err := c.c.SetDeadline(time.Now().Add(answer)); err != nil {
		return nil, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := io.WriteString(c.c, b.String()); err != nil {
		return nil, err
	}
	v, err := c.read()
	if err != nil {
		return nil, err
	}
	if e, ok := v.(Error); ok {
		return nil, e
	}
	return v, nil
}

// Close closes the connection.
func (c *Conn) Close() { c.c.Close() }

// read reads one value; one that the server calls an error is an Error.
func (c *Conn) read() (any, error) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	malformed := fmt.Errorf("malformed answer %q", line)
	text, ok := strings.CutSuffix(line[1:], "\r\n")
	if !ok {
		return nil, malformed
	}
	switch line[0] {
	case '+':
		return text, nil
	case '-':
		return Error(text), nil
	case ':':
		return strconv.ParseInt(text, 10, 64)
	}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return nil, malformed
	case n < 0:
		return nil, nil
	case line[0] == '$':
		b := make([]byte, n+2)
		_, err := io.ReadFull(c.r, b)
		return string(b[:n]), err
	case line[0] == '*':
		return c.list(n)
	}
	return nil, malformed
}

func (c *Conn) list(n int) (any, error) {
	list := make([]any, n)
	for i := range list {
		v, err := c.read()
		if err != nil {
			return nil, err
		}
		list[i] = v
	}
	return list, nil
}
