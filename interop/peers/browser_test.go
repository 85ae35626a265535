package peers

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"
)

// browser keeps cookies in the order in which answers arrive, like one. It is
// safe for concurrent use.
type browser struct {
	t      *trial
	srv    *httptest.Server
	client http.RoundTripper

	mu  sync.Mutex
	jar map[string]string
}

// answered is what a browser got; code 0 is a broken connection.
type answered struct {
	code    int
	header  http.Header
	trailer http.Header
	cookies []*http.Cookie
	body    string
}

// another is a browser with these cookies, on the same server.
func (b *browser) another(jar map[string]string) *browser {
	return &browser{t: b.t, srv: b.srv, client: b.client, jar: maps.Clone(jar)}
}

// cookies are those that the next request presents.
func (b *browser) cookies() map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.jar)
}

func (b *browser) cookieLine() string {
	var pairs []string
	for name, value := range b.cookies() {
		pairs = append(pairs, name+"="+value)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "; ")
}

func (b *browser) get(path string) answered {
	b.t.Helper()
	return b.present(path, b.cookieLine())
}

// present is get with another Cookie header.
func (b *browser) present(path, cookies string) answered {
	b.t.Helper()
	// Not a GET, which net/http's client may send twice.
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.srv.URL+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	if cookies != "" {
		r.Header.Set("Cookie", cookies)
	}
	res, err := b.client.RoundTrip(r)
	if err != nil {
		return answered{}
	}
	defer res.Body.Close()
	b.receive(res.Cookies())
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answered{}
	}
	return answered{code: res.StatusCode, header: res.Header, trailer: res.Trailer, cookies: res.Cookies(), body: string(body)}
}

// must is get for what every library can do: preparing a scenario.
func (b *browser) must(path string) answered {
	b.t.Helper()
	a := b.get(path)
	if a.code != http.StatusOK {
		b.t.Fatalf("%s: %d %q", path, a.code, a.body)
	}
	return a
}

func (b *browser) receive(cookies []*http.Cookie) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range cookies {
		if c.MaxAge < 0 || !c.Expires.IsZero() && c.Expires.Before(time.Now()) {
			delete(b.jar, c.Name)
			continue
		}
		b.jar[c.Name] = c.Value
	}
}

// wire is a connection without net/http's client, which follows, hides and
// closes too much.
type wire struct {
	net.Conn
	*bufio.Reader
}

func (w wire) Read(p []byte) (int, error) { return w.Reader.Read(p) }

func (b *browser) dial() wire {
	b.t.Helper()
	c, err := net.Dial("tcp", b.srv.Listener.Addr().String())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	b.t.ok(c.SetDeadline(time.Now().Add(time.Minute)))
	return wire{c, bufio.NewReader(c)}
}

// raw sends a request with the browser's cookies and these headers.
func (b *browser) raw(method, path string, headers ...string) wire {
	b.t.Helper()
	c := b.dial()
	lines := append([]string{method + " " + path + " HTTP/1.1", "Host: shop.example"}, headers...)
	if line := b.cookieLine(); line != "" {
		lines = append(lines, "Cookie: "+line)
	}
	if _, err := fmt.Fprintf(c, "%s\r\n\r\n", strings.Join(lines, "\r\n")); err != nil {
		b.t.Fatal(err)
	}
	return c
}

// response reads the head of the next response, informational ones included. A
// broken connection is a response of status 0.
func (b *browser) response(c wire, method string) *http.Response {
	b.t.Helper()
	res, err := http.ReadResponse(c.Reader, &http.Request{Method: method})
	if err != nil {
		return &http.Response{}
	}
	b.receive(res.Cookies())
	return res
}
