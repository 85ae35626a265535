package gateway

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/evenkeel/evenkeel/internal/gateway/discover"
	"github.com/evenkeel/evenkeel/internal/target"
)

// source is where a group's targets come from, if not from the configuration.
type source struct {
	mu     sync.Mutex         // held while a table is applied
	stop   context.CancelFunc // nil: none runs
	known  bool               // applied is a table, by the source that runs
	table  []target.Target    // applied last
	lost   string             // why the source is not heard now; empty: it is
	errors uint64             // looks that failed
}

// end stops the source. Nothing is applied afterwards.
func (s *source) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop != nil {
		s.stop()
	}
	s.stop, s.known, s.table, s.lost = nil, false, nil, ""
}

// follow makes the group's targets those of its source, until it is ended or
// the gateway stops. It does nothing without a source, before Run, and if it
// was called before.
func (g *Gateway) follow(grp *group) {
	run := g.running.Load()
	if run == nil || !grp.Discover.Enabled() {
		return
	}
	src, err := discover.New(grp.Discover, validateTarget)
	if err != nil {
		panic(err) // the options were checked
	}
	grp.source.mu.Lock()
	defer grp.source.mu.Unlock()
	if grp.source.stop != nil {
		return
	}
	ctx, cancel := context.WithCancel(*run)
	started := g.tasks.run(func() {
		defer cancel()
		src.Run(ctx, func(targets []target.Target, err error) { g.found(ctx, grp, src.Name(), targets, err) })
	})
	if !started {
		cancel()
		return
	}
	grp.source.stop = cancel
}

// found applies a table of a source, or notes that it is lost: then the last
// one stays.
func (g *Gateway) found(ctx context.Context, grp *group, name string, targets []target.Target, err error) {
	s := &grp.source
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	if err == nil && (!s.known || !slices.Equal(targets, s.table)) {
		err = g.replaceTargets(grp, name, targets)
	}
	if err != nil {
		s.errors++
		if s.lost != err.Error() {
			s.lost = err.Error()
			g.opt.Log.LogAttrs(ctx, slog.LevelWarn, "targets cannot be discovered, the last known ones stay", slog.String("group", grp.Name), slog.String("source", name), slog.Any("error", err))
		}
		return
	}
	s.known, s.table = true, targets
	if s.lost != "" {
		s.lost = ""
		g.opt.Log.LogAttrs(ctx, slog.LevelInfo, "targets are discovered again", slog.String("group", grp.Name), slog.String("source", name))
	}
}

// replaceTargets makes targets those of the named source, and takes away those
// of the source that the group had before.
func (g *Gateway) replaceTargets(grp *group, name string, targets []target.Target) error {
	if _, err := g.setTargets(grp, name, targets); err != nil {
		return err
	}
	for _, other := range []string{discover.NameFile, discover.NameDNS} {
		if other != name {
			if _, err := g.setTargets(grp, other, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// discovery are the counts of a group's source.
func (s *source) discovery() (errors uint64, lost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.errors, s.lost != ""
}
