package upstream

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// canned is a connection on which everything is written well and data is read.
type canned struct {
	io.Reader
}

func (canned) Write(p []byte) (int, error)      { return len(p), nil }
func (canned) Close() error                     { return nil }
func (canned) LocalAddr() net.Addr              { return nil }
func (canned) RemoteAddr() net.Addr             { return nil }
func (canned) SetDeadline(time.Time) error      { return nil }
func (canned) SetReadDeadline(time.Time) error  { return nil }
func (canned) SetWriteDeadline(time.Time) error { return nil }

// parsed is a response as both parsers must see it.
type parsed struct {
	status  int
	body    string
	header  http.Header
	trailer http.Header
}

// ours reads the final response in data, which comes in two pieces, by the engine.
func ours(method string, data []byte, split int) (parsed, error) {
	return read(&Request{Method: method, Target: "/", Upgrade: "x"}, data, split)
}

func read(r *Request, data []byte, split int) (parsed, error) {
	p := NewPool("fuzz:80", Options{})
	defer p.Close()
	p.dial = func(context.Context) (net.Conn, error) {
		return canned{io.MultiReader(bytes.NewReader(data[:split]), bytes.NewReader(data[split:]))}, nil
	}
	resp, err := p.Do(context.Background(), r)
	if err != nil {
		return parsed{}, err
	}
	defer resp.Body.Close()
	got := parsed{status: resp.StatusCode, header: resp.Header}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return got, nil
	}
	body, err := io.ReadAll(resp.Body)
	got.body = string(body)
	if resp.Trailer != nil {
		got.trailer = resp.Trailer()
	}
	return got, err
}

// theirs reads it by the standard library.
func theirs(method string, data []byte) (parsed, error) {
	br := bufio.NewReader(bytes.NewReader(data))
	for {
		resp, err := http.ReadResponse(br, &http.Request{Method: method})
		if err != nil {
			return parsed{}, err
		}
		interim := resp.StatusCode < 200 && resp.StatusCode != http.StatusSwitchingProtocols
		if interim {
			continue
		}
		got := parsed{status: resp.StatusCode, header: resp.Header}
		if resp.StatusCode == http.StatusSwitchingProtocols {
			return got, nil
		}
		body, err := io.ReadAll(resp.Body)
		got.body, got.trailer = string(body), resp.Trailer
		return got, err
	}
}

// endToEnd removes what the two treat differently on purpose: fields of the
// hop, the announcement of trailers, and repeated lengths.
func endToEnd(h http.Header) http.Header {
	h = h.Clone()
	elements(h["Connection"], func(e string) { h.Del(e) })
	for name := range h {
		if engineOwned(name) || name == "Te" || name == "Trailer" {
			delete(h, name)
		}
	}
	return h
}

// harmless are the refusals of net/http's that need not be ours: a list of
// equal lengths, which RFC 9110, 8.6, lets a recipient take, and the
// announcement of a trailer that must not be one, which we leave out.
func harmless(err error) bool {
	text := err.Error()
	return strings.Contains(text, "bad trailer key") ||
		strings.Contains(text, "bad Content-Length") && strings.Contains(text, ",")
}

func FuzzResponse(f *testing.F) {
	seeds := []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\nX: z\r\n\r\nhello",
		"HTTP/1.0 404 Not Found\r\nConnection: keep-alive, X\r\nX: y\r\n\r\nhello",
		"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204\r\n\r\n",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\nT: u\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nbytes",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\nX: y\r\n z\r\n\r\n",
	}
	for i, s := range seeds {
		f.Add([]byte(s), i%4 == 3, uint16(i*7))
	}
	f.Fuzz(func(t *testing.T, data []byte, isHead bool, at uint16) {
		method := "GET"
		if isHead {
			method = "HEAD"
		}
		got, err := ours(method, data, int(at)%(len(data)+1))
		whole, wholeErr := ours(method, data, 0)
		if got.status != whole.status || got.body != whole.body || (err == nil) != (wholeErr == nil) || !sameHeader(got.header, whole.header) {
			t.Fatalf("in two pieces: %+v, %v; in one: %+v, %v", got, err, whole, wholeErr)
		}
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Client || e.Wrote == 0 {
				t.Fatalf("error %#v", err)
			}
			return
		}
		for name, values := range got.header {
			if !isToken(name) || len(values) == 0 || !isFieldValue(strings.Join(values, "")) {
				t.Fatalf("field %q: %q", name, values)
			}
		}
		want, err := theirs(method, data)
		if err != nil {
			if !harmless(err) {
				t.Fatalf("net/http refuses it: %v", err)
			}
			return
		}
		if got.status != want.status || got.body != want.body || !sameHeader(endToEnd(got.header), endToEnd(want.header)) {
			t.Fatalf("got %+v, net/http %+v", got, want)
		}
		if !sameHeader(endToEnd(got.trailer), endToEnd(want.trailer)) {
			t.Fatalf("trailer %q, net/http %q", got.trailer, want.trailer)
		}
	})
}

// FuzzChunks encodes data in chunks of the given sizes and reads it back, whole
// and cut off: nothing but the whole may look complete.
func FuzzChunks(f *testing.F) {
	f.Add([]byte("hello world"), []byte{5, 1, 0}, uint16(20), uint8(3))
	f.Add(bytes.Repeat([]byte("x"), 400), []byte{1, 2, 9}, uint16(300), uint8(200))
	f.Fuzz(func(t *testing.T, data, sizes []byte, cut uint16, piece uint8) {
		wire := []byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		head := len(wire)
		for i, rest := 0, data; len(rest) > 0; i++ {
			n := len(rest)
			if i < len(sizes) {
				n = min(n, 1+int(sizes[i])*17)
			}
			wire = append(strconv.AppendInt(wire, int64(n), 16), "\r\n"...)
			wire = append(append(wire, rest[:n]...), "\r\n"...)
			rest = rest[n:]
		}
		wire = append(wire, "0\r\n\r\n"...)
		got, err := ours("GET", wire, len(wire)*int(piece)/256)
		if err != nil || got.body != string(data) {
			t.Fatalf("got %d bytes of %d, %v", len(got.body), len(data), err)
		}
		at := head + int(cut)%(len(wire)-head)
		got, err = ours("GET", wire[:at], 0)
		if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(string(data), got.body) {
			t.Fatalf("cut at %d of %d: got %d bytes, %v", at, len(wire), len(got.body), err)
		}
	})
}

// FuzzRequest: whatever is asked for, the target sees one request, and that one.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "/", "h", "X", "y", "u", int64(0), []byte(nil))
	f.Add("POST", "/a\r\n", "h\r\n", "Transfer-Encoding", "chunked", "", int64(-1), []byte("hello"))
	f.Fuzz(func(t *testing.T, method, uri, host, name, value, upgrade string, length int64, body []byte) {
		r := &Request{
			Method: method, Target: uri, Host: host, Header: http.Header{name: {value}}, Upgrade: upgrade,
			Body: bytes.NewReader(body), ContentLength: max(-1, min(length, int64(len(body)))),
		}
		var wire recordedConn
		p := NewPool("fuzz:80", Options{ContinueTimeout: 1})
		defer p.Close()
		p.dial = func(context.Context) (net.Conn, error) { return &wire, nil }
		_, err := p.Do(context.Background(), r)
		if errors.Is(err, ErrRequest) {
			if wire.Len() > 0 {
				t.Fatalf("refused after %q", wire.String())
			}
			return
		}
		br := bufio.NewReader(&wire.Buffer)
		got, err := http.ReadRequest(br)
		if err != nil {
			t.Skip(err) // odd hosts and URIs, which net/http is stricter about
		}
		gotBody, err := io.ReadAll(got.Body)
		if errors.Is(err, io.ErrUnexpectedEOF) && strings.EqualFold(name, "Expect") {
			return // the target closed instead of asking for the body
		}
		if err != nil {
			t.Fatal(err)
		}
		want := body
		if r.ContentLength >= 0 {
			want = body[:r.ContentLength]
		}
		if got.Method != method || got.RequestURI != uri || !bytes.Equal(gotBody, want) {
			t.Fatalf("got %s %q with %q", got.Method, got.RequestURI, gotBody)
		}
		if rest, _ := io.ReadAll(br); len(rest) > 0 {
			t.Fatalf("after the request came %q", rest)
		}
	})
}

// recordedConn keeps what is written; nothing comes back.
type recordedConn struct {
	canned
	bytes.Buffer
}

func (c *recordedConn) Write(p []byte) (int, error) { return c.Buffer.Write(p) }
func (c *recordedConn) Read([]byte) (int, error)    { return 0, io.EOF }
