package gateway

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/internal/target"
)

// group is a target group with its options until a reload changes them: then
// another group takes its place that shares the same life. A request keeps the
// group it began with; whatever outlives a request asks now.
type group struct {
	GroupOptions
	cookie cookieWriter
	*life
}

// life is what a group keeps over reloads. A request reads the table through
// one pointer and never waits for a change.
type life struct {
	current  atomic.Pointer[group]
	cursor   atomic.Uint64 // of the policy
	counters counters
	budget   budget
	table    atomic.Pointer[table]

	source source

	mu      sync.Mutex // held while the table changes; before any entry's mu
	entries map[string]*entry
	removed bool // by a reload: nothing is registered any more
	proven  bool // a target has been healthy
}

// newGroup returns a group without targets.
func newGroup(o GroupOptions) *group {
	l := &life{entries: map[string]*entry{}}
	l.budget.percent = o.Retries.Percent
	g := l.generation(o)
	g.rebuild(true)
	return g
}

// generation gives the group other options, from the next request on.
func (l *life) generation(o GroupOptions) *group {
	g := &group{GroupOptions: o, cookie: newCookieWriter(o.Affinity), life: l}
	l.current.Store(g)
	return g
}

// now is the group with its present options.
func (l *life) now() *group { return l.current.Load() }

func optionsOf(groups []*group) []GroupOptions {
	out := make([]GroupOptions, len(groups))
	for i, grp := range groups {
		out[i] = grp.GroupOptions
	}
	return out
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
