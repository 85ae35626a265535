package link

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Link is the way to one server, to those that Sentinels watch, or to a
// Cluster. Its methods are safe for concurrent use. Make it with New.
type Link struct {
	at       location
	opt      Options
	plain    *client
	tracked  *client
	entry    *node // the only node; of a Cluster, what stands for it while no node is known
	topology topology
	counts   counts

	credentials atomic.Pointer[Credentials] // the last ones that Options.Credentials returned

	life    context.Context // ends with Close
	end     context.CancelFunc
	mu      sync.Mutex // taken to start a goroutine, and to set shut
	shut    atomic.Bool
	running sync.WaitGroup
}

// New checks the URL and the options. It does not dial, and starts no
// goroutine: the first call does.
func New(url string, opt Options) (*Link, error) {
	at, err := parse(url)
	if err != nil {
		return nil, err
	}
	if err := opt.join(&at); err != nil {
		return nil, fmt.Errorf("redis URL %q: %w", Mask(url), err)
	}
	life, end := context.WithCancel(context.Background())
	l := &Link{at: at, opt: opt.withDefaults(at), life: life, end: end}
	l.plain, l.tracked = &client{link: l}, &client{link: l, tracking: true}
	l.entry, l.topology.link = newNode(l, at.name()), l
	return l, nil
}

// How long a call without a deadline may take, and how long Close waits for
// the calls in flight.
const (
	callLimit  = 2 * time.Second
	closeLimit = time.Second
)

// Close waits a second for the calls in flight, closes all connections and
// waits for what it has started. Later calls fail with session.ErrUnavailable.
// Functions in Each and Dedicated are not waited for: they lose the connection.
func (l *Link) Close() error {
	l.mu.Lock()
	already := l.shut.Swap(true)
	l.mu.Unlock()
	if already {
		return nil
	}
	limit := time.After(closeLimit)
	for _, n := range l.nodes() {
		n.drain(limit)
	}
	l.end()
	l.plain.close()
	l.tracked.close()
	l.running.Wait()
	return nil
}

func (l *Link) closed() bool { return l.shut.Load() }

// spawn runs f in a goroutine that Close waits for; false after Close.
func (l *Link) spawn(f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed() {
		return false
	}
	l.running.Go(f)
	return true
}

// nodes are all that are known.
func (l *Link) nodes() []*node {
	if now := l.topology.current.Load(); now != nil {
		return slices.Collect(maps.Values(now.byAddr))
	}
	return []*node{l.entry}
}

// nodeAt is the node that a connection to addr belongs to, nil if that is a
// replica, or not known.
func (l *Link) nodeAt(addr string) *node {
	if l.at.mode != cluster {
		return l.entry
	}
	if now := l.topology.current.Load(); now != nil {
		return now.byAddr[addr]
	}
	return nil
}
