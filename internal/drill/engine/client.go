package engine

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// ClientOptions say how users connect; the zero value is usable.
type ClientOptions struct {
	Lanes       int           // connections per user; 0 is 6, as browsers have
	DialTimeout time.Duration // TCP and TLS; 0 is 3 s
	Timeout     time.Duration // from the send to the end of the answer; 0 is 10 s
	MaxBody     int64         // bytes kept of a body; 0 is 1 MiB. The rest is not read and the connection closed
	TLS         *tls.Config   // of https targets; nil is the system's roots
	// Open is the number of connections of all users beyond which those that
	// become idle are closed, but for each user's equal share, which is one at
	// least; 0 is a third of the files that this process may have open, which
	// leaves as much to the other end where that is in the same process.
	Open int64
	// Sources are addresses of this machine that connections are made from, in
	// turn: each has some 28,000 ports (Linux, ip_local_port_range). None is
	// the system's choice; to targets on 127.0.0.0/8 it is 127.0.0.2 and on
	// when thousands of connections have been made.
	Sources []netip.Addr
	// Dial connects to "host:port"; nil is net.Dialer with Sources.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func (o ClientOptions) withDefaults() ClientOptions {
	o.Lanes = cmp.Or(o.Lanes, 6)
	o.DialTimeout = cmp.Or(o.DialTimeout, 3*time.Second)
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	o.MaxBody = cmp.Or(o.MaxBody, 1<<20)
	if o.Open == 0 {
		o.Open = OpenFiles() / 3
	}
	return o
}

func (o ClientOptions) check() error {
	if o.Lanes < 0 || o.DialTimeout < 0 || o.Timeout < 0 || o.MaxBody < 0 || o.Open < 0 {
		return errors.New("lanes, time-outs and sizes must not be negative")
	}
	return nil
}

// Client makes users of one service. It is safe for concurrent use.
type Client struct {
	opt       ClientOptions
	clock     Clock
	entrances []*entrance
	dialled   atomic.Uint64
	users     atomic.Int64 // made so far
	open      atomic.Int64
	stale     atomic.Int64
	exhausted atomic.Int64 // connections that this machine had no file or port for
}

// entrance is one address of the service.
type entrance struct {
	address string // host:port
	host    string // as in the Host header
	path    string // before every request's path, without a final slash
	tls     *tls.Config
}

// NewClient returns a client for a service at targets: URLs of http or https,
// whose path is put before those of requests. Several are entrances to the
// same service; each new connection takes the next one. All share cookies.
func NewClient(targets []string, clock Clock, opt ClientOptions) (*Client, error) {
	if err := opt.check(); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	if len(targets) == 0 {
		return nil, errors.New("client: no target")
	}
	c := &Client{opt: opt.withDefaults(), clock: clock}
	for _, t := range targets {
		e, err := parseTarget(t, opt.TLS)
		if err != nil {
			return nil, fmt.Errorf("client: target %q: %w", t, err)
		}
		c.entrances = append(c.entrances, e)
	}
	return c, nil
}

func parseTarget(target string, conf *tls.Config) (*entrance, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	if u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("want http://host:port or https://host:port, at most with a path")
	}
	e := &entrance{host: u.Host, path: strings.TrimRight(u.EscapedPath(), "/")}
	switch u.Scheme {
	case "http":
		e.address = net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80"))
	case "https":
		e.address = net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "443"))
		if conf == nil {
			conf = &tls.Config{}
		}
		e.tls = conf.Clone()
		e.tls.ServerName = cmp.Or(e.tls.ServerName, u.Hostname())
		e.tls.NextProtos = []string{"http/1.1"}
	default:
		return nil, fmt.Errorf("scheme %q is not http or https", u.Scheme)
	}
	return e, nil
}

// User returns a new user without cookies and connections.
func (c *Client) User() *User {
	c.users.Add(1)
	return &User{c: c}
}

// share is how many idle connections each user may keep, however many are open.
func (c *Client) share() int { return max(1, int(c.opt.Open/max(1, c.users.Load()))) }

// dial opens a connection to the next entrance.
func (c *Client) dial(ctx context.Context) (*lane, error) {
	e := c.entrances[(c.dialled.Add(1)-1)%uint64(len(c.entrances))]
	ctx, cancel := context.WithTimeout(ctx, c.opt.DialTimeout)
	defer cancel()
	conn, err := c.connect(ctx, e)
	if err != nil {
		if ownFault(err) {
			c.exhausted.Add(1)
		}
		return nil, err
	}
	if e.tls != nil {
		t := tls.Client(conn, e.tls)
		if err := t.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, fmt.Errorf("TLS handshake: %w", err)
		}
		conn = t
	}
	c.open.Add(1)
	return &lane{conn: conn, entrance: e}, nil
}

// keepAlive has what is between a user who rests and the service know that the
// connection lives. The rest is the system's: each more is a system call.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 45 * time.Second, Interval: -1, Count: -1}

// connect opens the TCP connection.
func (c *Client) connect(ctx context.Context, e *entrance) (net.Conn, error) {
	if c.opt.Dial != nil {
		return c.opt.Dial(ctx, "tcp", e.address)
	}
	d := net.Dialer{KeepAliveConfig: keepAlive}
	if from, ok := source(c.opt.Sources, e.address, c.dialled.Load()); ok {
		d.LocalAddr, d.Control = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), portLater
	}
	return d.DialContext(ctx, "tcp", e.address)
}

// close ends a lane's connection. Nothing is lost by an error here.
func (c *Client) close(l *lane) {
	c.open.Add(-1)
	l.conn.Close()
}
