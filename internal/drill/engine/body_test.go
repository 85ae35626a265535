package engine

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// scripted is a connection from which an answer can be read.
type scripted struct {
	net.Conn
	io.Reader
}

func (s scripted) Read(p []byte) (int, error) { return s.Reader.Read(p) }

// What is read of a body does not depend on how its length is known.
func TestBodies(t *testing.T) {
	long := strings.Repeat("x", 70<<10)
	for _, test := range []struct {
		name, method, answer, body string
		max                        int64
		truncated, complete        bool
		err                        error
	}{
		{name: "length", answer: "Content-Length: 3\r\n\r\nabc", body: "abc", complete: true},
		{name: "empty", answer: "Content-Length: 0\r\n\r\n", complete: true},
		{name: "one too short", answer: "Content-Length: 3\r\n\r\nab", body: "ab", err: io.EOF},
		{name: "bytes beyond it", answer: "Content-Length: 3\r\n\r\nabcd", body: "abc"},
		{name: "as long as may be", answer: "Content-Length: 3\r\n\r\nabc", body: "abc", max: 3, complete: true},
		{name: "longer", answer: "Content-Length: 4\r\n\r\nabcd", body: "abc", max: 3, truncated: true},
		{name: "long", answer: "Content-Length: 71680\r\n\r\n" + long, body: long, complete: true},
		{name: "chunked", answer: "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", body: "abc", complete: true},
		{name: "to the end", answer: "Connection: close\r\n\r\nabc", body: "abc"},
		{name: "of a HEAD", method: http.MethodHead, answer: "Content-Length: 3\r\n\r\n", complete: true},
		{name: "of a POST", method: http.MethodPost, answer: "Content-Length: 3\r\n\r\nabc", body: "abc", complete: true},
	} {
		l := &lane{conn: scripted{Reader: strings.NewReader("HTTP/1.1 200 OK\r\n" + test.answer)}}
		max := test.max
		if max == 0 {
			max = 1 << 20
		}
		a, err := l.receive(test.method, max, func(http.Header) {})
		if !errors.Is(err, test.err) || string(a.body) != test.body || a.truncated != test.truncated || a.complete != test.complete {
			t.Errorf("%s: %d bytes, truncated %v, complete %v, %v", test.name, len(a.body), a.truncated, a.complete, err)
		}
	}
}
