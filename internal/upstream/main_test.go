package upstream

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

func TestMain(m *testing.M) { os.Exit(proctest.Goroutines(m)) }

// peer is the target's end of one connection, in a script's hands.
type peer struct {
	net.Conn
	t  *testing.T
	br *bufio.Reader
}

// request reads one request with its body, by the standard library's parser.
func (p *peer) request() (*http.Request, string) {
	r, err := http.ReadRequest(p.br)
	if err != nil {
		return nil, ""
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, ""
	}
	return r, string(body)
}

// head reads up to the empty line and returns it raw.
func (p *peer) head() string {
	var s strings.Builder
	for {
		line, err := p.br.ReadString('\n')
		s.WriteString(line)
		if err != nil || line == "\r\n" {
			return s.String()
		}
	}
}

func (p *peer) send(s string) {
	if _, err := io.WriteString(p, s); err != nil {
		p.t.Logf("peer: %v", err)
	}
}

// reset makes the close that follows an RST.
func (p *peer) reset() {
	if err := p.Conn.(*net.TCPConn).SetLinger(0); err != nil {
		p.t.Error(err)
	}
	p.Close()
}

// untilClosed waits for the engine to close the connection.
func (p *peer) untilClosed() { _, _ = io.Copy(io.Discard, p.br) }

// answering answers every request of a connection with the same bytes.
func answering(answer string) func(*peer) {
	return func(p *peer) {
		for {
			if r, _ := p.request(); r == nil {
				return
			}
			p.send(answer)
		}
	}
}

// target listens on loopback; the n-th connection is handled by the n-th
// script, later ones by the last. It returns a pool towards it.
func target(t *testing.T, opt Options, scripts ...func(*peer)) *Pool {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pool := NewPool(ln.Addr().String(), opt)
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ; n++ {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			script := scripts[min(n, len(scripts)-1)]
			wg.Go(func() {
				defer nc.Close()
				script(&peer{nc, t, bufio.NewReader(nc)})
			})
		}
	})
	t.Cleanup(func() {
		pool.Close()
		if s := pool.Stats(); s.Active != 0 || s.Idle != 0 {
			t.Errorf("at the end: %+v, want nothing idle or active", s)
		}
		ln.Close()
		wg.Wait()
	})
	return pool
}

func get(path string) *Request { return &Request{Method: "GET", Target: path, Host: "shop.example"} }

func post(body string) *Request {
	return &Request{
		Method: "POST", Target: "/", Host: "shop.example",
		Body: strings.NewReader(body), ContentLength: int64(len(body)),
	}
}

// fetch does r and reads the body.
func fetch(ctx context.Context, p *Pool, r *Request) (*Response, string, error) {
	resp, err := p.Do(ctx, r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

// must is fetch where nothing may fail.
func must(t *testing.T, p *Pool, r *Request) (*Response, string) {
	t.Helper()
	resp, body, err := fetch(t.Context(), p, r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.Target, err)
	}
	return resp, body
}

// failing is fetch where something must fail.
func failing(t *testing.T, p *Pool, r *Request) *Error {
	t.Helper()
	_, body, err := fetch(t.Context(), p, r)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%s %s: got %q, error %v; want an *Error", r.Method, r.Target, body, err)
	}
	return e
}

// eventually polls cond until it holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !cond(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}
