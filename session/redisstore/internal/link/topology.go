package link

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/redis/rueidis"
)

// Of a Cluster: how old the map of its masters may be in use, and how soon it is
// looked at again after something that may have changed it.
const (
	mapAge      = 5 * time.Second
	mapAgeStale = 250 * time.Millisecond
)

// topology is which nodes there are. Outside of a Cluster that is one, whatever
// its address; and of a Cluster none while nothing was asked.
type topology struct {
	link    *Link
	loading flight
	loaded  atomic.Int64 // Unix nanoseconds
	wanted  atomic.Bool  // it may have changed
	current atomic.Pointer[nodes]

	mu sync.Mutex // taken to change current
}

// nodes is a picture of a Cluster. It is never changed.
type nodes struct {
	slots  slotMap
	byAddr map[string]*node
}

// of returns the node that has key.
func (t *topology) of(ctx context.Context, key string) (*node, error) {
	if t.link.at.mode != cluster {
		return t.link.entry, nil
	}
	all, err := t.all(ctx)
	if err != nil {
		return nil, err
	}
	if n := all.byAddr[all.slots.master(slotOf(key))]; n != nil {
		return n, nil
	}
	t.stale()
	return nil, session.ErrUnavailable{Cause: &Error{Failure: ClusterDown, Node: t.link.entry.name(), Err: errNoMaster}}
}

// masters are all nodes.
func (t *topology) masters(ctx context.Context) ([]*node, error) {
	if t.link.at.mode != cluster {
		return []*node{t.link.entry}, nil
	}
	all, err := t.all(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Collect(maps.Values(all.byAddr)), nil
}

// all waits for the first picture; later ones are made while the last is used.
func (t *topology) all(ctx context.Context) (*nodes, error) {
	if now := t.current.Load(); now != nil {
		t.refreshIfDue()
		return now, nil
	}
	l := t.link
	if err := l.entry.run(ctx, l.plain, func(context.Context, rueidis.Client) error { return nil }); err != nil {
		return nil, err
	}
	return t.current.Load(), nil // which connecting the entry sets
}

// stale says that the picture may be wrong.
func (t *topology) stale() { t.wanted.Store(true) }

func (t *topology) refreshIfDue() {
	limit := mapAge
	if t.wanted.Load() {
		limit = mapAgeStale
	}
	if time.Since(time.Unix(0, t.loaded.Load())) < limit {
		return
	}
	t.loading.start(t.link.spawn, func() error {
		t.wanted.Store(false)
		t.loaded.Store(time.Now().UnixNano()) // also if it fails, so as not to ask all the time
		return t.load(t.link.plain)
	})
}

// load makes a new picture: of the first node that gives one, those that serve
// being asked first.
func (t *topology) load(c *client) error {
	err := error(errNoSlots)
	for _, at := range t.sources(c) {
		r := c.rueidis().Nodes()[at]
		if r == nil {
			continue
		}
		var m slotMap
		if m, err = parseSlots(at, ask(t.link.life, r, t.link.opt.DialTimeout, r.B().ClusterSlots().Build())); err == nil {
			t.set(m)
			return nil
		}
	}
	return err
}

func (t *topology) sources(c *client) []string {
	now := t.current.Load()
	trouble := func(addr string) int {
		if now != nil && now.byAddr[addr] != nil && now.byAddr[addr].retryAfter() == 0 {
			return 0
		}
		return 1
	}
	list := slices.Collect(maps.Keys(c.rueidis().Nodes()))
	slices.SortStableFunc(list, func(a, b string) int { return trouble(a) - trouble(b) })
	return list
}

// set takes a new map; nodes keep their state as long as they are in it.
func (t *topology) set(m slotMap) {
	t.mu.Lock()
	old := t.current.Load()
	next := &nodes{slots: m, byAddr: map[string]*node{}}
	for _, addr := range m.masters() {
		if old != nil && old.byAddr[addr] != nil {
			next.byAddr[addr] = old.byAddr[addr]
		} else {
			next.byAddr[addr] = newNode(t.link, addr)
		}
	}
	t.current.Store(next)
	t.loaded.Store(time.Now().UnixNano())
	t.mu.Unlock()
	if old != nil && !slices.Equal(old.slots, m) {
		t.link.opt.OnInvalidate(nil) // keys may be with another master now
	}
}
