package gateway

import (
	"maps"
	"slices"
	"sync"

	"github.com/evenkeel/evenkeel/internal/target"
)

// unclaimed is what the state file had and no group or source took so far. It
// stays in the file.
type unclaimed struct {
	mu     sync.Mutex
	groups map[string]groupState
}

func (u *unclaimed) put(groups map[string]groupState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.groups = maps.Clone(groups)
}

// names are the groups that something is kept of.
func (u *unclaimed) names() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Sorted(maps.Keys(u.groups))
}

// snapshot is a copy that the caller may change, but for the slices.
func (u *unclaimed) snapshot() map[string]groupState {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.groups == nil {
		return map[string]groupState{}
	}
	return maps.Clone(u.groups)
}

func (u *unclaimed) set(group string, s groupState) {
	if len(s.Targets)+len(s.Drains) == 0 {
		delete(u.groups, group)
		return
	}
	u.groups[group] = s
}

// takeTargets hands over the targets of a group.
func (u *unclaimed) takeTargets(group string) []target.Target {
	u.mu.Lock()
	defer u.mu.Unlock()
	s, ok := u.groups[group]
	if !ok {
		return nil
	}
	out := make([]target.Target, len(s.Targets))
	for i, t := range s.Targets {
		out[i] = t.target()
	}
	s.Targets = nil
	u.set(group, s)
	return out
}

// drains are those of a group.
func (u *unclaimed) drains(group string) []drainState {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.groups[group].Drains)
}

// takeDrain hands over the drain of t, if there is one.
func (u *unclaimed) takeDrain(group string, t target.Target) (d drainState, ok bool) {
	u.keepDrains(group, func(kept drainState) bool {
		if kept.of(t) {
			d, ok = kept, true
			return false
		}
		return true
	})
	return d, ok
}

// keepDrains forgets the drains of a group that keep does not want.
func (u *unclaimed) keepDrains(group string, keep func(drainState) bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	s, ok := u.groups[group]
	if !ok {
		return
	}
	var drains []drainState
	for _, d := range s.Drains {
		if keep(d) {
			drains = append(drains, d)
		}
	}
	s.Drains = drains
	u.set(group, s)
}
