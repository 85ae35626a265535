package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/evenkeel/evenkeel/internal/target"
)

// protocols runs f with a front of each protocol that clients speak.
func protocols(t *testing.T, tgt func(t *testing.T) target.Target, f func(t *testing.T, c *http.Client, url string)) {
	for _, h2 := range []bool{false, true} {
		t.Run(map[bool]string{false: "HTTP 1.1", true: "HTTP 2"}[h2], func(t *testing.T) {
			g, err := New(options(shop(tgt(t))))
			must(t, err)
			t.Cleanup(g.closePools)
			srv := httptest.NewUnstartedServer(g)
			if srv.EnableHTTP2 = h2; h2 {
				srv.StartTLS()
			} else {
				srv.Start()
			}
			t.Cleanup(srv.Close)
			f(t, srv.Client(), srv.URL)
		})
	}
}

// piecewise are answers whose second part must not be waited for.
var piecewise = map[string][2]string{
	"length":      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1", "2"},
	"head first":  {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", "2"},
	"chunked":     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n", "1\r\n2\r\n0\r\n\r\n"},
	"until close": {"HTTP/1.0 200 OK\r\n\r\n1", "2"},
	"large":       {"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n1", strings.Repeat("2", 100000)},
}

// The first byte of an answer passes before the second is sent.
func TestAnswerPassesInPieces(t *testing.T) {
	for name, parts := range piecewise {
		t.Run(name, func(t *testing.T) {
			seen := make(chan struct{}, 2)
			tgt := func(t *testing.T) target.Target {
				return script(t, "a", func(c net.Conn, br *bufio.Reader, _ int) {
					http.ReadRequest(br)
					io.WriteString(c, parts[0])
					<-seen
					io.WriteString(c, parts[1])
				})
			}
			protocols(t, tgt, func(t *testing.T, c *http.Client, url string) {
				resp, err := c.Get(url) // returns with the head
				must(t, err)
				defer resp.Body.Close()
				if name != "head first" {
					if b := make([]byte, 1); func() bool { _, err = io.ReadFull(resp.Body, b); return err != nil || b[0] != '1' }() {
						t.Errorf("got %q, %v", b, err)
					}
				}
				seen <- struct{}{}
				if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) == 0 {
					t.Errorf("got %d bytes, %v", len(rest), err)
				}
			})
		})
	}
}

// The first byte of a request passes before the second is sent.
func TestRequestPassesInPieces(t *testing.T) {
	first := make(chan struct{}, 2)
	tgt := func(t *testing.T) target.Target {
		return app(t, "a", func(w http.ResponseWriter, r *http.Request) {
			io.ReadFull(r.Body, make([]byte, 1))
			first <- struct{}{}
			n, _ := io.Copy(io.Discard, r.Body)
			fmt.Fprint(w, n)
		})
	}
	protocols(t, tgt, func(t *testing.T, c *http.Client, url string) {
		r, w := io.Pipe()
		go func() {
			io.WriteString(w, "1")
			<-first
			io.WriteString(w, "23")
			w.Close()
		}()
		resp, err := c.Post(url, "text/plain", r)
		must(t, err)
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); string(b) != "2" || err != nil {
			t.Errorf("got %q, %v", b, err)
		}
	})
}

// Interim answers pass, each, but a 100 that nobody waits for.
func TestInterimAnswersPass(t *testing.T) {
	tgt := func(t *testing.T) target.Target {
		return script(t, "a", func(c net.Conn, br *bufio.Reader, _ int) {
			http.ReadRequest(br)
			io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"+
				"HTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		})
	}
	protocols(t, tgt, func(t *testing.T, c *http.Client, url string) {
		var got []string
		trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			got = append(got, fmt.Sprint(code, h.Get("Link")))
			return nil
		}}
		r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", url, nil)
		must(t, err)
		resp, err := c.Do(r)
		must(t, err)
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); string(b) != "ok" || err != nil || resp.Header.Get("Link") != "" {
			t.Errorf("got %q, %v, %v", b, err, resp.Header)
		}
		if want := "103</a> 102 103</b>"; strings.Join(got, " ") != want {
			t.Errorf("interim answers %q, want %s", got, want)
		}
	})
}

// A client that expects 100 Continue gets the target's word: the go-ahead, or
// the refusal before the body was asked for.
func TestExpectation(t *testing.T) {
	for name, want := range map[string]string{"continue": "HTTP/1.1 100 Continue", "417": "HTTP/1.1 417 Expectation Failed", "401": "HTTP/1.1 401 Unauthorized"} {
		for _, size := range []int{1 << 10, 1 << 20} {
			var came atomic.Int64
			f := start(t, options(shop(script(t, "a", func(c net.Conn, br *bufio.Reader, _ int) {
				r, err := http.ReadRequest(br)
				if err != nil || r.Header.Get("Expect") != "100-continue" {
					t.Errorf("the target got %v, %v", r, err)
					return
				}
				if name == "continue" {
					io.WriteString(c, want+"\r\n\r\n")
				} else {
					fmt.Fprintf(c, "%s\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno", want)
				}
				n, _ := io.Copy(io.Discard, r.Body)
				came.Store(n)
				if name == "continue" {
					io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
			}))))
			c := dial(t, f.addr)
			fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", size)
			line, err := c.br.ReadString('\n')
			if err != nil || strings.TrimSpace(line) != want {
				t.Fatalf("%s: got %q, %v", name, line, err)
			}
			if name != "continue" {
				if came.Load() != 0 {
					t.Errorf("%s: %d bytes of the body came", name, came.Load())
				}
				continue
			}
			c.br.ReadString('\n')
			io.WriteString(c, strings.Repeat("x", size))
			a := c.read("POST")
			a.want(t, 200, "ok")
			if came.Load() != int64(size) {
				t.Errorf("the target got %d bytes of %d", came.Load(), size)
			}
		}
	}
}

// What the target cuts never ends well at the client, in either protocol.
func TestCutAnswerIsAborted(t *testing.T) {
	for name, part := range map[string]string{
		"length":       "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n1",
		"large length": "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + strings.Repeat("1", 150000),
		"chunk":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n1",
		"last chunk":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n",
	} {
		for how, end := range map[string]func(net.Conn){"FIN": func(c net.Conn) { c.Close() }, "RST": reset} {
			t.Run(name+" "+how, func(t *testing.T) {
				seen := make(chan struct{}, 2)
				tgt := func(t *testing.T) target.Target {
					return script(t, "a", func(c net.Conn, br *bufio.Reader, _ int) {
						http.ReadRequest(br)
						io.WriteString(c, part)
						<-seen
						end(c)
					})
				}
				protocols(t, tgt, func(t *testing.T, c *http.Client, url string) {
					resp, err := c.Get(url)
					must(t, err)
					defer resp.Body.Close()
					seen <- struct{}{}
					if b, err := io.ReadAll(resp.Body); err == nil {
						t.Errorf("ended well with %d bytes", len(b))
					}
				})
			})
		}
	}
}

// A client that leaves is noticed by the target, wherever the exchange is.
func TestClientAbortReachesTheTarget(t *testing.T) {
	for _, when := range []string{"sending", "waiting", "receiving"} {
		t.Run(when, func(t *testing.T) {
			begun, ended := make(chan struct{}, 2), make(chan error, 2)
			tgt := func(t *testing.T) target.Target {
				return script(t, "a", func(c net.Conn, br *bufio.Reader, _ int) {
					r, err := http.ReadRequest(br)
					if err != nil {
						ended <- err
						return
					}
					if when == "receiving" {
						io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n1")
					}
					begun <- struct{}{}
					if _, err = io.Copy(io.Discard, r.Body); when != "sending" && err == nil {
						_, err = br.ReadByte()
					}
					ended <- err
				})
			}
			protocols(t, tgt, func(t *testing.T, c *http.Client, url string) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				method, body := "GET", io.Reader(nil)
				leave := cancel
				if when == "sending" {
					r, w := io.Pipe()
					go io.WriteString(w, "x")
					method, body = "POST", r
					// net/http's client waits for its own reading of the body.
					leave = func() { cancel(); w.CloseWithError(context.Canceled) }
				}
				r, err := http.NewRequestWithContext(ctx, method, url, body)
				must(t, err)
				go func() { <-begun; leave() }()
				if resp, err := c.Do(r); err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				if err := <-ended; err == nil {
					t.Error("the target saw a whole request")
				}
			})
		})
	}
}

// Answers without a body end where the head does.
func TestAnswersWithoutABody(t *testing.T) {
	for _, tc := range []struct{ method, answer, length string }{
		{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "5"},
		{"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", ""},
		{"GET", "HTTP/1.1 204 No Content\r\n\r\n", ""},
		{"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", ""},
	} {
		var conns atomic.Int32
		f := start(t, options(shop(script(t, "a", func(c net.Conn, br *bufio.Reader, n int) {
			conns.Store(int32(n))
			for {
				if _, err := http.ReadRequest(br); err != nil {
					return
				}
				io.WriteString(c, tc.answer)
			}
		}))))
		c := dial(t, f.addr)
		for range 3 {
			a := c.do(tc.method, "/", "")
			if a.err != nil || a.body != "" || tc.length != "" && a.Header.Get("Content-Length") != tc.length {
				t.Errorf("%s %q: got %v, %v", tc.method, tc.answer, a.Response, a.err)
			}
		}
		if conns.Load() != 1 {
			t.Errorf("%s %q: %d connections", tc.method, tc.answer, conns.Load())
		}
	}
}

// splicing notices what net/http hands to a connection's ReadFrom.
type splicing struct {
	*net.TCPConn
	spliced *atomic.Int64
}

func (s splicing) ReadFrom(r io.Reader) (int64, error) {
	n, err := s.TCPConn.ReadFrom(r)
	if l, ok := r.(*io.LimitedReader); ok {
		if _, ok := l.R.(*net.TCPConn); ok { // what package net looks for
			s.spliced.Add(n)
		}
	}
	return n, err
}

type splicingListener struct {
	net.Listener
	spliced *atomic.Int64
}

func (l splicingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return splicing{c.(*net.TCPConn), l.spliced}, nil
}

// A large answer goes from socket to socket; the control is a chunked one,
// which cannot.
func TestLargeAnswerIsSpliced(t *testing.T) {
	const size = 256 << 10
	body := strings.Repeat("x", size)
	for name, raw := range map[string]string{
		"length":  fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", size, body),
		"chunked": fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", size, body),
	} {
		g, err := New(options(shop(script(t, "a", func(c net.Conn, br *bufio.Reader, _ int) {
			http.ReadRequest(br)
			io.WriteString(c, raw)
		}))))
		must(t, err)
		t.Cleanup(g.closePools)
		var spliced atomic.Int64
		srv := httptest.NewUnstartedServer(g)
		srv.Listener = splicingListener{srv.Listener, &spliced}
		srv.Start()
		a := once(t, srv.Listener.Addr().String(), "GET", "/", "")
		srv.Close()
		if a.err != nil || a.body != body {
			t.Errorf("%s: got %d bytes, %v", name, len(a.body), a.err)
		}
		if n := spliced.Load(); (n > size*3/4) != (name == "length") {
			t.Errorf("%s: %d bytes of %d were spliced", name, n, size)
		}
	}
}
