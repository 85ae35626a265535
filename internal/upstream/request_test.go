package upstream

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// sent returns the bytes that one exchange puts on the wire, lines of the head
// sorted behind the first two.
func sent(t *testing.T, r *Request, bodyLen int) string {
	t.Helper()
	got := make(chan string, 1)
	p := target(t, Options{}, func(p *peer) {
		head := p.head()
		body := make([]byte, bodyLen)
		if _, err := io.ReadFull(p.br, body); err != nil {
			t.Errorf("body: %v", err)
		}
		got <- head + string(body)
		p.send("HTTP/1.1 204 No Content\r\n\r\n")
		rest, _ := io.ReadAll(p.br)
		if len(rest) > 0 {
			t.Errorf("after the request came %q", rest)
		}
	})
	must(t, p, r)
	head, body, _ := strings.Cut(<-got, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	slices.Sort(lines[2:])
	return strings.Join(lines, "\r\n") + "\r\n\r\n" + body
}

func TestRequestOnTheWire(t *testing.T) {
	mixed := http.Header{
		"Accept": {"a", "b"}, "content-length": {"7"}, "Content-Length": {"8"}, "TRANSFER-ENCODING": {"gzip"},
		"Host": {"evil"}, "connection": {"x"}, "Keep-Alive": {"1"}, "Proxy-Connection": {"keep-alive"},
		"Upgrade": {"h2c"}, "Te": {"gzip, Trailers"}, "Expect": {"100-continue"}, "X-Utf8": {"gr\u00fc\u00df"},
	}
	trailer := func() http.Header {
		return http.Header{"X-Sum": {"1"}, "Content-Length": {"9"}, "Trailer": {"X"}}
	}
	tests := []struct {
		name, want string
		r          Request
	}{
		{"plain", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", Request{Method: "GET", Target: "/", Host: "h"}},
		{"star", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", Request{Method: "OPTIONS", Target: "*", Host: "h"}},
		{"fields of the engine are dropped", "GET /a?b=%20c HTTP/1.1\r\nHost: h:80\r\nAccept: a\r\nAccept: b\r\n" +
			"Connection: TE\r\nTE: trailers\r\nX-Utf8: gr\u00fc\u00df\r\n\r\n",
			Request{Method: "GET", Target: "/a?b=%20c", Host: "h:80", Header: mixed}},
		{"empty post", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
			Request{Method: "POST", Target: "/", Host: "h", Body: http.NoBody, ContentLength: -1}},
		{"length", "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
			Request{Method: "PUT", Target: "/", Host: "h", Body: strings.NewReader("hello world"), ContentLength: 5}},
		{"length, byte by byte", "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
			Request{Method: "PUT", Target: "/", Host: "h", Body: iotest.OneByteReader(strings.NewReader("hello")), ContentLength: 5}},
		{"chunked", "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0005\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
			Request{Method: "PUT", Target: "/", Host: "h", Body: strings.NewReader("hello"), ContentLength: -1, Trailer: trailer}},
		{"chunked as it comes", "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0001\r\nh\r\n0001\r\ni\r\n0\r\n\r\n",
			Request{Method: "PUT", Target: "/", Host: "h", Body: iotest.OneByteReader(strings.NewReader("hi")), ContentLength: -1}},
		{"chunked, with its end", "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0002\r\nhi\r\n0\r\n\r\n",
			Request{Method: "PUT", Target: "/", Host: "h", Body: iotest.DataErrReader(strings.NewReader("hi")), ContentLength: -1}},
		{"upgrade", "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
			Request{Method: "GET", Target: "/", Host: "h", Upgrade: "websocket"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, body, _ := strings.Cut(tt.want, "\r\n\r\n")
			if got := sent(t, &tt.r, len(body)); got != tt.want {
				t.Errorf("sent\n%q, want\n%q", got, tt.want)
			}
		})
	}
}

func TestEmptyHostIsTheAddress(t *testing.T) {
	p := target(t, Options{}, func(p *peer) {
		r, _ := p.request()
		p.send("HTTP/1.1 200 OK\r\nContent-Length: " + "15" + "\r\n\r\n" + (r.Host + strings.Repeat(" ", 15))[:15])
		p.untilClosed()
	})
	if _, body := must(t, p, &Request{Method: "GET", Target: "/"}); strings.TrimSpace(body) != p.addr {
		t.Errorf("host %q, want %q", body, p.addr)
	}
}

func TestRequestRefused(t *testing.T) {
	field := func(name, value string) Request {
		return Request{Method: "GET", Target: "/", Header: http.Header{name: {value}}}
	}
	body := strings.NewReader("x")
	tests := map[string]Request{
		"no method":               {Target: "/"},
		"method with space":       {Method: "GET /", Target: "/"},
		"method with line":        {Method: "GET\r\n", Target: "/"},
		"connect":                 {Method: "CONNECT", Target: "/"},
		"no target":               {Method: "GET"},
		"absolute target":         {Method: "GET", Target: "http://x/"},
		"star for GET":            {Method: "GET", Target: "*"},
		"target with space":       {Method: "GET", Target: "/ HTTP/1.1"},
		"target with CR":          {Method: "GET", Target: "/\r"},
		"target with LF":          {Method: "GET", Target: "/\nX: y"},
		"target with NUL":         {Method: "GET", Target: "/\x00"},
		"target with DEL":         {Method: "GET", Target: "/\x7f"},
		"target with fragment":    {Method: "GET", Target: "/#x"},
		"host with line":          {Method: "GET", Target: "/", Host: "h\r\nX: y"},
		"host with space":         {Method: "GET", Target: "/", Host: "h h"},
		"host with userinfo":      {Method: "GET", Target: "/", Host: "u@h"},
		"host with slash":         {Method: "GET", Target: "/", Host: "h/"},
		"name empty":              field("", "x"),
		"name with colon":         field("X:", "x"),
		"name with space":         field("X ", "x"),
		"name with line":          field("X\r\nY", "x"),
		"name beyond ASCII":       field("X\u00e9", "x"),
		"value with LF":           field("X", "a\nTransfer-Encoding: chunked"),
		"value with CR":           field("X", "a\rb"),
		"value with NUL":          field("X", "a\x00"),
		"value with DEL":          field("X", "a\x7f"),
		"upgrade with line":       {Method: "GET", Target: "/", Upgrade: "x\r\nY: z"},
		"length below -1":         {Method: "PUT", Target: "/", Body: body, ContentLength: -2},
		"length without body":     {Method: "PUT", Target: "/", ContentLength: 5},
		"length with http.NoBody": {Method: "PUT", Target: "/", Body: http.NoBody, ContentLength: 5},
	}
	p := NewPool("127.0.0.1:1", Options{})
	defer p.Close()
	for name, r := range tests {
		t.Run(name, func(t *testing.T) {
			e := failing(t, p, &r)
			if !errors.Is(e, ErrRequest) || !e.Client || e.Stage != StageDial || e.Wrote != 0 || !e.Unreceived || !e.Replays {
				t.Errorf("got %+v", e)
			}
		})
	}
	if s := p.Stats(); s.Dials != 0 {
		t.Errorf("%d dials for refused requests", s.Dials)
	}
}

func TestRequestTrailerRefused(t *testing.T) {
	cut := make(chan bool, 1)
	p := target(t, Options{}, func(p *peer) {
		r, _ := p.request()
		cut <- r == nil
	})
	r := post("")
	r.Body, r.ContentLength = io.MultiReader(strings.NewReader("x")), -1
	r.Trailer = func() http.Header { return http.Header{"X": {"a\r\nb"}} }
	if e := failing(t, p, r); !e.Client || !errors.Is(e, ErrRequest) || e.Stage != StageWrite {
		t.Errorf("got %+v", e)
	}
	if !<-cut {
		t.Error("the target got a complete request")
	}
}

func TestRequestBodyFails(t *testing.T) {
	broken := errors.New("client went away")
	large := bytes.Repeat([]byte("x"), 100<<10)
	tests := []struct {
		name   string
		body   io.Reader
		length int64
		want   error
		wrote  bool
	}{
		{"short, small", strings.NewReader("abc"), 5, io.ErrUnexpectedEOF, false},
		{"short, large", bytes.NewReader(large), int64(len(large)) + 1, io.ErrUnexpectedEOF, true},
		{"error, small", io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken)), 5, broken, false},
		{"error, chunked", io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken)), -1, broken, true},
		{"no progress", stuckReader{}, 5, io.ErrNoProgress, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			complete := make(chan bool, 1)
			p := target(t, Options{}, func(p *peer) {
				r, _ := p.request()
				complete <- r != nil
			})
			e := failing(t, p, &Request{Method: "POST", Target: "/", Body: tt.body, ContentLength: tt.length})
			if !e.Client || e.Replays || !errors.Is(e, tt.want) || (e.Wrote > 0) != tt.wrote || e.Answer {
				t.Errorf("got %+v", e)
			}
			if <-complete {
				t.Error("the target got a complete request")
			}
		})
	}
}

type stuckReader struct{}

func (stuckReader) Read([]byte) (int, error) { return 0, nil }
