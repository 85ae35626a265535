package upstream

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// once answers the first request, then closes.
func once(answer string) func(*peer) {
	return func(p *peer) {
		if r, _ := p.request(); r != nil {
			p.send(answer)
		}
	}
}

func TestResponseAccepted(t *testing.T) {
	tests := []struct {
		name, answer string
		status       int
		body         string
		length       int64
		reused       bool
	}{
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", 5, true},
		{"no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "", 0, true},
		{"empty reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", 200, "", 0, true},
		{"same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", 200, "ok", 2, true},
		{"same length in a list", "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", 200, "ok", 2, true},
		{"until close", "HTTP/1.1 200 OK\r\n\r\nhello", 200, "hello", -1, false},
		{"1.0 until close", "HTTP/1.0 200 OK\r\nX: y\r\n\r\nhello", 200, "hello", -1, false},
		{"1.0 with length", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", 2, false},
		{"1.0 kept alive", "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok", 200, "ok", 2, true},
		{"1.1 closed", "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nok", 200, "ok", 2, false},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, "hello", -1, true},
		{"chunk extensions, padding, zeros", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
			"0A;a=\"b;c\"\r\n0123456789\r\n1  \r\nx\r\n000 ;z\r\n\r\n", 200, "0123456789x", -1, true},
		{"no content", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", -1, true},
		{"no content that announces some", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", 204, "", 2, false},
		{"not modified", "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", 304, "", 99, true},
		{"status beyond the usual", "HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", 999, "", 0, true},
		{"more than asked for", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\r\n", 200, "ok", 2, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := target(t, Options{}, once(tt.answer))
			resp, body := must(t, p, get("/"))
			if resp.StatusCode != tt.status || body != tt.body || resp.ContentLength != tt.length {
				t.Errorf("got %d %q, length %d; want %d %q, %d", resp.StatusCode, body, resp.ContentLength, tt.status, tt.body, tt.length)
			}
			if idle := p.Stats().Idle; (idle == 1) != tt.reused {
				t.Errorf("%d connections kept, want kept: %v", idle, tt.reused)
			}
			if got := resp.Header["Content-Length"]; tt.length >= 0 && len(got) != 1 {
				t.Errorf("Content-Length in the header: %q", got)
			}
		})
	}
}

func TestResponseHead(t *testing.T) {
	p := target(t, Options{}, once("HTTP/1.1 200 OK\r\n"+
		"content-type: text/plain\r\nSet-Cookie: a=1\r\nset-cookie:b=2\r\nSET-COOKIE: \tc=3 \t\r\nx-empty:\r\nX-Obs: \xff\r\n"+
		"Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nTE: x\r\n"+
		"X-Rare-Name: v\r\nx-rare-name: w\r\nContent-Length: 0\r\n\r\n"))
	resp, _ := must(t, p, get("/"))
	want := http.Header{
		"Content-Type": {"text/plain"}, "Set-Cookie": {"a=1", "b=2", "c=3"}, "X-Empty": {""}, "X-Obs": {"\xff"},
		"X-Rare-Name": {"v", "w"}, "Content-Length": {"0"},
	}
	if !sameHeader(resp.Header, want) {
		t.Errorf("header\n%q, want\n%q", resp.Header, want)
	}
}

func sameHeader(a, b http.Header) bool {
	var x, y bytes.Buffer
	_ = a.Write(&x)
	_ = b.Write(&y)
	return bytes.Equal(x.Bytes(), y.Bytes())
}

func TestResponseHeadLargerThanTheBuffer(t *testing.T) {
	for _, size := range []int{readerSize - 40, readerSize - 20, readerSize, 3 * readerSize, 60 << 10} {
		value := strings.Repeat("v", size)
		p := target(t, Options{}, once("HTTP/1.1 200 OK\r\nX-Large: "+value+"\r\nContent-Length: 2\r\n\r\nok"))
		resp, body := must(t, p, get("/"))
		if resp.Header.Get("X-Large") != value || body != "ok" {
			t.Errorf("value of %d bytes: got %d bytes, body %q", size, len(resp.Header.Get("X-Large")), body)
		}
	}
}

func TestResponseHeadByteByByte(t *testing.T) {
	p := target(t, Options{}, func(p *peer) {
		p.request()
		for _, b := range []byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n5\r\nhello\r\n0\r\nZ: t\r\n\r\n") {
			p.send(string(b))
		}
		p.untilClosed()
	})
	resp, body := must(t, p, get("/"))
	if body != "hello" || resp.Header.Get("X") != "y" || resp.Trailer().Get("Z") != "t" {
		t.Errorf("got %q, header %v, trailer %v", body, resp.Header, resp.Trailer())
	}
}

func TestResponseMalformed(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	heads := map[string]string{
		"not HTTP":                  "SSH-2.0-OpenSSH_9.2\r\n\r\n",
		"HTTP/2":                    "HTTP/2.0 200 OK\r\n\r\n",
		"HTTP/1.2":                  "HTTP/1.2 200 OK\r\n\r\n",
		"HTTP/0.9":                  "<html>\r\n\r\n",
		"lower case":                "http/1.1 200 OK\r\n\r\n",
		"empty line first":          "\r\n" + ok + "\r\n",
		"two-digit status":          "HTTP/1.1 20 OK\r\n\r\n",
		"four-digit status":         "HTTP/1.1 2000 OK\r\n\r\n",
		"signed status":             "HTTP/1.1 +20 OK\r\n\r\n",
		"status below 100":          "HTTP/1.1 099 OK\r\n\r\n",
		"two spaces":                "HTTP/1.1  200 OK\r\n\r\n",
		"tab":                       "HTTP/1.1\t200 OK\r\n\r\n",
		"CR in reason":              "HTTP/1.1 200 O\rK\r\n\r\n",
		"NUL in reason":             "HTTP/1.1 200 O\x00K\r\n\r\n",
		"bare LF after status":      "HTTP/1.1 200 OK\nX: y\r\n\r\n",
		"bare LF":                   ok + "X: y\nZ: z\r\n\r\n",
		"bare LF at the end":        ok + "X: y\r\n\n",
		"folded":                    ok + "X: y\r\n z\r\n\r\n",
		"folded first":              ok + " X: y\r\n\r\n",
		"no colon":                  ok + "X\r\n\r\n",
		"no name":                   ok + ": y\r\n\r\n",
		"space before colon":        ok + "X : y\r\n\r\n",
		"name with control":         ok + "X\x01: y\r\n\r\n",
		"name beyond ASCII":         ok + "X\xff: y\r\n\r\n",
		"CR in value":               ok + "X: y\rz\r\n\r\n",
		"CR at the end of value":    ok + "X: y\r\r\n\r\n",
		"NUL in value":              ok + "X: \x00\r\n\r\n",
		"length and chunked":        ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"length and chunked, HEAD":  ok + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
		"two lengths":               ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
		"two lengths in a list":     ok + "Content-Length: 5, 6\r\n\r\n",
		"empty length":              ok + "Content-Length:\r\n\r\n",
		"length with comma":         ok + "Content-Length: 5,\r\n\r\n",
		"signed length":             ok + "Content-Length: +5\r\n\r\n",
		"negative length":           ok + "Content-Length: -1\r\n\r\n",
		"hex length":                ok + "Content-Length: 0x5\r\n\r\n",
		"length with underscore":    ok + "Content-Length: 1_0\r\n\r\n",
		"length overflows":          ok + "Content-Length: 9223372036854775808\r\n\r\n",
		"unknown coding":            ok + "Transfer-Encoding: gzip\r\n\r\n",
		"two codings":               ok + "Transfer-Encoding: gzip, chunked\r\n\r\n",
		"identity":                  ok + "Transfer-Encoding: identity\r\n\r\n",
		"chunked twice":             ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"empty coding":              ok + "Transfer-Encoding:\r\n\r\n",
		"chunked in 1.0":            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"101 nobody asked for":      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
		"1xx with length":           "HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\n\r\n" + ok + "\r\n",
		"1xx chunked":               "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n" + ok + "\r\n",
		"head too large":            ok + "X: " + strings.Repeat("x", 64<<10) + "\r\n\r\n",
		"head too large, no end":    strings.Repeat("x", 1<<17),
		"head too large, in fields": ok + strings.Repeat("X: y\r\n", 12000) + "\r\n",
		"endless 1xx":               strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", maxInterim+1),
	}
	for name, answer := range heads {
		t.Run(name, func(t *testing.T) {
			for split := range min(len(answer), 200) {
				if _, err := read(get("/"), []byte(answer), split); !errors.Is(err, ErrMalformed) {
					t.Errorf("in two pieces of %d and %d bytes: %v", split, len(answer)-split, err)
				}
			}
			p := target(t, Options{}, func(p *peer) {
				p.request()
				p.send(answer)
				p.untilClosed()
			})
			r := get("/")
			if strings.HasSuffix(name, "HEAD") {
				r.Method = "HEAD"
			}
			e := failing(t, p, r)
			if !errors.Is(e, ErrMalformed) || e.Stage != StageHead || !e.Answer || e.Client || e.Unreceived || e.Timeout() {
				t.Errorf("got %+v", e)
			}
		})
	}
}

func TestResponseBodyMalformed(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	tests := map[string]string{
		"no size":                    "\r\nhello\r\n0\r\n\r\n",
		"size not hex":               "g\r\n",
		"signed size":                "+5\r\nhello\r\n0\r\n\r\n",
		"size with 0x":               "0x5\r\nhello\r\n0\r\n\r\n",
		"size after space":           " 5\r\nhello\r\n0\r\n\r\n",
		"size overflows":             "10000000000000005\r\nhello\r\n0\r\n\r\n",
		"size of 16 digits":          "0000000000000005\r\nhello\r\n0\r\n\r\n",
		"bare LF after size":         "5\nhello\r\n0\r\n\r\n",
		"CR in the size line":        "5\r\r\nhello\r\n0\r\n\r\n",
		"control in extension":       "5;a=\x01\r\nhello\r\n0\r\n\r\n",
		"word after size":            "5 x\r\nhello\r\n0\r\n\r\n",
		"endless extension":          "5;" + strings.Repeat("x", 2*readerSize) + "\r\n",
		"much overhead":              strings.Repeat("1;"+strings.Repeat("x", 1000)+"\r\ny\r\n", 20),
		"chunk longer than its size": "4\r\nhello\r\n0\r\n\r\n",
		"bare LF after chunk":        "5\r\nhello\n0\r\n\r\n",
		"bare LF at the end":         "5\r\nhello\r\n0\r\n\n",
		"bare LF in trailer":         "5\r\nhello\r\n0\r\nX: y\n\r\n",
		"folded trailer":             "5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n",
		"trailer without colon":      "5\r\nhello\r\n0\r\nhello\r\n\r\n",
		"trailer too large":          "5\r\nhello\r\n0\r\nX: " + strings.Repeat("y", 65<<10) + "\r\n\r\n",
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			p := target(t, Options{}, func(p *peer) {
				p.request()
				p.send(head + body)
				p.untilClosed()
			})
			e := failing(t, p, get("/"))
			if !errors.Is(e, ErrMalformed) || e.Stage != StageBody || !e.Answer {
				t.Errorf("got %+v", e)
			}
		})
	}
}

func TestResponseTrailer(t *testing.T) {
	p := target(t, Options{}, once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"+
		"2\r\nok\r\n0\r\nx-sum: 7\r\nX-Sum: 8\r\nContent-Length: 9\r\nTransfer-Encoding: x\r\nHost: y\r\nTrailer: z\r\nTE: t\r\n\r\n"))
	resp, err := p.Do(t.Context(), get("/"))
	if err != nil {
		t.Fatal(err)
	}
	if resp.Trailer() != nil {
		t.Error("a trailer before the end of the body")
	}
	if body, err := io.ReadAll(resp.Body); string(body) != "ok" || err != nil {
		t.Errorf("body %q, %v", body, err)
	}
	if want := (http.Header{"X-Sum": {"7", "8"}}); !sameHeader(resp.Trailer(), want) {
		t.Errorf("trailer %q, want %q", resp.Trailer(), want)
	}
	if resp.Header.Get("Trailer") != "X-Sum" {
		t.Error("the announcement of the trailer was dropped")
	}
	if p.Stats().Idle != 1 {
		t.Error("connection not kept")
	}
}

func TestHeadHasNoBody(t *testing.T) {
	for _, framing := range []string{"Content-Length: 1234\r\n", "Transfer-Encoding: chunked\r\n", ""} {
		p := target(t, Options{}, answering("HTTP/1.1 200 OK\r\n"+framing+"\r\n"))
		for range 2 {
			r := get("/")
			r.Method = "HEAD"
			resp, body := must(t, p, r)
			if body != "" || resp.ContentLength == 1234 != strings.Contains(framing, "1234") {
				t.Errorf("%q: body %q, length %d", framing, body, resp.ContentLength)
			}
		}
		if s := p.Stats(); s.Dials != 1 || s.Reuses != 1 {
			t.Errorf("%q: %+v, want the connection used twice", framing, s)
		}
	}
}

func TestInterim(t *testing.T) {
	p := target(t, Options{}, once("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\n"+
		"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
	var got []int
	r := get("/")
	r.Informational = func(status int, h http.Header) {
		got = append(got, status)
		if status == 103 && len(h["Link"]) != 2 {
			t.Errorf("hints: %q", h)
		}
	}
	if resp, body := must(t, p, r); resp.StatusCode != 200 || body != "ok" {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
	if len(got) != 2 || got[0] != 103 || got[1] != 102 {
		t.Errorf("interim %v, want [103 102]", got)
	}
}
