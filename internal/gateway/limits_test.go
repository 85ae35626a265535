package gateway

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/target"
)

// short is a limit that is reached within a test, and that is long enough for
// a busy machine to stay below it where it must.
const short = 250 * time.Millisecond

// limited is a gateway with limits in front of one target.
func limited(t *testing.T, l LimitOptions, targets ...target.Target) Options {
	opt := options(shop(targets...))
	opt.Traffic.Limits = l
	return opt
}

// ends waits until the other side has ended the connection, and returns what
// came before.
func ends(t *testing.T, c io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(c)
	if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
		t.Fatalf("the connection is open still, after %q", b)
	}
	return string(b)
}

// trickle sends text for ever, a byte at a time, until the connection ends.
func trickle(c net.Conn, text string) {
	tick := time.NewTicker(short / 10)
	defer tick.Stop()
	for i := 0; ; i++ {
		if _, err := c.Write([]byte{text[i%len(text)]}); err != nil {
			return
		}
		<-tick.C
	}
}

// The head of HTTP/1.1 may be as large as the limit, to the byte.
func TestHeadBytes(t *testing.T) {
	t.Parallel()
	f := start(t, limited(t, LimitOptions{HeadBytes: 20000}, app(t, "a", nil)))
	head := func(size int) string {
		before, after := "GET / HTTP/1.1\r\nHost: h\r\n", "\r\n\r\n"
		field := "X: "
		return before + field + strings.Repeat("x", size-len(before)-len(field)-len(after)) + after
	}
	for size, status := range map[int]int{19999: 200, 20000: 200, 20001: 431, 30000: 431} {
		c := dial(t, f.addr)
		io.WriteString(c, head(size))
		if a := c.read("GET"); a.err != nil || a.StatusCode != status {
			t.Errorf("%d bytes: %v, %v, want %d", size, a.Response, a.err, status)
		}
	}
	once(t, start(t, limited(t, LimitOptions{}, app(t, "a", nil))).addr, "GET", "/", "", "X: "+strings.Repeat("x", 64<<10)).want(t, 431, "")
}

// HTTP/2 counts what the fields are unpacked, and ends a little earlier. A
// single field beyond that ends the connection.
func TestHeadBytesH2(t *testing.T) {
	t.Parallel()
	opt := limited(t, LimitOptions{HeadBytes: 20000}, app(t, "a", nil))
	opt.Traffic.H2C = true
	f := start(t, opt)
	half := strings.Repeat("x", 7500)
	for name, c := range map[string]struct {
		pairs  []string
		status int
	}{
		"two fields":      {[]string{"x", half, "y", half}, 200},
		"three fields":    {[]string{"x", half, "y", half, "z", half}, 431},
		"one large field": {[]string{"x", half + half + half}, 0},
	} {
		conn := dialH2(t, f.addr)
		block := h2Request(h2Case{pairs: append([]string{":method", "GET"}, c.pairs...)})
		conn.send(h2Frame{kind: h2Headers, flags: h2EndStream, stream: 1, payload: block[:10000]})
		conn.send(h2Frame{kind: h2Continuation, flags: h2EndHeaders, stream: 1, payload: block[10000:]})
		if got, _ := conn.status(); got != c.status {
			t.Errorf("%s: %d, want %d", name, got, c.status)
		}
	}
}

// A head that does not come to its end closes the connection, however lively
// it is; so does a handshake.
func TestSlowHeads(t *testing.T) {
	t.Parallel()
	plain := start(t, limited(t, LimitOptions{HeadTime: short}, app(t, "a", nil)))
	secure := start(t, overTLS(t, limited(t, LimitOptions{HeadTime: short}, app(t, "a", nil))))
	hello := "\x16\x03\x01\x10\x00\x01\x00\x0f\xfc\x03\x03" // of a record that is long
	for name, c := range map[string]struct{ addr, begin, text string }{
		"nothing":            {plain.addr, "", ""},
		"request line":       {plain.addr, "G", ""},
		"fields for ever":    {plain.addr, "GET / HTTP/1.1\r\nHost: h\r\n", "X: y\r\n"},
		"one value for ever": {plain.addr, "GET / HTTP/1.1\r\nHost: h\r\nX: ", "y"},
		"no handshake":       {secure.addr, "", ""},
		"half a handshake":   {secure.addr, hello, ""},
		"a slow handshake":   {secure.addr, hello, "x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, c.addr)
			io.WriteString(conn, c.begin)
			if c.text != "" {
				go trickle(conn, c.text)
			}
			ends(t, conn)
		})
	}
	t.Run("TLS, then nothing", func(t *testing.T) {
		conn, err := tls.Dial("tcp", secure.addr, insecure())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		ends(t, conn)
	})
}

func TestIdleConnection(t *testing.T) {
	t.Parallel()
	opt := limited(t, LimitOptions{Idle: short}, app(t, "a", nil))
	opt.Traffic.H2C = true
	f := start(t, opt)
	c := dial(t, f.addr)
	c.do("GET", "/", "").want(t, 200, "a")
	ends(t, c.br)
	h2 := dialH2(t, f.addr)
	h2.send(h2Frame{kind: h2Headers, flags: h2EndHeaders | h2EndStream, stream: 1, payload: h2Request(h2Case{pairs: []string{":method", "GET"}})})
	if status, err := h2.status(); status != 200 {
		t.Fatalf("%d, %v", status, err)
	}
	ends(t, h2.br)
}

// A body that stops coming is 408, and the connection closes; at a target
// nothing is left.
func TestBodyIdle(t *testing.T) {
	t.Parallel()
	a := app(t, "a", nil)
	opt := limited(t, LimitOptions{BodyIdle: short}, a)
	opt.Groups[0].Routes = []string{"/shop"}
	opt.Traffic.H2C = true
	f := start(t, opt)
	for name, raw := range map[string]string{
		"nothing of a length": "POST /shop HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n",
		"a part of a length":  "POST /shop HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 50000),
		"no chunk":            "POST /shop HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
		"a part of a chunk":   "POST /shop HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
		"no last chunk":       "POST /shop HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"after an Expect":     "POST /shop HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
	} {
		c := dial(t, f.addr)
		io.WriteString(c, raw)
		got := ends(t, c)
		got = strings.TrimPrefix(got, "HTTP/1.1 100 Continue\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 408 ") {
			t.Errorf("%s: got %q", name, got)
		}
	}
	// Nobody reads the body of a request that is refused but the server.
	c := dial(t, f.addr)
	io.WriteString(c, "POST /none HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nx")
	ends(t, c)

	h2 := dialH2(t, f.addr)
	h2.send(h2Frame{kind: h2Headers, flags: h2EndHeaders, stream: 1, payload: h2Request(h2Case{pairs: []string{":path", "/shop"}})})
	h2.send(h2Frame{kind: h2Data, stream: 1, payload: []byte("hello")})
	if status, err := h2.status(); status != 408 {
		t.Errorf("HTTP/2: %d, %v", status, err)
	}
	eventually(t, "nothing in flight", func() bool { return f.status(t, "a").InFlight == 0 })
}

// What is no idle body: one that comes in pieces, however long it takes, and
// one that a slow target takes its time to read.
func TestBodyNotIdle(t *testing.T) {
	t.Parallel()
	wait := make(chan struct{})
	f := start(t, limited(t, LimitOptions{BodyIdle: 4 * short}, app(t, "a", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-wait
		}
		n, _ := io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/late" {
			<-time.After(6 * short)
		}
		fmt.Fprint(w, n)
	})))
	c := dial(t, f.addr)
	const pieces = 20
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", pieces)
	tick := time.NewTicker(short / 3)
	defer tick.Stop()
	for range pieces {
		<-tick.C
		io.WriteString(c, "x")
	}
	c.read("POST").want(t, 200, fmt.Sprint(pieces))
	c.do("POST", "/", "again").want(t, 200, "5")

	const large = 16 << 20 // more than the buffers on the way hold
	slow := dial(t, f.addr)
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(slow, fmt.Sprintf("POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", large)+strings.Repeat("x", large))
		sent <- err
	}()
	time.AfterFunc(6*short, func() { close(wait) })
	slow.read("POST").want(t, 200, fmt.Sprint(large))
	if err := <-sent; err != nil {
		t.Error(err)
	}
	// The body has ended and the answer takes its time: that is no idle body.
	c.do("POST", "/late", "x").want(t, 200, "1")
}

// The same of HTTP/2, where a deadline that passes would end the body for good.
func TestBodyNotIdleH2(t *testing.T) {
	t.Parallel()
	opt := limited(t, LimitOptions{BodyIdle: 2 * short}, app(t, "a", func(w http.ResponseWriter, r *http.Request) {
		<-time.After(4 * short)
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	}))
	opt.Traffic.H2C = true
	f := start(t, opt)
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	const large = 16 << 20
	resp, err := (&http.Client{Transport: tr}).Post("http://"+f.addr+"/", "", strings.NewReader(strings.Repeat("x", large)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || resp.ProtoMajor != 2 || string(b) != fmt.Sprint(large) {
		t.Errorf("%s %q, %v", resp.Status, b, err)
	}
}

// endless answers for ever, and tells when it could no longer.
func endless(t *testing.T) (target.Target, chan struct{}) {
	over := make(chan struct{}, 8)
	return app(t, "a", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(int64(1)<<40))
		b := make([]byte, 64<<10)
		for {
			if _, err := w.Write(b); err != nil {
				over <- struct{}{}
				return
			}
		}
	}), over
}

// A client that takes nothing of its answer is cut, and its request ends at
// the target.
func TestWriteStall(t *testing.T) {
	t.Parallel()
	a, over := endless(t)
	l := LimitOptions{WriteStall: short}
	opt := limited(t, l, a)
	opt.Traffic.H2C = true
	plain, secure := start(t, opt), start(t, overTLS(t, limited(t, l, a)))
	const get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	for name, begin := range map[string]func(t *testing.T){
		"clear text": func(t *testing.T) { io.WriteString(dial(t, plain.addr), get) },
		"TLS": func(t *testing.T) {
			c, err := tls.Dial("tcp", secure.addr, insecure("http/1.1"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			io.WriteString(c, get)
		},
		"a stream of HTTP/2": func(t *testing.T) {
			c := dialH2(t, plain.addr)
			c.send(h2Frame{kind: h2Headers, flags: h2EndHeaders | h2EndStream, stream: 1, payload: h2Request(h2Case{pairs: []string{":method", "GET"}})})
			for { // reads all that comes, and opens no window
				f, err := c.next()
				if err != nil {
					t.Fatal(err)
				}
				if f.kind == h2Reset {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			begin(t)
			select {
			case <-over:
			case <-time.After(30 * time.Second):
				t.Fatal("the target still sends")
			}
		})
	}
	eventually(t, "nothing in flight", func() bool { return plain.status(t, "a").InFlight+secure.status(t, "a").InFlight == 0 })
}

// A small answer to a stream without a window is given up as well.
func TestWriteStallSmallAnswer(t *testing.T) {
	t.Parallel()
	opt := limited(t, LimitOptions{WriteStall: short}, app(t, "a", nil))
	opt.Traffic.H2C = true
	f := start(t, opt)
	noWindow := binary.BigEndian.AppendUint32([]byte{0, 4}, 0) // SETTINGS_INITIAL_WINDOW_SIZE
	c := dialH2(t, f.addr, noWindow...)
	c.send(h2Frame{kind: h2Headers, flags: h2EndHeaders | h2EndStream, stream: 1, payload: h2Request(h2Case{pairs: []string{":method", "GET"}})})
	for {
		frame, err := c.next()
		if err != nil {
			t.Fatal(err)
		}
		if frame.kind == h2Reset {
			return
		}
	}
}

// A stream that is silent for longer than the limit is not stalled.
func TestSilentStream(t *testing.T) {
	t.Parallel()
	opt := limited(t, LimitOptions{WriteStall: short}, app(t, "a", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range 3 {
			io.WriteString(w, "data: x\n\n")
			w.(http.Flusher).Flush()
			<-time.After(2 * short)
		}
	}))
	opt.Traffic.H2C = true
	f := start(t, opt)
	once(t, f.addr, "GET", "/", "").want(t, 200, strings.Repeat("data: x\n\n", 3))

	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr}).Get("http://" + f.addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.ProtoMajor != 2 || string(b) != strings.Repeat("data: x\n\n", 3) {
		t.Errorf("%s %q, %v", resp.Proto, b, err)
	}
}

// The limits of HTTP/2 are announced, and without h2c there is none of it.
func TestH2Settings(t *testing.T) {
	opt := limited(t, LimitOptions{Streams: 7, HeadBytes: 20000}, app(t, "a", nil))
	opt.Traffic.H2C = true
	f := start(t, opt)
	c := &h2Conn{dial(t, f.addr)}
	io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	c.send(h2Frame{kind: h2Settings})
	head := make([]byte, 9)
	if _, err := io.ReadFull(c.br, head); err != nil || head[3] != h2Settings {
		t.Fatalf("%x, %v", head, err)
	}
	b := make([]byte, head[2])
	io.ReadFull(c.br, b)
	got := map[uint16]uint32{}
	for ; len(b) >= 6; b = b[6:] {
		got[binary.BigEndian.Uint16(b)] = binary.BigEndian.Uint32(b[2:])
	}
	for id, want := range map[uint16]uint32{3: 7, 5: 16 << 10, 6: 20000 - 4096 + 320} {
		if got[id] != want {
			t.Errorf("setting %d is %d, want %d", id, got[id], want)
		}
	}
	plain := start(t, limited(t, LimitOptions{}, app(t, "a", nil)))
	old := dial(t, plain.addr)
	io.WriteString(old, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	if resp, err := http.ReadResponse(bufio.NewReader(old), nil); err != nil || resp.StatusCode < 400 {
		t.Errorf("%v, %v", resp, err)
	}
}
