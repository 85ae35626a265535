package gateway

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway/affinity"
	"github.com/evenkeel/evenkeel/internal/gateway/balance"
	"github.com/evenkeel/evenkeel/internal/target"
)

// group is a target group: its options for the gateway's life, and the table
// of its targets. A request reads the table through one pointer and never
// waits for a change.
type group struct {
	GroupOptions
	cookie   cookieWriter
	cursor   atomic.Uint64 // of the policy
	counters counters
	budget   budget
	table    atomic.Pointer[table]

	mu      sync.Mutex // held while the table changes; before any entry's mu
	entries map[string]*entry
}

// table is an immutable snapshot of a group's targets.
type table struct {
	entries []*entry // by ID
	byToken map[affinity.Token]*entry
	healthy choice
	last    choice // for when healthy is empty
}

// choice is a set of targets to choose from.
type choice struct {
	entries []*entry
	weights []int
	hashes  []balance.Hash
	picker  balance.Picker
}

// rebuild publishes a new table after entries or a state changed. Only a
// change of members makes a new byToken. g.mu is held.
func (g *group) rebuild(members bool) {
	t := &table{}
	if old := g.table.Load(); old != nil && !members {
		t.entries, t.byToken = old.entries, old.byToken
	} else {
		t.entries, t.byToken = g.members()
	}
	for _, e := range t.entries {
		e.mu.Lock()
		state, weight := e.state, e.Weight
		e.mu.Unlock()
		switch {
		case state.AcceptsUnbound():
			t.healthy.add(e, weight)
		case state.AcceptsLastResort():
			t.last.add(e, weight)
		}
	}
	g.policy(&t.healthy)
	g.policy(&t.last)
	g.table.Store(t)
}

func (g *group) members() ([]*entry, map[affinity.Token]*entry) {
	entries := make([]*entry, 0, len(g.entries))
	byToken := make(map[affinity.Token]*entry, len(g.entries))
	for _, e := range g.entries {
		entries = append(entries, e)
		if g.Affinity.Mode == AffinityCookie {
			for _, token := range *e.tokens.Load() {
				byToken[token] = e
			}
		}
	}
	slices.SortFunc(entries, func(a, b *entry) int { return strings.Compare(a.ID, b.ID) })
	return entries, byToken
}

func (c *choice) add(e *entry, weight int) {
	c.entries = append(c.entries, e)
	c.weights = append(c.weights, weight)
	c.hashes = append(c.hashes, e.hash)
}

func (g *group) policy(c *choice) {
	switch g.Policy {
	case LeastOutstanding:
		entries := c.entries
		c.picker = balance.LeastOutstanding(c.weights, func(i int) int { return entries[i].load() }, &g.cursor)
	case RoundRobin:
		c.picker = balance.RoundRobin(c.weights, &g.cursor)
	}
}

// pick chooses by the policy, or, when the request had a binding that cannot
// be kept, by that binding: concurrent requests of one session, and other
// gateways, then choose the same.
func (c *choice) pick(x *exchange) *entry {
	var except func(int) bool
	if x.failed > 0 {
		except = func(i int) bool { return x.hasTried(c.entries[i]) }
	}
	var i int
	var ok bool
	if x.known {
		i, ok = balance.Rendezvous(balance.HashOf(string(x.binding[:])), c.hashes, c.weights, except)
	} else {
		i, ok = c.picker.Pick(except)
	}
	if !ok {
		return nil
	}
	return c.entries[i]
}

// transition changes the state of e to what next returns, which runs under
// both locks, and reports the old and the new one.
func (g *group) transition(e *entry, next func(target.State) target.State) (from, to target.State) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e.mu.Lock()
	from = e.state
	to = from
	if !e.shut {
		to = next(from)
	}
	if from != to {
		e.state, e.since = to, time.Now()
	}
	e.mu.Unlock()
	if from != to {
		g.rebuild(false)
	}
	return from, to
}

// settle returns when every change that has begun is in the table.
func (g *group) settle() {
	g.mu.Lock()
	defer g.mu.Unlock()
}
