package link

import (
	"errors"

	"github.com/redis/rueidis"
)

var (
	errClosed    = errors.New("the link to redis is closed")
	errNoCluster = errors.New("this server is not part of a Cluster")

	errTwoMasters = errors.New("the Sentinels name one master and then another")
)

// connect makes the client and the connection, if they are not there, and asks
// the server whether it will do. It runs in a goroutine of the link, whenever a
// call finds that a connection was lost since.
func (n *node) connect(c *client) error {
	err := n.tryConnect(c)
	if err == nil {
		n.line(c).trouble.Store(nil)
		return nil
	}
	err = n.blame(err)
	n.line(c).trouble.Store(&err)
	return err
}

func (n *node) tryConnect(c *client) error {
	if err := c.make(); err != nil {
		return err
	}
	l, ln := n.link, n.line(c)
	if l.at.mode == sentinel {
		if err := n.follow(c); err != nil {
			return err
		}
	}
	seen := ln.changed.Load()
	if l.at.mode == cluster && n == l.entry {
		if err := l.topology.load(c); err != nil {
			return err
		}
		ln.good.Store(seen)
		return nil
	}
	r := c.to(n)
	if r == nil { // the client learns of the node when it is first sent there
		return nil
	}
	info, err := askInfo(l, r)
	if f, _ := classify(err); f == Disconnected {
		// It was lost, and rueidis had not yet noticed: the next one is new.
		info, err = askInfo(l, r)
	}
	if err == nil || isForbidden(err) {
		err = n.check.server(n, info, err)
	}
	if err != nil {
		return err
	}
	ln.good.Store(seen)
	return nil
}

// agree tells whether both clients use the same master. Each of them hears of a
// failover by itself, one earlier than the other; and a reader must not ask the
// old master for what was written to the new one.
func (l *Link) agree() bool {
	m := l.plain.master()
	return m == "" || m == l.tracked.master()
}

// follow makes them agree.
func (n *node) follow(c *client) error {
	l := n.link
	for _, behind := range []*client{l.tracked, l.plain} {
		if !c.tracking || l.agree() {
			break
		}
		if err := behind.remake(); err != nil {
			return err
		}
	}
	if c.tracking && !l.agree() {
		return &Error{Failure: Moving, Node: n.name(), Err: errTwoMasters}
	}
	name := c.master()
	n.label.Store(&name)
	return nil
}

func askInfo(l *Link, r rueidis.Client) (string, error) {
	return ask(l.life, r, 3*l.opt.DialTimeout, r.B().Info().Build()).ToString()
}

func isForbidden(err error) bool {
	f, _ := classify(err)
	return f == Forbidden
}

// blame makes an *Error of whatever kept the connection from being made.
func (n *node) blame(err error) error {
	failure := asFailure(n.name(), err)
	switch {
	case n.link.closed():
		return errClosed
	case failure == nil:
		return &Error{Failure: Unreachable, Node: n.name(), Err: err}
	case failure.Failure == Disconnected && !n.link.at.tls:
		failure.Hint = "it closed the connection before it said anything: does it want TLS, that is a URL with rediss?"
	case failure.Failure == Unauthorized && n.link.at.mode == sentinel:
		failure.Hint = "it was the server or a Sentinel, which has sentinel_user and sentinel_password in the URL"
	}
	return failure
}
