package gateway

import (
	"context"
	"fmt"

	"github.com/evenkeel/evenkeel/internal/target"
)

// put is Register for the admin API: targets of other sources stay what they
// are, and it returns when the target is on disk.
func (g *Gateway) put(groupName string, t target.Target) error {
	grp, err := g.group(groupName)
	if err != nil {
		return err
	}
	if err := g.register(grp, t, owned); err != nil {
		return err
	}
	return g.state.Load().sync()
}

// drainKept is Drain that is on disk before it waits.
func (g *Gateway) drainKept(ctx context.Context, groupName, id string) (DrainResult, error) {
	grp, err := g.group(groupName)
	if err != nil {
		return DrainResult{}, err
	}
	return g.leaveKept(ctx, grp, id, false)
}

// deregisterKept is DeregisterAndWait for the admin API, as drainKept. Targets
// of a file or of discovery leave by leaving it.
func (g *Gateway) deregisterKept(ctx context.Context, groupName, id string) (DrainResult, error) {
	grp, err := g.group(groupName)
	if err != nil {
		return DrainResult{}, err
	}
	grp.mu.Lock()
	e := grp.entries[id]
	grp.mu.Unlock()
	if e != nil && e.Source != SourceAPI && e.Source != "" {
		return DrainResult{}, fmt.Errorf("%w: target %q belongs to the source %q, allowed: drain it, or take it out there", errConflict, id, e.Source)
	}
	return g.leaveKept(ctx, grp, id, true)
}

func (g *Gateway) leaveKept(ctx context.Context, grp *group, id string, remove bool) (DrainResult, error) {
	e, d, err := g.startDrain(grp, id, remove)
	if err != nil {
		return DrainResult{}, err
	}
	if err := g.state.Load().sync(); err != nil {
		return DrainResult{}, err
	}
	r, err := g.awaitDrain(ctx, grp, e, d)
	if err == nil && r.Empty { // it stays so
		err = g.state.Load().sync()
	}
	return r, err
}
