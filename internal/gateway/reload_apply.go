package gateway

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway/discover"
	"github.com/evenkeel/evenkeel/internal/target"
)

// checkReload reports why the groups cannot be those of the running gateway.
func (g *Gateway) checkReload(groups []GroupOptions) error {
	for i := range groups {
		groups[i] = groups[i].withDefaults()
	}
	if err := checkGroups(groups); err != nil {
		return err
	}
	for _, o := range groups {
		grp, err := g.group(o.Name)
		if err != nil {
			continue // a new one
		}
		if _, err := g.checkTargets(grp, SourceFile, o.Targets); err != nil {
			return fmt.Errorf("group %q: %w", o.Name, err)
		}
	}
	return nil
}

// apply makes groups, routes, targets and keys those of opt, which was
// checked, and returns a line for each change.
func (g *Gateway) apply(opt Options) (changes []string) {
	if opt.Keys != nil && !reflect.DeepEqual(opt.Keys, g.keys.Load()) {
		g.SetKeys(opt.Keys)
		changes = append(changes, "keys: changed")
	}
	left := map[string]*group{}
	for _, grp := range g.groups() {
		left[grp.Name] = grp
	}
	groups := make([]*group, len(opt.Groups))
	for i, o := range opt.Groups {
		was := left[o.Name]
		delete(left, o.Name)
		var lines []string
		groups[i], lines = g.applyGroup(was, o)
		changes = append(changes, lines...)
	}
	g.routing.Store(newRouting(groups))
	for _, grp := range groups {
		g.claimGroup(grp)
	}
	for _, grp := range left {
		g.removeGroup(grp)
		changes = append(changes, fmt.Sprintf("%s: removed", grp.Name))
	}
	g.state.Load().touch()
	slices.Sort(changes)
	return changes
}

// applyGroup returns the group with its new options and targets; was is nil for
// a new one.
func (g *Gateway) applyGroup(was *group, o GroupOptions) (*group, []string) {
	if was == nil {
		grp := newGroup(o)
		lines := []string{o.Name + ": added"}
		lines = append(lines, g.applyTargets(grp, false)...)
		return grp, lines
	}
	lines := changedOptions(o.Name, was.GroupOptions, o)
	grp := was
	if !reflect.DeepEqual(was.GroupOptions, o) {
		grp = was.generation(o)
		g.publish(grp.adopt()...)
	}
	return grp, append(lines, g.applyTargets(grp, was.Discover != o.Discover)...)
}

// applyTargets makes the file's targets the group's, or begins to ask the
// source that the file names. Targets of another source than before leave when
// those of the new one are known.
func (g *Gateway) applyTargets(grp *group, moved bool) []string {
	if moved {
		grp.source.end()
	}
	if grp.Discover.Enabled() {
		g.follow(grp)
		return nil
	}
	lines, err := g.setTargets(grp, SourceFile, grp.Targets)
	if err == nil && moved {
		var more []string
		more, err = g.setTargets(grp, discover.NameDNS, nil)
		lines = append(lines, more...)
	}
	if err != nil { // registered by the API since it was checked: it stays that one's
		lines = append(lines, fmt.Sprintf("%s: targets stay as they were: %v", grp.Name, err))
	}
	return lines
}

// adopt makes the present options those of the targets that are there, and
// returns what happened to them.
func (g *group) adopt() (events []Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.budget.mu.Lock()
	g.budget.percent = g.Retries.Percent
	g.budget.mu.Unlock()
	for _, e := range g.entries {
		e.mu.Lock()
		if s := e.adopted(g); s != e.state {
			e.state, e.since = s, time.Now()
			events = append(events, Event{Kind: EventState, Group: g.Name, Target: e.ID, State: s, Reason: "reload"})
		}
		e.health.Options = g.Health
		e.mu.Unlock()
		signal(e.wake)
	}
	g.rebuild(true)
	return events
}

// adopted is the state that the target has under the group's options; e.mu is
// held.
func (e *entry) adopted(g *group) target.State {
	switch {
	case e.state == target.Draining:
	case len(g.Routes) == 0 || e.state == target.Unused:
		return g.first()
	case e.health.Active() && !g.Health.Active(): // nothing would make it healthy
		return target.Healthy
	}
	return e.state
}

// removeGroup drains the targets of a group that no path leads to any more.
func (g *Gateway) removeGroup(grp *group) {
	grp.source.end()
	grp.mu.Lock()
	grp.removed = true
	ids := make([]string, 0, len(grp.entries))
	for id := range grp.entries {
		ids = append(ids, id)
	}
	grp.mu.Unlock()
	for _, id := range ids {
		_, _, _ = g.startDrain(grp, id, true) // gone already is as good
	}
}
