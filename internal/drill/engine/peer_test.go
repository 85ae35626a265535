package engine

import (
	"bufio"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// script is what a peer does with each request of each connection, in order of
// arrival: request i of the whole test is handled by step i, the last step
// repeating.
type script []func(c *peerConn)

// peerConn is the peer's side, after a request has been read.
type peerConn struct {
	t *testing.T
	net.Conn
	req *http.Request
}

func (c *peerConn) say(s string) {
	if _, err := c.Write([]byte(s)); err != nil {
		c.t.Logf("peer: %v", err) // the client may have gone, as it should
	}
}

// reset closes the connection so that the client gets a RST.
func (c *peerConn) reset() {
	if err := c.Conn.(*net.TCPConn).SetLinger(0); err != nil {
		c.t.Error(err)
	}
	c.Close()
}

func says(s string) func(*peerConn)   { return func(c *peerConn) { c.say(s) } }
func resets(s string) func(*peerConn) { return func(c *peerConn) { c.say(s); c.reset() } }
func ends(s string) func(*peerConn)   { return func(c *peerConn) { c.say(s); c.Close() } }

const good = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// peer listens on loopback and follows the script; counted are connections.
type peer struct {
	url      string
	mu       sync.Mutex
	step     int
	accepted int
}

func newPeer(t *testing.T, s script) *peer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{url: "http://" + ln.Addr().String()}
	var wg sync.WaitGroup
	var open sync.Map
	t.Cleanup(func() {
		ln.Close()
		open.Range(func(c, _ any) bool { c.(net.Conn).Close(); return true })
		wg.Wait()
	})
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			open.Store(conn, true)
			p.mu.Lock()
			p.accepted++
			p.mu.Unlock()
			wg.Go(func() { p.follow(t, conn, s) })
		}
	})
	return p
}

func (p *peer) follow(t *testing.T, conn net.Conn, s script) {
	r := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		p.mu.Lock()
		i := min(p.step, len(s)-1)
		p.step++
		p.mu.Unlock()
		s[i](&peerConn{t, conn, req})
	}
}

func (p *peer) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

func newUser(t *testing.T, url string, opt ClientOptions) *User {
	t.Helper()
	c, err := NewClient([]string{url}, NewClock(), opt)
	if err != nil {
		t.Fatal(err)
	}
	u := c.User()
	t.Cleanup(u.Close)
	return u
}

func do(t *testing.T, u *User, req Request) Exchange {
	t.Helper()
	x, err := u.Do(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// patient is a time-out that is not meant to be reached.
const patient = time.Minute
