package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway/balance"
	"github.com/evenkeel/evenkeel/internal/gateway/health"
	"github.com/evenkeel/evenkeel/internal/target"
)

// Register adds a target to a group, or changes it. A known ID with another
// address or incarnation is a new target: the old one gets nothing more and
// ends what it has. A draining target with the same address is brought back.
// The source of a known target stays.
func (g *Gateway) Register(groupName string, t target.Target) error {
	grp, err := g.group(groupName)
	if err != nil {
		return err
	}
	return g.register(grp, t, anyway)
}

// permission says whether a target may be registered over an old one, nil if
// there is none, and completes it. It runs under the group's lock.
type permission func(old *entry, t *target.Target) error

func anyway(*entry, *target.Target) error { return nil }

func vacant(old *entry, t *target.Target) error {
	if old != nil {
		return fmt.Errorf("%w: target %q belongs to the source %q", errConflict, t.ID, old.Source)
	}
	return nil
}

// owned refuses to change the target of a file or of discovery: what it is
// stands there. One that drains may be brought back as it was.
func owned(old *entry, t *target.Target) error {
	if old == nil || old.Source == t.Source || old.Source == "" {
		return nil
	}
	old.mu.Lock()
	defer old.mu.Unlock()
	t.Incarnation = or(t.Incarnation, old.Incarnation)
	t.Weight = or(t.Weight, max(old.Weight, 1))
	if old.drain == nil || t.Address != old.Address || t.Incarnation != old.Incarnation || t.Weight != max(old.Weight, 1) {
		return fmt.Errorf("%w: target %q belongs to the source %q, allowed: change it there; PUT brings it back, unchanged, while it drains", errConflict, t.ID, old.Source)
	}
	return nil
}

func (g *Gateway) register(grp *group, t target.Target, may permission) error {
	if err := validateTarget(t); err != nil {
		return err
	}
	grp.mu.Lock()
	grp = grp.now()
	if grp.removed {
		grp.mu.Unlock()
		return fmt.Errorf("%w %q", ErrUnknownGroup, grp.Name)
	}
	old := grp.entries[t.ID]
	if err := may(old, &t); err != nil {
		grp.mu.Unlock()
		return err
	}
	t.Weight = max(t.Weight, 1)
	if old != nil && old.Address == t.Address && old.Incarnation == t.Incarnation {
		ev := g.change(grp, old, t)
		grp.mu.Unlock()
		g.publish(ev...)
		return nil
	}
	if old != nil {
		t.Source = old.Source
	}
	e := g.newEntry(grp, t)
	d := g.resumeLocked(grp, e)
	grp.entries[t.ID] = e
	grp.rebuild(true)
	grp.mu.Unlock()
	if old != nil {
		g.retire(grp, old)
	}
	g.publish(Event{Kind: EventRegistered, Group: grp.Name, Target: t.ID, State: grp.first()})
	g.resumed(grp, e, d)
	g.watch(grp, e)
	return nil
}

func (g *Gateway) newEntry(grp *group, t target.Target) *entry {
	e := &entry{
		Target: t, hash: balance.HashOf(t.ID), pool: g.newPool(t.Address),
		wake: make(chan struct{}, 1), left: make(chan struct{}, 1),
		since: time.Now(), state: grp.first(), health: health.Record{Options: grp.Health},
		live: map[*exchange]struct{}{},
	}
	e.gone, e.forget = context.WithCancel(context.Background())
	tokens := g.keys.Load().Tokens(grp.Name, t.ID, t.Incarnation)
	e.tokens.Store(&tokens)
	return e
}

// first is the state of a new target.
func (g *group) first() target.State {
	if len(g.Routes) == 0 {
		return target.Unused
	}
	return g.Health.First()
}

// change gives a known target its new weight, and brings it back if it was
// draining. grp.mu is held.
func (g *Gateway) change(grp *group, e *entry, t target.Target) []Event {
	var events []Event
	e.mu.Lock()
	if e.Weight != t.Weight {
		e.Weight = t.Weight
		events = append(events, Event{Kind: EventChanged, Group: grp.Name, Target: e.ID, State: e.state, Reason: "weight"})
	}
	if e.state == target.Draining {
		e.state, e.since, e.shut = grp.first(), time.Now(), false
		e.health = health.Record{Options: grp.Health}
		e.drain.end(ErrReturned)
		e.drain = nil
		events = append(events, Event{Kind: EventState, Group: grp.Name, Target: e.ID, State: e.state, Reason: "registered again"})
		signal(e.wake)
	}
	e.mu.Unlock()
	if len(events) > 0 {
		grp.rebuild(false)
	}
	return events
}

// SetTargets makes the targets of one source be exactly these: it registers
// and changes, and drains and removes what is missing. It returns a line for
// each change. Targets of other sources are left alone; an ID that belongs to
// another source is an error. Nothing is changed on error. Of concurrent calls
// for one source the outcome is a mixture.
func (g *Gateway) SetTargets(groupName, source string, targets []target.Target) (changes []string, err error) {
	grp, err := g.group(groupName)
	if err != nil {
		return nil, err
	}
	return g.setTargets(grp, source, targets)
}

func (g *Gateway) setTargets(grp *group, source string, targets []target.Target) (changes []string, err error) {
	had, err := g.checkTargets(grp, source, targets)
	if err != nil {
		return nil, err
	}
	for _, t := range targets {
		t.Source = source
		h, known := had[t.ID]
		delete(had, t.ID)
		same := known && h.Address == t.Address && h.Incarnation == t.Incarnation && h.Weight == max(t.Weight, 1)
		if same && !grp.leaving(t.ID) { // a drain that somebody asked for goes on
			continue
		}
		if err := g.register(grp, t, anyway); err != nil {
			return changes, err
		}
		changes = append(changes, fmt.Sprintf("%s/%s: %s", grp.Name, t.ID, map[bool]string{true: "changed", false: "registered"}[known]))
	}
	for id, h := range had {
		if h.Source == source && !grp.leaving(id) {
			if _, _, err := g.startDrain(grp, id, true); err != nil && !errors.Is(err, ErrUnknownTarget) {
				return changes, err
			}
			changes = append(changes, fmt.Sprintf("%s/%s: deregistered", grp.Name, id))
		}
	}
	// What was kept of this source's targets and was not claimed by one of
	// these is of targets that have left it.
	g.kept.keepDrains(grp.Name, func(d drainState) bool { return d.Source != source })
	slices.Sort(changes)
	return changes, nil
}

// checkTargets reports why targets cannot become those of a source; else it
// returns the present ones by ID.
func (g *Gateway) checkTargets(grp *group, source string, targets []target.Target) (map[string]TargetStatus, error) {
	had := map[string]TargetStatus{}
	for _, t := range g.targets(grp) {
		had[t.ID] = t
	}
	seen := map[string]bool{}
	for _, t := range targets {
		if err := validateTarget(t); err != nil {
			return nil, err
		}
		if seen[t.ID] {
			return nil, fmt.Errorf("%w: target %q is there twice", ErrInvalid, t.ID)
		}
		if h, ok := had[t.ID]; ok && h.Source != source {
			return nil, fmt.Errorf("%w: target %q belongs to the source %q", ErrInvalid, t.ID, h.Source)
		}
		seen[t.ID] = true
	}
	return had, nil
}

// leaving reports whether a target is on its way out of the table.
func (g *group) leaving(id string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.entries[id]
	if e == nil {
		return true
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.drain != nil && e.drain.remove
}
