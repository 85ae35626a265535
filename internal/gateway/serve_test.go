package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// echo answers with the request as it arrived.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s\n", r.Method, r.RequestURI, r.Host)
	r.Header.Del("Accept-Encoding")
	r.Header.Write(w)
	fmt.Fprintf(w, "\n%s%v", body, r.Trailer)
}

func TestRoutes(t *testing.T) {
	shopGroup, api := shop(app(t, "s", nil)), shop(app(t, "a", nil))
	api.Name, api.Routes = "api", []string{"/api/", "/v2"}
	idle := shop()
	idle.Name, idle.Routes = "idle", []string{"/idle"}
	f := start(t, options(shopGroup, api, idle))
	for path, want := range map[string]string{
		"/": "s", "/x?y=/api": "s", "/api": "a", "/api/": "a", "/api/x": "a", "/apix": "s", "/v2": "a", "/v2/z": "a", "/v22": "s",
	} {
		once(t, f.addr, "GET", path, "").want(t, 200, want)
	}
	a := once(t, f.addr, "GET", "/idle", "")
	a.want(t, 503, "503 Service Unavailable: no target is available\n")
	if a.Header.Get("Retry-After") != "1" || a.Header.Get("X-Instance") != "" {
		t.Errorf("got %v", a.Header)
	}
}

func TestNoRoute(t *testing.T) {
	g := shop(app(t, "s", nil))
	g.Routes = []string{"/shop"}
	f := start(t, options(g))
	once(t, f.addr, "GET", "/", "").want(t, 404, "404 Not Found: no route\n")
}

func TestForwardedRequest(t *testing.T) {
	f := start(t, options(shop(app(t, "a", echo))))
	a := once(t, f.addr, "PUT", "/p%2Fq?a=b;c", "body",
		"Connection: keep-alive, X-Private, close-not", "X-Private: 1", "Keep-Alive: timeout=5", "Proxy-Authorization: secret", "TE: trailers, deflate",
		"X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: gopher", "X-Forwarded-Host: evil", "Forwarded: for=6.6.6.6", "X-Real-IP: 6.6.6.6",
		"Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "X-Kept: yes")
	want := "PUT /p%2Fq?a=b;c shop.example\n" + strings.Join([]string{
		"Connection: TE", "Content-Length: 4", "Te: trailers",
		"Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: shop.example", "X-Forwarded-Port: 80", "X-Forwarded-Proto: http", "X-Kept: yes", "",
	}, "\r\n") + "\nbodymap[]"
	if d := cmp.Diff(want, a.body); d != "" {
		t.Error(d)
	}
}

func TestTrustedHop(t *testing.T) {
	opt := options(shop(app(t, "a", echo)))
	opt.Traffic.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	f := start(t, opt)
	a := once(t, f.addr, "GET", "/", "", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https")
	for _, want := range []string{"X-Forwarded-For: 6.6.6.6, 127.0.0.1\r\n", "X-Forwarded-Proto: https\r\n"} {
		if !strings.Contains(a.body, want) {
			t.Errorf("%q is not in %q", want, a.body)
		}
	}
}

func TestForwardedAnswer(t *testing.T) {
	f := start(t, options(shop(script(t, "a", func(c net.Conn, br *bufio.Reader, _ int) {
		if _, err := http.ReadRequest(br); err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"+
			"HTTP/1.1 200 OK\r\nConnection: X-Private\r\nX-Private: 1\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\nX-Instance: mine\r\n\r\n"+
			"3\r\nabc\r\n0\r\nX-Sum: 9\r\nX-Unannounced: 1\r\n\r\n")
	}))))
	c := dial(t, f.addr)
	hint := c.do("GET", "/", "")
	hint.want(t, 103, "")
	if hint.Header.Get("Link") != "</a>; rel=preload" {
		t.Errorf("103 with %v", hint.Header)
	}
	a := c.read("GET")
	a.want(t, 200, "abc")
	a.Header.Del("Date")
	if d := cmp.Diff(http.Header{"X-Instance": {"mine"}}, a.Header); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(http.Header{"X-Sum": {"9"}, "X-Unannounced": {"1"}}, a.Trailer); d != "" {
		t.Error(d)
	}
}

func TestRequestTrailersAndChunks(t *testing.T) {
	f := start(t, options(shop(app(t, "a", echo))))
	c := dial(t, f.addr)
	io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 9\r\n\r\n")
	a := c.read("POST")
	a.want(t, 200, "")
	if !strings.HasSuffix(a.body, "abcmap[X-Sum:[9]]") {
		t.Errorf("got %q", a.body)
	}
}

// A stream arrives piece by piece, and counts as one.
func TestEventStream(t *testing.T) {
	next := make(chan struct{})
	f := start(t, options(shop(app(t, "a", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
			<-next
		}
	}))))
	c := dial(t, f.addr)
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	resp, err := http.ReadResponse(c.br, nil)
	if err != nil {
		t.Fatal(err)
	}
	br := bufio.NewReader(resp.Body)
	for i := range 3 {
		line, err := br.ReadString('\n')
		if err != nil || line != fmt.Sprintf("data: %d\n", i) {
			t.Fatalf("got %q, %v", line, err)
		}
		br.ReadString('\n')
		if s := f.status(t, "a"); s.Streams != 1 || s.InFlight != 0 {
			t.Errorf("event %d: %+v", i, s)
		}
		next <- struct{}{}
	}
	if _, err := br.ReadByte(); err != io.EOF {
		t.Errorf("the stream ends with %v", err)
	}
	eventually(t, "no stream", func() bool { return f.status(t, "a").Streams == 0 })
}

func TestUpgrade(t *testing.T) {
	f := start(t, options(shop(script(t, "a", func(c net.Conn, br *bufio.Reader, _ int) {
		r, err := http.ReadRequest(br)
		if err != nil || r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Connection") != "Upgrade" {
			io.WriteString(c, "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n")
			return
		}
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly")
		io.Copy(c, br) // echoes until the client has ended
		io.WriteString(c, "bye")
	}))))
	c := dial(t, f.addr)
	io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\nahead")
	resp, err := http.ReadResponse(c.br, nil)
	if err != nil || resp.StatusCode != 101 || resp.Header.Get("Upgrade") != "websocket" {
		t.Fatalf("%v, %v", resp, err)
	}
	read := func(want string) {
		t.Helper()
		b := make([]byte, len(want))
		if _, err := io.ReadFull(c.br, b); err != nil || string(b) != want {
			t.Fatalf("got %q, %v, want %q", b, err, want)
		}
	}
	read("earlyahead")
	eventually(t, "a stream", func() bool { s := f.status(t, "a"); return s.Streams == 1 && s.InFlight == 0 })
	io.WriteString(c, "ping")
	read("ping")
	c.Conn.(*net.TCPConn).CloseWrite()
	read("bye")
	if _, err := c.br.ReadByte(); err != io.EOF {
		t.Errorf("ends with %v", err)
	}
	eventually(t, "no stream", func() bool { return f.status(t, "a").Streams == 0 })
}

func TestLimits(t *testing.T) {
	opt := options(shop(app(t, "a", nil)))
	opt.Traffic.Limits.BodyBytes = 10
	f := start(t, opt)
	once(t, f.addr, "POST", "/", "0123456789").want(t, 200, "a")
	once(t, f.addr, "POST", "/", "0123456789x").want(t, 413, "")
	c := dial(t, f.addr)
	io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n0123456789x\r\n0\r\n\r\n")
	c.read("POST").want(t, 413, "")
	once(t, f.addr, "GET", "/", "", "X-Big: "+strings.Repeat("x", 70<<10)).want(t, 431, "")
}
