package gateway

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/target"
)

// The frames of HTTP/2 (RFC 9113, 6) that these tests send or look at.
const (
	h2Data         = 0x0
	h2Headers      = 0x1
	h2Reset        = 0x3
	h2Settings     = 0x4
	h2Ping         = 0x6
	h2GoAway       = 0x7
	h2Window       = 0x8
	h2Continuation = 0x9

	h2EndStream  = 0x1
	h2EndHeaders = 0x4
)

// h2Conn writes frames by hand: a client library would refuse to send what
// these tests need.
type h2Conn struct{ *client }

type h2Frame struct {
	kind, flags byte
	stream      uint32
	payload     []byte
}

// dialH2 is a connection in clear text after both prefaces.
func dialH2(t testing.TB, addr string, settings ...byte) *h2Conn {
	t.Helper()
	c := &h2Conn{dial(t, addr)}
	io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	c.send(h2Frame{kind: h2Settings, payload: settings})
	return c
}

func (c *h2Conn) send(f h2Frame) {
	b := []byte{byte(len(f.payload) >> 16), byte(len(f.payload) >> 8), byte(len(f.payload)), f.kind, f.flags, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(b[5:], f.stream)
	c.Write(append(b, f.payload...))
}

// next reads a frame, and acknowledges what needs it.
func (c *h2Conn) next() (h2Frame, error) {
	for {
		head := make([]byte, 9)
		if _, err := io.ReadFull(c.br, head); err != nil {
			return h2Frame{}, err
		}
		f := h2Frame{kind: head[3], flags: head[4], stream: binary.BigEndian.Uint32(head[5:]) & 0x7fffffff,
			payload: make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))}
		if _, err := io.ReadFull(c.br, f.payload); err != nil {
			return h2Frame{}, err
		}
		switch {
		case f.kind == h2Settings && f.flags == 0:
			c.send(h2Frame{kind: h2Settings, flags: 1})
		case f.kind == h2Settings, f.kind == h2Window:
		default:
			return f, nil
		}
	}
}

// fields are a field section in HPACK's plainest form: each a literal that is
// not indexed, without Huffman code (RFC 7541, 6.2.2).
func fields(pairs ...string) (b []byte) {
	text := func(s string) {
		b = append(hpackInt(b, len(s)), s...)
	}
	for i := 0; i < len(pairs); i += 2 {
		b = append(b, 0)
		text(pairs[i])
		text(pairs[i+1])
	}
	return b
}

// hpackInt is an integer with a prefix of seven bits (RFC 7541, 5.1).
func hpackInt(b []byte, n int) []byte {
	if n < 127 {
		return append(b, byte(n))
	}
	b = append(b, 127)
	for n -= 127; n >= 128; n /= 128 {
		b = append(b, byte(n%128)|128)
	}
	return append(b, byte(n))
}

// status is of the first answer that is final; 0 if the stream or the
// connection was ended instead.
func (c *h2Conn) status() (int, error) {
	for {
		f, err := c.next()
		switch {
		case err != nil:
			return 0, err
		case f.kind == h2Reset, f.kind == h2GoAway:
			return 0, nil
		case f.kind == h2Headers && len(f.payload) > 0:
			if s := statusOf(f.payload); s >= 200 {
				return s, nil
			}
		}
	}
}

// statusOf reads :status, which comes first: an entry of the static table, or
// a literal of three digits by its Huffman codes.
func statusOf(b []byte) int {
	if known := map[byte]int{0x88: 200, 0x89: 204, 0x8a: 206, 0x8b: 304, 0x8c: 400, 0x8d: 404, 0x8e: 500}[b[0]]; known != 0 {
		return known
	}
	if len(b) < 5 || b[0] < 0x48 || b[0] > 0x4e {
		return -1
	}
	if b[1] == 3 {
		n := 0
		fmt.Sscan(string(b[2:5]), &n)
		return n
	}
	bits, n := uint32(b[2])<<24|uint32(b[3])<<16|uint32(b[4])<<8, 0
	for range 3 {
		if short := bits >> 27; short < 3 { // 0, 1, 2 have five bits
			n, bits = n*10+int(short), bits<<5
			continue
		}
		n, bits = n*10+int(bits>>26)-0x19+3, bits<<6
	}
	return n
}

// h2Case is a request of HTTP/2, or what pretends to be one.
type h2Case struct {
	framingCase
	pairs   []string // before the usual pseudo fields that are not among them
	without string   // a pseudo field that is left out
	data    string
	trailer []string
}

func h2Request(c h2Case) []byte {
	usual := []string{":method", or(c.method, "POST"), ":scheme", "http", ":path", "/", ":authority", "h"}
	var all []string
	for i := 0; i < len(usual); i += 2 {
		name, value := usual[i], usual[i+1]
		for j := 0; j < len(c.pairs); j += 2 {
			if c.pairs[j] == name {
				value = c.pairs[j+1]
				break
			}
		}
		if name != c.without {
			all = append(all, name, value)
		}
	}
	taken := map[string]bool{":method": true, ":scheme": true, ":path": true, ":authority": true}
	for j := 0; j < len(c.pairs); j += 2 {
		if taken[c.pairs[j]] {
			taken[c.pairs[j]] = false // another one of the same name is sent
			continue
		}
		all = append(all, c.pairs[j], c.pairs[j+1])
	}
	return fields(all...)
}

var h2Cases = []h2Case{
	{framingCase: framingCase{name: "plain", want: one, body: "hello"}, data: "hello"},
	{framingCase: framingCase{name: "with a length", want: one, body: "hello"}, pairs: []string{"content-length", "5"}, data: "hello"},
	{framingCase: framingCase{name: "length too long", want: partial}, pairs: []string{"content-length", "50"}, data: "hello"},
	{framingCase: framingCase{name: "length too short", want: partial}, pairs: []string{"content-length", "3"}, data: "hello"},
	{framingCase: framingCase{name: "length without a body", want: partial}, pairs: []string{"content-length", "5"}},
	{framingCase: framingCase{name: "length 0 with a body", want: atMost}, pairs: []string{"content-length", "0"}, data: smuggled},
	{framingCase: framingCase{name: "two lengths", want: refused}, pairs: []string{"content-length", "5", "content-length", "3"}, data: "hello"},
	{framingCase: framingCase{name: "length +5", want: refused}, pairs: []string{"content-length", "+5"}, data: "hello"},
	{framingCase: framingCase{name: "length of a list", want: refused}, pairs: []string{"content-length", "5,5"}, data: "hello"},
	{framingCase: framingCase{name: "transfer-encoding", want: refused}, pairs: []string{"transfer-encoding", "chunked"}, data: "0\r\n\r\n" + smuggled},
	{framingCase: framingCase{name: "connection", want: refused}, pairs: []string{"connection", "close"}, data: "hello"},
	{framingCase: framingCase{name: "connection names the length", want: refused}, pairs: []string{"connection", "content-length"}, data: "hello"},
	{framingCase: framingCase{name: "keep-alive", want: refused}, pairs: []string{"keep-alive", "5"}, data: "hello"},
	{framingCase: framingCase{name: "proxy-connection", want: refused}, pairs: []string{"proxy-connection", "close"}, data: "hello"},
	{framingCase: framingCase{name: "upgrade", want: refused}, pairs: []string{"upgrade", "websocket"}, data: "hello"},
	{framingCase: framingCase{name: "te gzip", want: refused}, pairs: []string{"te", "gzip"}, data: "hello"},
	{framingCase: framingCase{name: "te trailers", want: one, body: "hello"}, pairs: []string{"te", "trailers"}, data: "hello"},

	{framingCase: framingCase{name: "path with a space", want: atMost}, pairs: []string{":path", "/a b"}},
	{framingCase: framingCase{name: "path with a request", want: refused}, pairs: []string{":path", "/ HTTP/1.1\r\nHost: h\r\n\r\n" + smuggled}},
	{framingCase: framingCase{name: "path with LF", want: refused}, pairs: []string{":path", "/a\nb"}},
	{framingCase: framingCase{name: "path with a fragment", want: refused}, pairs: []string{":path", "/a#b"}},
	{framingCase: framingCase{name: "path in absolute form", want: refused}, pairs: []string{":path", "http://evil/x"}},
	{framingCase: framingCase{name: "path of two slashes", want: atMost, path: "//evil/x"}, pairs: []string{":path", "//evil/x"}},
	{framingCase: framingCase{name: "path without a slash", want: refused}, pairs: []string{":path", "x"}},
	{framingCase: framingCase{name: "path empty", want: refused}, pairs: []string{":path", ""}},
	{framingCase: framingCase{name: "path *", want: refused}, pairs: []string{":path", "*"}},
	{framingCase: framingCase{name: "no path", want: refused}, without: ":path"},
	{framingCase: framingCase{name: "two paths", want: refused}, pairs: []string{":path", "/a", ":path", "/b"}},
	{framingCase: framingCase{name: "method with a request", want: refused}, pairs: []string{":method", "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET"}},
	{framingCase: framingCase{name: "method with a space", want: refused}, pairs: []string{":method", "GET /x"}},
	{framingCase: framingCase{name: "method empty", want: refused}, pairs: []string{":method", ""}},
	{framingCase: framingCase{name: "no method", want: refused}, without: ":method"},
	{framingCase: framingCase{name: "CONNECT", want: refused}, pairs: []string{":method", "CONNECT"}},
	{framingCase: framingCase{name: "extended CONNECT", want: refused}, pairs: []string{":method", "CONNECT", ":protocol", "websocket"}},
	{framingCase: framingCase{name: "no scheme", want: refused}, without: ":scheme"},
	{framingCase: framingCase{name: "scheme with a target", want: atMost, present: []string{"Host: h"}}, pairs: []string{":scheme", "http://evil/"}},
	{framingCase: framingCase{name: "authority with line ends", want: refused}, pairs: []string{":authority", "h\r\nX: y"}},
	{framingCase: framingCase{name: "authority with a space", want: refused}, pairs: []string{":authority", "a b"}},
	{framingCase: framingCase{name: "authority with a slash", want: refused}, pairs: []string{":authority", "a/b"}},
	{framingCase: framingCase{name: "authority with userinfo", want: refused}, pairs: []string{":authority", "u@h"}},
	{framingCase: framingCase{name: "two authorities", want: refused}, pairs: []string{":authority", "a", ":authority", "b"}},
	{framingCase: framingCase{name: "host besides the authority", want: atMost, present: []string{"Host: h"}}, pairs: []string{"host", "evil"}},
	{framingCase: framingCase{name: "two hosts", want: atMost}, without: ":authority", pairs: []string{"host", "a", "host", "b"}},
	{framingCase: framingCase{name: "unknown pseudo field", want: refused}, pairs: []string{":x", "y"}},
	{framingCase: framingCase{name: "pseudo field after others", want: refused}, without: ":path", pairs: []string{"x", "y", ":path", "/"}},

	{framingCase: framingCase{name: "value with line ends", want: refused}, pairs: []string{"x", "a\r\ncontent-length: 50"}, data: "hello"},
	{framingCase: framingCase{name: "value with LF", want: refused}, pairs: []string{"x", "a\nb"}, data: "hello"},
	{framingCase: framingCase{name: "value with NUL", want: refused}, pairs: []string{"x", "a\x00b"}, data: "hello"},
	{framingCase: framingCase{name: "name with a capital", want: refused}, pairs: []string{"X-Y", "a"}, data: "hello"},
	{framingCase: framingCase{name: "name with a colon", want: refused}, pairs: []string{"transfer-encoding: chunked\r\nx", "a"}, data: "hello"},
	{framingCase: framingCase{name: "name with a space", want: refused}, pairs: []string{"transfer-encoding ", "chunked"}, data: "hello"},
	{framingCase: framingCase{name: "name empty", want: refused}, pairs: []string{"", "a"}, data: "hello"},
	{framingCase: framingCase{name: "name with underscore", want: one, body: "hello", absent: []string{"Transfer_Encoding", "X_Forwarded_For"}}, pairs: []string{"transfer_encoding", "chunked", "x_forwarded_for", "6.6.6.6"}, data: "hello"},
	{framingCase: framingCase{name: "cookies in pieces", want: one, body: "hello", present: []string{"Cookie: a=1; b=2"}}, pairs: []string{"cookie", "a=1", "cookie", "b=2"}, data: "hello"},
	{framingCase: framingCase{name: "expect", want: one, body: "hello"}, pairs: []string{"expect", "100-continue", "content-length", "5"}, data: "hello"},

	{framingCase: framingCase{name: "trailer", want: one, body: "hello"}, pairs: []string{"trailer", "x-sum"}, data: "hello", trailer: []string{"x-sum", "9"}},
	{framingCase: framingCase{name: "trailer with a length", want: partial, body: "hello"}, pairs: []string{"trailer", "x-sum"}, data: "hello", trailer: []string{"content-length", "9", "host", "evil", "cookie", "x"}},
	{framingCase: framingCase{name: "trailer with a pseudo field", want: partial, body: "hello"}, data: "hello", trailer: []string{":path", "/evil"}},
	{framingCase: framingCase{name: "trailer with line ends", want: partial, body: "hello"}, pairs: []string{"trailer", "x"}, data: "hello", trailer: []string{"x", "a\r\n\r\n" + smuggled}},
}

// TestFramingH2 is TestFraming for what comes in frames.
func TestFramingH2(t *testing.T) {
	for _, c := range h2Cases {
		t.Run(c.name, func(t *testing.T) {
			r := newRecorder(t)
			opt := options(shop(target.Target{ID: "a", Address: r.addr}))
			opt.Traffic.H2C = true
			opt.Traffic.Limits.BodyIdle = time.Second
			f := start(t, opt)
			conn := dialH2(t, f.addr)
			head := h2Frame{kind: h2Headers, flags: h2EndHeaders, stream: 1, payload: h2Request(c)}
			if c.data == "" {
				head.flags |= h2EndStream
			}
			conn.send(head)
			if c.data != "" {
				body := h2Frame{kind: h2Data, stream: 1, payload: []byte(c.data)}
				if c.trailer == nil {
					body.flags = h2EndStream
				}
				conn.send(body)
			}
			if c.trailer != nil {
				conn.send(h2Frame{kind: h2Headers, flags: h2EndHeaders | h2EndStream, stream: 1, payload: fields(c.trailer...)})
			}
			status, err := conn.status()
			if err != nil && !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			conn.Close()
			if err := f.stop(); err != nil {
				t.Fatal(err)
			}
			r.settled(t)
			for _, line := range c.judge(status, r.seen()) {
				t.Error(line)
			}
		})
	}
}

// A status is read from its three forms.
func TestStatusOf(t *testing.T) {
	for want, b := range map[int][]byte{200: {0x88}, 408: {0x4e, 3, '4', '0', '8'}, 431: {0x48, 0x83, 0x69, 0x90, 0xff}, 503: {0x48, 3, '5', '0', '3'}} {
		if got := statusOf(b); got != want {
			t.Errorf("%x reads as %d, want %d", b, got, want)
		}
	}
}
