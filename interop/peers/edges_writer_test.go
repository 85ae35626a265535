package peers

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"
)

// Ways for the first byte to leave other than Write.
var writerEdges = []scenario{
	{
		edge: "103 Early Hints, then Set",
		run: func(t *trial) {
			b := t.browse(routes{"/hints": func(w http.ResponseWriter, _ *http.Request, v visit) {
				w.Header().Set("Link", "</a.css>; rel=preload")
				w.WriteHeader(http.StatusEarlyHints)
				answer(w, "page", v.Set("k", "after"), v.Save)
			}})
			c := b.raw("GET", "/hints")
			hints := b.response(c, "GET")
			t.lostIf(hints.StatusCode != http.StatusEarlyHints || len(hints.Cookies()) > 0, "the hints")
			page := b.response(c, "GET")
			t.arrives(b, answered{cookies: page.Cookies()}, "k", "after")
		},
		lost: map[string]string{"scs": "no cookie is sent"},
	},
	{
		edge: "Set, then WriteHeader(101)",
		run: func(t *trial) {
			b := t.browse(routes{"/ws": func(w http.ResponseWriter, _ *http.Request, v visit) {
				if v.Set("k", "ws") != nil || v.Save() != nil {
					return
				}
				w.Header().Set("Upgrade", "chat")
				w.Header().Set("Connection", "Upgrade")
				w.WriteHeader(http.StatusSwitchingProtocols)
				t.chat(w, nil)
			}})
			t.upgrade(b)
		},
		lost: map[string]string{"careless": "Hijack; no cookie is sent; the connection"},
	},
	{
		edge: "Set, then Hijack",
		run: func(t *trial) {
			b := t.browse(routes{"/ws": func(w http.ResponseWriter, _ *http.Request, v visit) {
				if v.Set("k", "ws") != nil || v.Save() != nil {
					return
				}
				t.chat(w, func(buf *bufio.ReadWriter) {
					buf.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: Upgrade\r\n")
					w.Header().Write(buf)
					buf.WriteString("\r\n")
				})
			}})
			t.upgrade(b)
		},
		lost: map[string]string{"scs": "no cookie is sent", "careless": "Hijack; no cookie is sent; the connection"},
	},
	{
		edge: "Set, then Flush before the first Write",
		run: func(t *trial) {
			b := t.browse(routes{"/events": func(w http.ResponseWriter, _ *http.Request, v visit) {
				if v.Set("k", "seen") != nil || v.Save() != nil {
					return
				}
				w.Header().Set("Content-Type", "text/event-stream")
				t.lostIf(http.NewResponseController(w).Flush() != nil, "Flush")
				io.WriteString(w, "data: tick\n\n")
			}})
			t.arrives(b, b.get("/events"), "k", "seen")
		},
		lost: map[string]string{"scs": "no cookie is sent", "careless": "Flush"},
	},
	{
		edge: "Set, then a Write to what Unwrap returns",
		run: func(t *trial) {
			b := t.browse(routes{"/unwrapped": func(w http.ResponseWriter, _ *http.Request, v visit) {
				if v.Set("k", "kept") != nil || v.Save() != nil {
					return
				}
				for u, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok; u, ok = w.(interface{ Unwrap() http.ResponseWriter }) {
					w = u.Unwrap()
				}
				io.WriteString(w, "x")
			}})
			t.arrives(b, b.get("/unwrapped"), "k", "kept")
		},
		lost: map[string]string{"scs": "no cookie is sent"},
	},
	{
		edge: "deadlines and full duplex, then Set",
		run: func(t *trial) {
			b := t.browse(routes{"/controls": func(w http.ResponseWriter, _ *http.Request, v visit) {
				rc := http.NewResponseController(w)
				for what, f := range map[string]func() error{
					"SetReadDeadline":  func() error { return rc.SetReadDeadline(time.Time{}) },
					"SetWriteDeadline": func() error { return rc.SetWriteDeadline(time.Time{}) },
					"EnableFullDuplex": rc.EnableFullDuplex,
				} {
					t.lostIf(f() != nil, what)
				}
				answer(w, "page", v.Set("k", "kept"), v.Save)
			}})
			t.arrives(b, b.get("/controls"), "k", "kept")
		},
		lost: map[string]string{"careless": "EnableFullDuplex; SetReadDeadline; SetWriteDeadline"},
	},
	{
		edge: "io.Copy of a file reaches the connection (sendfile)",
		run: func(t *trial) {
			path := filepath.Join(t.TempDir(), "file")
			t.ok(os.WriteFile(path, make([]byte, 1<<20), 0o600))
			app := t.wrap(t.app(routes{"/file": func(w http.ResponseWriter, _ *http.Request, v visit) {
				if v.Set("k", "kept") != nil || v.Save() != nil {
					return
				}
				f, err := os.Open(path)
				t.ok(err)
				w.Header().Set("Content-Length", strconv.Itoa(1<<20)) // no sendfile into chunks
				defer f.Close()
				if n, err := io.Copy(w, f); n != 1<<20 || err != nil {
					t.Errorf("copied %d bytes: %v", n, err)
				}
			}}))
			var inner atomic.Int64
			counted := &countedListener{}
			b := t.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				app.ServeHTTP(readsFrom{w, &inner}, r)
			}), func(srv *httptest.Server) {
				counted.Listener = srv.Listener
				srv.Listener = counted
			})
			got := b.get("/file")
			t.lostIf(len(got.body) != 1<<20, "the file")
			t.lostIf(inner.Load() == 0, "ReadFrom of the wrapped writer")
			t.lostIf(counted.reads.Load() == 0, "ReadFrom of the TCP connection")
			t.arrives(b, got, "k", "kept")
		},
		lost: map[string]string{
			"scs":      "ReadFrom of the TCP connection; ReadFrom of the wrapped writer",
			"careless": "ReadFrom of the TCP connection; ReadFrom of the wrapped writer",
		},
	},
}

// chat hijacks the connection and greets.
func (t *trial) chat(w http.ResponseWriter, head func(*bufio.ReadWriter)) {
	c, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.lost("Hijack")
		panic(http.ErrAbortHandler)
	}
	defer c.Close()
	if head != nil {
		head(buf)
	}
	buf.WriteString("hello\n")
	t.ok(buf.Flush())
}

// upgrade is the client of it.
func (t *trial) upgrade(b *browser) {
	c := b.raw("GET", "/ws", "Connection: Upgrade", "Upgrade: chat")
	res := b.response(c, "GET")
	hello, _ := c.ReadString('\n')
	t.lostIf(res.StatusCode != http.StatusSwitchingProtocols || hello != "hello\n", "the connection")
	t.arrives(b, answered{cookies: res.Cookies()}, "k", "ws")
}

// readsFrom is a writer around net/http's, that counts.
type readsFrom struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (w readsFrom) ReadFrom(src io.Reader) (int64, error) {
	w.n.Add(1)
	return w.ResponseWriter.(io.ReaderFrom).ReadFrom(src)
}

// countedListener counts ReadFrom of its TCP connections, which is what tries
// sendfile.
type countedListener struct {
	net.Listener
	reads atomic.Int64
}

func (l *countedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return countedConn{c.(*net.TCPConn), &l.reads}, nil
}

type countedConn struct {
	*net.TCPConn
	n *atomic.Int64
}

func (c countedConn) ReadFrom(src io.Reader) (int64, error) {
	c.n.Add(1)
	return c.TCPConn.ReadFrom(src)
}
