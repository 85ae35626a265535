package link

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/session"
	"github.com/redis/rueidis"
)

// A Term is the time that one process is a master without a break. It ends
// when the process ends or becomes a replica; a replica that is promoted begins
// one of its own. Two answers of the same ID come from the same process, which
// did not lose anything in between. The zero Term does not hold.
type Term struct {
	// ID is the master_replid. A process chooses a new one at random when it
	// starts as a master, when it is promoted, and when it gets its first
	// replica after a while without any.
	ID string

	node    *node
	changed uint64 // the connections lost when it was asked
	addr    string // whom the client sent to, behind Sentinels
}

// Term is that of the master to which Call sends what belongs to key. The
// server is asked once for every connection, and again after Forget.
func (l *Link) Term(ctx context.Context, key string) (Term, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	n, err := l.topology.of(ctx, key)
	if err != nil {
		return Term{}, err
	}
	ln := n.line(l.plain)
	if t := ln.term.Load(); t != nil && t.Holds() {
		return *t, nil
	}
	if err := ln.asking.do(ctx, l.spawn, func() error { return n.askTerm() }); err != nil {
		return Term{}, err
	}
	if t := ln.term.Load(); t != nil && t.Holds() {
		return *t, nil
	}
	return Term{}, session.ErrUnavailable{Cause: &Error{Failure: Disconnected, Node: n.name(), Err: errChanged}}
}

var errChanged = errors.New("the connection changed while the server was asked which one it is")

// askTerm asks over the connection that Call uses.
func (n *node) askTerm() error {
	l, ln := n.link, n.line(n.link.plain)
	ctx, cancel := context.WithTimeout(l.life, callLimit)
	defer cancel()
	return n.run(ctx, l.plain, func(ctx context.Context, _ rueidis.Client) error {
		r, err := l.plain.only(n)
		if err != nil {
			return err
		}
		t := Term{node: n, changed: ln.changed.Load(), addr: n.target()}
		text, err := r.Do(ctx, r.B().Info().Section("replication").Build()).ToString()
		if err != nil {
			return err
		}
		if t.ID, err = ParseTerm(text); err != nil {
			return err
		}
		ln.term.Store(&t)
		return nil
	})
}

// target is the address that the plain client sends to, "" unless there are
// Sentinels, which may send it elsewhere before the old connection is closed.
func (n *node) target() string {
	if n.link.at.mode == sentinel {
		return n.link.plain.master()
	}
	return ""
}

// Holds tells that whatever Call has sent to the node since the server was
// asked, and got an answer to, that server has answered; in a Cluster, or the
// one that it redirected the key to.
func (t Term) Holds() bool {
	return t.node != nil && t.node.line(t.node.link.plain).changed.Load() == t.changed && t.node.target() == t.addr
}

// Node is the address of the master.
func (t Term) Node() string {
	if t.node == nil {
		return ""
	}
	return t.node.name()
}

// Forget has the next Term ask again, for somebody who has seen another ID.
func (t Term) Forget() {
	if t.node == nil {
		return
	}
	ln := t.node.line(t.node.link.plain)
	if now := ln.term.Load(); now != nil && *now == t {
		ln.term.CompareAndSwap(now, nil)
	}
}

// Clustered tells whether servers redirect keys to one another.
func (l *Link) Clustered() bool { return l.at.mode == cluster }

// ParseTerm reads the ID in what INFO replication has answered. It is an error
// if that was no master.
func ParseTerm(replication string) (id string, err error) {
	role := ""
	for line := range strings.Lines(replication) {
		switch key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); key {
		case "role":
			role = value
		case "master_replid":
			id = value
		}
	}
	if role != "master" || id == "" {
		return "", fmt.Errorf("it is no master: INFO calls it %q, with the replication ID %q", role, id)
	}
	return id, nil
}
