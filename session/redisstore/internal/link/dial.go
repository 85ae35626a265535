package link

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// toSentinels marks the dialer of connections to Sentinels: rueidis dials all
// through one function, and asks one function for all credentials.
var toSentinels = new(net.Resolver)

// peer is the address of a connection's other end.
type peer struct {
	net.Addr
	sentinel bool
}

// conn is a connection that tells when it is no more.
type conn struct {
	net.Conn
	peer peer
	lost func() // called at least once, when it is closed or breaks
	gone atomic.Bool
}

// RemoteAddr is where credentials learns who is at the other end.
func (c *conn) RemoteAddr() net.Addr { return c.peer }

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		c.lose()
	}
	return n, err
}

func (c *conn) Close() error {
	c.lose()
	return c.Conn.Close()
}

func (c *conn) lose() {
	if c.gone.CompareAndSwap(false, true) {
		c.lost()
	}
}

// conns are the open connections of a client.
type conns struct {
	mu     sync.Mutex
	byAddr map[string]map[*conn]bool
	shut   bool
}

// add refuses what comes after shutdown.
func (s *conns) add(addr string, c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut {
		return false
	}
	if s.byAddr == nil {
		s.byAddr = map[string]map[*conn]bool{}
	}
	if s.byAddr[addr] == nil {
		s.byAddr[addr] = map[*conn]bool{}
	}
	s.byAddr[addr][c] = true
	return true
}

func (s *conns) remove(addr string, c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byAddr[addr], c)
	if len(s.byAddr[addr]) == 0 {
		delete(s.byAddr, addr)
	}
}

// to lists the connections to addr, or to servers anywhere, without those to
// Sentinels, if it is "".
func (s *conns) to(addr string) []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*conn
	for a, set := range s.byAddr {
		for c := range set {
			if a == addr || addr == "" && !c.peer.sentinel {
				list = append(list, c)
			}
		}
	}
	return list
}

// shutdown closes all connections and refuses new ones.
func (s *conns) shutdown() {
	s.mu.Lock()
	s.shut = true
	var list []*conn
	for _, set := range s.byAddr {
		for c := range set {
			list = append(list, c)
		}
	}
	s.mu.Unlock()
	for _, c := range list {
		_ = c.Close() // it is given up
	}
}

// dial makes a connection for rueidis: within the dial timeout, and no longer
// than the link lives.
func (c *client) dial(ctx context.Context, addr string, d *net.Dialer, t *tls.Config) (net.Conn, error) {
	c.link.counts.dials.Add(1)
	ctx, cancel := context.WithTimeout(ctx, c.link.opt.DialTimeout)
	defer cancel()
	defer context.AfterFunc(c.link.life, cancel)()
	raw, err := dialRaw(ctx, addr, d, t)
	if err != nil {
		return nil, &dialError{err}
	}
	w := &conn{Conn: raw, peer: peer{raw.RemoteAddr(), d.Resolver == toSentinels}}
	w.lost = func() {
		c.open.remove(addr, w)
		c.lost(addr, w.peer.sentinel)
	}
	if !c.open.add(addr, w) {
		raw.Close()
		return nil, &dialError{errClosed}
	}
	if c.tracking && !w.peer.sentinel {
		// Before anything is asked on the new connection, and so before an
		// answer on it can renew a lease, what was read on the old one goes.
		c.link.opt.OnInvalidate(nil)
	}
	return w, nil
}

func dialRaw(ctx context.Context, addr string, d *net.Dialer, t *tls.Config) (net.Conn, error) {
	raw, err := d.DialContext(ctx, "tcp", addr)
	if err != nil || t == nil {
		return raw, err
	}
	if t.ServerName == "" {
		t = t.Clone()
		t.ServerName, _, _ = net.SplitHostPort(addr) // it was dialled
	}
	secure := tls.Client(raw, t)
	if err := secure.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, &handshakeError{err}
	}
	return secure, nil
}

// handshakeError is the error of a connection without TLS.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return "TLS handshake: " + e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

// credentials are what rueidis logs in with. A function that fails once it has
// worked does not end a connection that works.
func (c *client) credentials(to rueidis.AuthCredentialsContext) (rueidis.AuthCredentials, error) {
	u, opt := c.link.at, c.link.opt
	if p, ok := to.Address.(peer); ok && p.sentinel {
		return rueidis.AuthCredentials{Username: u.sentinelUsername, Password: u.sentinelPassword}, nil
	}
	if opt.Credentials == nil {
		return rueidis.AuthCredentials{Username: u.username, Password: u.password}, nil
	}
	ctx, cancel := context.WithTimeout(c.link.life, opt.DialTimeout)
	defer cancel()
	got, err := opt.Credentials(ctx)
	if err == nil {
		c.link.credentials.Store(&got)
		return rueidis.AuthCredentials(got), nil
	}
	last := c.link.credentials.Load()
	if last == nil {
		return rueidis.AuthCredentials{}, &dialError{fmt.Errorf("Options.Credentials: %w", err)}
	}
	opt.Logger.Warn("redis credentials cannot be renewed, the last ones are used", "error", err)
	retry := rueidis.AuthCredentials(*last)
	if !retry.RefreshAfter.IsZero() {
		retry.RefreshAfter = time.Now().Add(credentialsRetry)
	}
	return retry, nil
}

// credentialsRetry is when to ask again for credentials that could not be had.
const credentialsRetry = 5 * time.Second
