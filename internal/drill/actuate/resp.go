package actuate

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

// respConn is a connection to a Redis server that speaks RESP 2.
type respConn struct {
	conn net.Conn
	r    *bufio.Reader
}

// dialRESP connects; the connection can be used for limit.
func dialRESP(ctx context.Context, address string, limit time.Duration) (*respConn, error) {
	d := net.Dialer{Timeout: limit}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		conn.Close()
		return nil, err
	}
	return &respConn{conn, bufio.NewReader(conn)}, nil
}

func (c *respConn) close() { c.conn.Close() }

// do sends a command and reads its answer: string, int64, nil or []any. An
// error that the server answers has the server's words alone.
func (c *respConn) do(args ...string) (any, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := io.WriteString(c.conn, b.String()); err != nil {
		return nil, err
	}
	return c.read(0)
}

// Bounds of an answer.
const (
	maxRESPDepth = 8
	maxRESPSize  = 1 << 20
)

func (c *respConn) read(depth int) (any, error) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" || depth > maxRESPDepth {
		return nil, errors.New("the answer is not RESP")
	}
	switch rest := line[1:]; line[0] {
	case '+':
		return rest, nil
	case '-':
		return nil, errors.New(rest)
	case ':':
		return strconv.ParseInt(rest, 10, 64)
	case '$', '*':
		n, err := strconv.Atoi(rest)
		if err != nil || n > maxRESPSize {
			return nil, fmt.Errorf("the answer is not RESP: %.20q", line)
		}
		if n < 0 {
			return nil, nil
		}
		if line[0] == '$' {
			return c.bulk(n)
		}
		return c.array(n, depth)
	default:
		return nil, fmt.Errorf("the answer is not RESP: %.20q", line)
	}
}

func (c *respConn) bulk(n int) (any, error) {
	b := make([]byte, n+2)
	if _, err := io.ReadFull(c.r, b); err != nil {
		return nil, err
	}
	return string(b[:n]), nil
}

func (c *respConn) array(n, depth int) (any, error) {
	var list []any
	for range n {
		v, err := c.read(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}
