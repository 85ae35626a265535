package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway/affinity"
	"github.com/evenkeel/evenkeel/internal/target"
)

// SourceAPI is the source of targets registered through the admin API.
const SourceAPI = "api"

// StateOff is the value of --state that keeps nothing.
const StateOff = "off"

// DefaultState is where the state file is when nobody says: in the folder that
// systemd gives, that of the system, or that of the user.
func DefaultState() (string, error) {
	dir := os.Getenv("STATE_DIRECTORY")
	if dir == "" && os.Geteuid() == 0 {
		dir = "/var/lib/evenkeel"
	}
	if base := os.Getenv("XDG_STATE_HOME"); dir == "" && filepath.IsAbs(base) {
		dir = filepath.Join(base, "evenkeel")
	}
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("no folder for the state file, say --state FILE or --state off: %w", err)
		}
		dir = filepath.Join(home, ".local", "state", "evenkeel")
	}
	return filepath.Join(filepath.SplitList(dir)[0], "gateway.json"), nil
}

// keysBeside is where keys are that nobody configured.
func keysBeside(state string) string { return filepath.Join(filepath.Dir(state), "affinity.keys") }

// openState takes over what the gateway before has left: its keys, the targets
// registered through the API, and the drains. It is the first that Run does.
func (g *Gateway) openState(ctx context.Context) error {
	path := g.opt.State
	if path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("gateway: %w: %w", ErrState, err)
	}
	s, kept, err := openStore(ctx, path, g.opt.Log)
	if err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	if g.ownKeys {
		keys, err := affinity.OpenRing(keysBeside(path))
		if err != nil {
			s.lock.Close()
			return fmt.Errorf("gateway: %w", err)
		}
		g.SetKeys(keys)
		g.reloading.mu.Lock()
		g.reloading.tried.keys = fingerprintOf(keysBeside(path))
		g.reloading.mu.Unlock()
	}
	s.collect = g.collectState
	g.kept.put(kept.Groups)
	for _, grp := range g.groups() {
		g.claimGroup(grp)
	}
	for _, name := range g.kept.names() {
		if _, err := g.group(name); err != nil {
			g.opt.Log.LogAttrs(ctx, slog.LevelWarn, "the state file has a group that the configuration has not; it is kept", slog.String("group", name))
		}
	}
	g.state.Store(s)
	s.touch()
	return nil
}

// claimGroup makes what was kept of a group its own: it registers the targets
// of the API, unless their IDs are taken, and resumes the drains. Drains of
// targets that a source has yet to name wait for it.
func (g *Gateway) claimGroup(grp *group) {
	for _, t := range g.kept.takeTargets(grp.Name) {
		g.claimTarget(grp, t)
	}
	for _, d := range g.kept.drains(grp.Name) {
		if d.Source != SourceAPI && d.Remove { // had left its source; if it is in the table, it is back there
			g.claimTarget(grp, target.Target{ID: d.ID, Address: d.Address, Incarnation: d.Incarnation, Source: d.Source})
		}
	}
	source := grp.Discover.SourceName()
	g.kept.keepDrains(grp.Name, func(d drainState) bool { return !d.Remove })
	for _, s := range g.targets(grp) {
		g.resume(grp, s.ID)
	}
	g.kept.keepDrains(grp.Name, func(d drainState) bool { return d.Source == source })
}

func (g *Gateway) claimTarget(grp *group, t target.Target) {
	if err := g.register(grp, t, vacant); err != nil {
		g.opt.Log.LogAttrs(context.Background(), slog.LevelWarn, "a target of the state file is dropped", slog.String("group", grp.Name), slog.String("target", t.ID), slog.Any("error", err))
	}
}

// resume goes on with the drain that a target was in when the gateway ended.
func (g *Gateway) resume(grp *group, id string) {
	grp.mu.Lock()
	e := grp.entries[id]
	if e == nil {
		grp.mu.Unlock()
		return
	}
	e.mu.Lock()
	d := g.resumeLocked(grp, e)
	e.mu.Unlock()
	if d != nil {
		grp.rebuild(false)
	}
	grp.mu.Unlock()
	g.resumed(grp, e, d)
}

// resumeLocked puts the target into the drain that was kept, if any; both locks
// are held, or nobody else knows e. The caller then calls resumed.
func (g *Gateway) resumeLocked(grp *group, e *entry) *drain {
	if e.drain != nil {
		return nil
	}
	kept, ok := g.kept.takeDrain(grp.Name, e.Target)
	if !ok {
		return nil
	}
	now := time.Now()
	since := kept.Since
	if since.After(now) { // the clock was put back
		since = now
	}
	// Which sessions are bound is not known any more: any may be, until its
	// idle time-out has passed since.
	e.drain = &drain{done: make(chan struct{}), since: since, hold: now.Add(grp.now().Affinity.IdleTimeout), remove: kept.Remove}
	e.state, e.since, e.shut = target.Draining, since, kept.Done
	return e.drain
}

func (g *Gateway) resumed(grp *group, e *entry, d *drain) {
	if d == nil {
		return
	}
	g.publish(Event{Kind: EventState, Group: grp.Name, Target: e.ID, State: target.Draining, Reason: "drain goes on after a restart"})
	g.runDrainLater(grp, e, d)
}

// collectState is the present state: what is registered through the API, what
// drains, and what nobody has claimed yet.
func (g *Gateway) collectState() stateFile {
	s := stateFile{Version: stateVersion, Groups: g.kept.snapshot()}
	for _, grp := range g.groups() {
		is := grp.state(s.Groups[grp.Name])
		delete(s.Groups, grp.Name)
		if len(is.Targets)+len(is.Drains) > 0 {
			s.Groups[grp.Name] = is
		}
	}
	return s
}

func (g *group) state(unclaimed groupState) groupState {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := groupState{}
	for _, t := range unclaimed.Targets {
		if g.entries[t.ID] == nil {
			s.Targets = append(s.Targets, t)
		}
	}
	for _, d := range unclaimed.Drains {
		if g.entries[d.ID] == nil {
			s.Drains = append(s.Drains, d)
		}
	}
	for _, e := range g.entries {
		e.mu.Lock()
		if e.Source == SourceAPI {
			s.Targets = append(s.Targets, targetState{ID: e.ID, Address: e.Address, Weight: max(e.Weight, 1), Incarnation: e.Incarnation})
		}
		if e.drain != nil {
			s.Drains = append(s.Drains, drainState{ID: e.ID, Source: e.Source, Address: e.Address, Incarnation: e.Incarnation,
				Since: e.drain.since.UTC().Truncate(time.Millisecond), Remove: e.drain.remove, Done: e.drain.ended && e.drain.err == nil})
		}
		e.mu.Unlock()
	}
	return s
}

// HandOverState writes the state and lets go of its file, for a new process
// that is about to take over; writes to the admin API answer 503 from then on.
// If the new process fails, resume takes the file back.
func (g *Gateway) HandOverState() (resume func(context.Context) error, err error) {
	s := g.state.Load()
	if err := s.release(); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		if s == nil {
			return nil
		}
		if err := s.acquire(ctx); err != nil {
			return err
		}
		return s.sync()
	}, nil
}
