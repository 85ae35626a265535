package gateway

import (
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway/affinity"
	"github.com/evenkeel/evenkeel/internal/gateway/balance"
	"github.com/evenkeel/evenkeel/internal/target"
)

// table is an immutable snapshot of a group's targets.
type table struct {
	entries []*entry // by ID
	byToken map[affinity.Token]*entry
	homes   homes
	first   choice // for requests without a binding
	last    choice // for when first is empty
	// open is when so few targets are healthy that the health checks are
	// doubted: unhealthy targets are chosen too.
	open bool
}

// choice is a set of targets to choose from.
type choice struct {
	entries []*entry
	weights []int
	hashes  []balance.Hash
	picker  balance.Picker
	keyed   *balance.Keyed // nil without affinity
	warming *warming       // nil: nobody does
	doubt   bool           // unhealthy targets stand among healthy ones
}

// rebuild publishes a new table after entries or a state changed. Only a
// change of members makes a new byToken. g.mu is held.
func (g *group) rebuild(members bool) {
	g = g.now()
	t := &table{}
	if old := g.table.Load(); old != nil && !members {
		t.entries, t.byToken = old.entries, old.byToken
	} else {
		t.entries, t.byToken = g.members()
	}
	states, weights := make([]target.State, len(t.entries)), make([]int, len(t.entries))
	for i, e := range t.entries {
		e.mu.Lock()
		states[i], weights[i] = e.state, e.Weight
		e.mu.Unlock()
	}
	panicking := g.panics(states)
	for i, e := range t.entries {
		switch s := states[i]; {
		case s.AcceptsUnbound(), panicking && s == target.Unhealthy:
			t.first.add(e, weights[i])
		case s.AcceptsLastResort():
			t.last.add(e, weights[i])
		}
	}
	t.open, t.first.doubt = panicking || len(t.first.entries) == 0, panicking
	g.noteHealth(t.entries, states, time.Now())
	g.policy(&t.first)
	g.policy(&t.last)
	t.first.warming = g.warmingOf(&t.first)
	if g.Affinity.Mode.hashes() {
		t.homes = newHomes(t.entries, states, weights, panicking)
	}
	g.table.Store(t)
}

// panics reports whether some targets are healthy, but fewer than the
// threshold. New ones that no check has found healthy yet are no reason.
func (g *group) panics(states []target.State) bool {
	healthy, unhealthy := 0, 0
	for _, s := range states {
		switch s {
		case target.Healthy:
			healthy++
		case target.Unhealthy:
			unhealthy++
		case target.Initial, target.Draining, target.Unused:
		}
	}
	return healthy > 0 && healthy*100 < g.PanicThreshold*(healthy+unhealthy)
}

func (g *group) members() ([]*entry, map[affinity.Token]*entry) {
	entries := make([]*entry, 0, len(g.entries))
	byToken := make(map[affinity.Token]*entry, len(g.entries))
	for _, e := range g.entries {
		entries = append(entries, e)
		if g.Affinity.Mode.setsCookie() {
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

func (c *choice) load(i int) int { return c.entries[i].load() }

func (g *group) policy(c *choice) {
	c.picker = g.picker(c.weights, c.load)
	if g.Affinity.Mode != AffinityNone {
		c.keyed = balance.NewKeyed(c.hashes, c.weights)
	}
}

func (g *group) picker(weights []int, load func(i int) int) balance.Picker {
	switch g.Policy {
	case LeastOutstanding:
		return balance.LeastOutstanding(weights, load, &g.cursor)
	case PowerOfTwo:
		return balance.PowerOfTwo(weights, load)
	case RoundRobin:
	}
	return balance.RoundRobin(weights, &g.cursor)
}

// pick chooses by the policy, or, when the request has a binding that cannot
// be kept, by that binding: concurrent requests of one session, and other
// gateways, then choose the same. In doubt, what health checks say is, but not
// that a target cannot be connected to.
func (c *choice) pick(x *exchange) *entry {
	var except func(int) bool
	if x.failed > 0 || c.doubt {
		except = func(i int) bool { return x.hasTried(c.entries[i]) || c.doubt && c.entries[i].unreachable() }
	}
	var i int
	var ok bool
	switch {
	case x.known && c.keyed != nil:
		i, ok = x.pickKeyed(c.keyed, c.load, except)
	case c.warming != nil && c.warming.lasts():
		i, ok = c.warming.picker.Pick(except)
	default:
		i, ok = c.picker.Pick(except)
	}
	if !ok {
		return nil
	}
	return c.entries[i]
}

// pickKeyed chooses by the binding. Those that moved on with a cookie are not
// many, and stay where they come to; the hash modes choose with each request
// anew, so the load is bounded.
func (x *exchange) pickKeyed(k *balance.Keyed, load func(i int) int, except func(int) bool) (int, bool) {
	key, o := balance.HashOf(x.binding[:]), &x.group.Affinity
	if o.Mode.hashes() && x.group.OnDraining == target.Move && o.LoadFactor > 0 {
		return k.PickBounded(key, load, o.LoadFactor, except)
	}
	return k.Pick(key, except)
}

// homes are the targets that keys belong to, in the modes that hash: the
// healthy ones, and those that were there before any was healthy, so that the
// restart of a gateway moves nobody. A key also still belongs to any other
// target that has seen it within the idle timeout, until it is bound anew;
// whether that may be, OnDraining says.
type homes struct {
	choice
	sure []bool // belongs to homes without having seen the key
	all  bool   // of sure
}

func newHomes(entries []*entry, states []target.State, weights []int, panicking bool) homes {
	h := homes{sure: make([]bool, len(states)), all: !panicking}
	h.doubt = panicking
	for i, e := range entries {
		s := states[i]
		h.sure[i] = s == target.Healthy || s == target.Initial && e.arrival.founder || panicking && s == target.Unhealthy
		h.all = h.all && h.sure[i]
		h.add(e, weights[i])
	}
	h.keyed = balance.NewKeyed(h.hashes, h.weights)
	return h
}

// of returns the target that the request's key belongs to; nil if there is
// none.
func (h *homes) of(x *exchange) *entry {
	if h.keyed == nil { // the mode has changed since the request began
		return nil
	}
	var except func(int) bool
	if !h.all {
		except = func(i int) bool {
			e := h.entries[i]
			return !h.sure[i] && !e.bindings.Has(x.binding, time.Now(), x.group.Affinity.IdleTimeout) || h.doubt && e.unreachable()
		}
	}
	i, ok := x.pickKeyed(h.keyed, h.load, except)
	if !ok {
		return nil
	}
	return h.entries[i]
}
