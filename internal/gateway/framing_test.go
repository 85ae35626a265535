package gateway

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/target"
)

// recorder is a target that keeps every byte it is sent, per connection, and
// answers each complete request with 200.
type recorder struct {
	addr string

	mu    sync.Mutex
	bytes []*bytes.Buffer
	ended int // connections that are over
}

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	ln := listen(t)
	r := &recorder{addr: ln.Addr().String()}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go r.serve(c)
		}
	}()
	return r
}

func (r *recorder) serve(c net.Conn) {
	defer func() {
		c.Close()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ended++
	}()
	var all bytes.Buffer
	r.mu.Lock()
	mine := new(bytes.Buffer)
	r.bytes = append(r.bytes, mine)
	r.mu.Unlock()
	answered, buf := 0, make([]byte, 64<<10)
	for {
		n, err := c.Read(buf)
		all.Write(buf[:n])
		r.mu.Lock()
		mine.Write(buf[:n])
		r.mu.Unlock()
		if err != nil {
			return
		}
		whole, perr := parseWire(all.Bytes())
		for ; answered < len(whole); answered++ {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
		if perr != nil && !errors.Is(perr, errIncomplete) {
			return // what follows could mean anything
		}
	}
}

// seen is what all connections were sent so far, in their order.
func (r *recorder) seen() (out [][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.bytes {
		out = append(out, bytes.Clone(b.Bytes()))
	}
	return out
}

// verdict is what a case must come to.
type verdict uint8

const (
	refused verdict = iota // an error or a closed connection, and not a byte at the target
	one                    // the target sees exactly the one request
	two                    // it was two requests, and is
	atMost                 // one or refused
	partial                // at most a part of the one, on a connection that is not used again
)

// most is how many requests the target may see.
func (c framingCase) most() int {
	return map[verdict]int{refused: 0, one: 1, two: 2, atMost: 1, partial: 1}[c.want]
}

// answers is how many the client waits for before it leaves.
func (c framingCase) answers() int { return max(c.most(), 1) }

func (c framingCase) judge(status int, seen [][]byte) []string {
	var bad []string
	say := func(format string, args ...any) { bad = append(bad, c.name+": "+fmt.Sprintf(format, args...)) }
	all := bytes.Join(seen, nil)
	if status != 0 && status < 400 && c.want == refused || status == 500 || status > 501 && status != 505 {
		say("status %d", status)
	}
	if status >= 400 && (c.want == one || c.want == two) {
		say("refused with %d", status)
	}
	var requests []wireRequest
	for _, conn := range seen {
		got, err := parseWire(conn)
		if err != nil && (c.want != partial || !errors.Is(err, errIncomplete)) {
			say("the target reads %q: %v", conn, err)
		}
		requests = append(requests, got...)
	}
	if most := c.most(); len(requests) > most || c.want == refused && len(all) > 0 || (c.want == one || c.want == two) && len(requests) != most {
		say("%d requests at the target: %q", len(requests), all)
	}
	if c.want == atMost && status >= 200 && status < 300 && len(requests) != 1 {
		say("answered %d, with %d requests at the target", status, len(requests))
	}
	if len(requests) == 0 || c.want == refused {
		return bad
	}
	first := requests[0]
	if first.method != or(c.method, "POST") || first.target != or(c.path, "/") || first.body != c.body {
		say("the target sees %s %s %q", first.method, first.target, first.body)
	}
	for _, name := range c.absent {
		if v := first.values(name); v != nil {
			say("%s: %q at the target", name, v)
		}
	}
	for _, line := range c.present {
		if name, value, _ := strings.Cut(line, ": "); !slices.Equal(first.values(name), []string{value}) {
			say("%s: %q at the target, want %q", name, first.values(name), value)
		}
	}
	return bad
}

// sendRaw plays a client: it sends, reads up to n final answers, closes its
// side and reads the rest. It returns the first answer's status; 0 is none.
func sendRaw(t *testing.T, addr, raw string, n int) (status int) {
	t.Helper()
	c := dial(t, addr)
	defer c.Close()
	io.WriteString(c, raw)
	for finals := 0; ; {
		resp, err := http.ReadResponse(c.br, &http.Request{Method: raw[:min(4, len(raw))]})
		if err != nil {
			return status
		}
		io.Copy(io.Discard, resp.Body)
		if resp.StatusCode < 200 {
			continue
		}
		if finals++; finals == 1 {
			status = resp.StatusCode
		}
		if finals == n {
			c.Conn.(*net.TCPConn).CloseWrite()
		}
	}
}

// TestFraming: whatever a client sends, the target sees no request, or exactly
// that one with exactly one framing, and nothing after it.
func TestFraming(t *testing.T) {
	t.Parallel()
	for _, c := range framingCases {
		t.Run(c.name, func(t *testing.T) {
			r := newRecorder(t)
			opt := options(shop(target.Target{ID: "a", Address: r.addr}))
			opt.Traffic.Limits.BodyIdle = time.Second // of bodies that never come
			f := start(t, opt)
			status := sendRaw(t, f.addr, c.raw, c.answers())
			if err := f.stop(); err != nil { // closes the pool: what was sent is all there
				t.Fatal(err)
			}
			r.settled(t)
			for _, line := range c.judge(status, r.seen()) {
				t.Error(line)
			}
		})
	}
}

// settled waits until every connection is over.
func (r *recorder) settled(t *testing.T) {
	t.Helper()
	eventually(t, "the target's connections end", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.ended == len(r.bytes)
	})
}

// copying is what must not pass: a proxy that looks for the end of a head and
// for a length, and copies the rest.
func copying(t *testing.T, to string) string {
	t.Helper()
	ln := listen(t)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go copyConn(c, to)
		}
	}()
	return ln.Addr().String()
}

func copyConn(c net.Conn, to string) {
	defer c.Close()
	there, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer there.Close()
	back := make(chan struct{})
	go func() {
		defer close(back)
		io.Copy(c, there)
	}()
	br := bufio.NewReader(c)
	for {
		length := 0
		for {
			line, err := br.ReadString('\n')
			if err != nil {
				there.(*net.TCPConn).CloseWrite()
				<-back
				return
			}
			io.WriteString(there, line)
			if name, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(name, "Content-Length") {
				length, _ = strconv.Atoi(strings.TrimSpace(value))
			}
			if strings.TrimSpace(line) == "" {
				break
			}
		}
		io.CopyN(there, br, int64(length))
	}
}

// TestFramingControl: the suite finds fault with a proxy that copies, in every
// kind of case.
func TestFramingControl(t *testing.T) {
	found := map[string]bool{}
	for _, c := range framingCases {
		if c.want == two { // it would wait for answers that do not come
			continue
		}
		r := newRecorder(t)
		raw := dial(t, copying(t, r.addr))
		io.WriteString(raw, c.raw)
		raw.Conn.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, raw)
		eventually(t, "the target's connection ends", func() bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.ended == 1
		})
		found[c.name] = len(c.judge(400, r.seen())) > 0
	}
	for _, name := range []string{"length and chunked", "TE xchunked", "TE chunked, identity", "TE with underscore", "two lengths", "list of lengths",
		"length 0x5", "bare LF", "bare CR in a value", "NUL in a value", "folded", "chunk extension", "chunk size 0x5", "trailers that are no trailers",
		"method in brackets", "space in the target", "two Hosts", "X_Host", "Connection: Content-Length", "HTTP/1.0", "Upgrade to h2c"} {
		if !found[name] {
			t.Errorf("a proxy that copies passes %q", name)
		}
	}
}

// TestWireParser: the independent reader refuses what a target could
// understand in two ways.
func TestWireParser(t *testing.T) {
	head := "POST / HTTP/1.1\r\nHost: h\r\n"
	for _, planted := range []string{
		head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		head + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
		head + "Transfer-Encoding: xchunked\r\n\r\n",
		head + "Transfer-Encoding: chunked\r\n\r\n0;a\r\n\r\n",
		head + "Transfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n",
		head + "Transfer-Encoding: chunked\r\n\r\n1\r\nab0\r\n\r\n",
		head + "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
		head + "Content-Length: +5\r\n\r\nhello",
		head + "Content-Length: 05\r\n\r\nhello",
		head + "Content-Length: 3\r\n\r\nhello", // two bytes are left over
		head + "X : y\r\n\r\n",
		head + "X: a\rb\r\n\r\n",
		head + "X: a\n\r\n",
		head + " folded\r\n\r\n",
		head + "Host: h\r\n\r\n",
		"POST / HTTP/1.1\r\n\r\n",
		"POST / HTTP/1.0\r\nHost: h\r\n\r\n",
		"POST  / HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST http://h/ HTTP/1.1\r\nHost: h\r\n\r\n",
	} {
		if got, err := parseWire([]byte(planted)); err == nil {
			t.Errorf("%q reads as %+v", planted, got)
		}
	}
	got, err := parseWire([]byte(head + "Content-Length: 5\r\n\r\nhello" + head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"))
	if err != nil || len(got) != 2 || got[0].body != "hello" || got[1].body != "hello" {
		t.Errorf("got %+v, %v", got, err)
	}
}

// FuzzFraming: whatever bytes come, each connection to the target holds whole
// requests that can be read in one way, and at most the beginning of another.
func FuzzFraming(f *testing.F) {
	for i, c := range framingCases {
		if i%8 == 0 { // TestFraming runs them all
			f.Add([]byte(c.raw))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := newRecorder(t)
		opt := options(shop(target.Target{ID: "a", Address: r.addr}))
		opt.Traffic.Limits.BodyIdle, opt.Traffic.Limits.HeadTime = 50*time.Millisecond, 50*time.Millisecond
		g := start(t, opt)
		sendRaw(t, g.addr, string(raw), 1)
		if err := g.stop(); err != nil {
			t.Fatal(err)
		}
		r.settled(t)
		for _, conn := range r.seen() {
			if _, err := parseWire(conn); err != nil && !errors.Is(err, errIncomplete) {
				t.Errorf("%q arrives as %q: %v", raw, conn, err)
			}
		}
	})
}
