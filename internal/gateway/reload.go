package gateway

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/config"
	"github.com/evenkeel/evenkeel/internal/gateway/affinity"
)

// reloadInterval is how often the configuration's files are looked at.
const reloadInterval = time.Second

// reloading is the configuration file that is followed. One reload runs at a
// time.
type reloading struct {
	mu      sync.Mutex
	file    *file    // in use
	keyFile string   // empty: the keys do not change
	tried   contents // that were last read, good or bad
}

// begin notes where the gateway's options came from.
func (r *reloading) begin(opt Options, ownKeys bool) {
	if opt.file == nil {
		return
	}
	r.file, r.keyFile = opt.file, opt.file.Gateway.Keys.path()
	if ownKeys && opt.State != "" {
		r.keyFile = keysBeside(opt.State)
	}
	r.tried = opt.file.seen
}

// Reload reads the configuration file again and makes the running gateway what
// it says: targets and their sources, the options of groups, groups and routes
// that came or went, the keys of cookies. Requests that have begun end as they
// began; a drain that has begun keeps its delay. If the file has an error, or
// changes what needs a restart, nothing is changed. It returns a line for each
// change. It is safe for concurrent use; the command calls it at SIGHUP.
func (g *Gateway) Reload(ctx context.Context) (changes []string, err error) {
	_, changes, err = g.reloadOnce(ctx)
	return changes, err
}

func (g *Gateway) reloadOnce(ctx context.Context) (configJSON, []string, error) {
	g.reloading.mu.Lock()
	defer g.reloading.mu.Unlock()
	if g.reloading.file == nil {
		return configJSON{}, nil, fmt.Errorf("%w: the gateway was started without a configuration file, there is nothing to reload", errConflict)
	}
	changes, err := g.reloadFile()
	state := g.reload.done(time.Now(), changes, err)
	if err != nil {
		g.opt.Log.LogAttrs(ctx, slog.LevelError, "reload failed, nothing was changed", slog.Any("error", err))
		return state, nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	g.opt.Log.LogAttrs(ctx, slog.LevelInfo, "reloaded", slog.Int("revision", state.Revision), slog.Any("changes", changes))
	return state, changes, nil
}

// reloadFile checks everything first and then applies it.
func (g *Gateway) reloadFile() ([]string, error) {
	was := g.reloading.file
	g.reloading.tried = g.reloading.contents()
	is, err := readFile(was.path, &was.Gateway)
	if err != nil {
		return nil, err
	}
	opt, err := is.options()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", was.path, err)
	}
	if err := g.checkReload(opt.Groups); err != nil {
		return nil, fmt.Errorf("%s: %w", was.path, err)
	}
	keyFile := is.Gateway.Keys.path()
	if ours := g.ownKeys || was.Gateway.Keys.File != ""; ours && keyFile == "" && g.opt.State != "" {
		keyFile = keysBeside(g.opt.State)
		if opt.Keys, err = affinity.OpenRing(keyFile); err != nil {
			return nil, err
		}
	}
	changes := g.apply(opt)
	renewed, _ := g.ReloadCertificates() // what is wrong with one is logged and counted there
	changes = append(changes, renewed...)
	g.reloading.file, g.reloading.keyFile = is, keyFile
	return changes, nil
}

// contents tell whether the configuration file or that of the keys has changed.
type contents struct{ config, keys fingerprint }

type fingerprint [sha256.Size]byte

func (r *reloading) contents() contents {
	return contents{config: fingerprintOf(r.file.path), keys: fingerprintOf(r.keyFile)}
}

// fingerprintOf is zero for what cannot be read; why is found out by who needs
// the content.
func fingerprintOf(path string) (p fingerprint) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return p
	}
	f, err := os.Open(path)
	if err != nil {
		return p
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, 2*config.MaxFileBytes)); err != nil {
		return p
	}
	return fingerprint(h.Sum(nil))
}

// watchFile reloads after the files have changed, once two looks in a row found
// the same. A content that was tried, good or bad, is not tried again.
func (g *Gateway) watchFile(ctx context.Context) {
	t := time.NewTicker(reloadInterval)
	defer t.Stop()
	var seen contents
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		g.reloading.mu.Lock()
		is, tried := g.reloading.contents(), g.reloading.tried
		g.reloading.mu.Unlock()
		if is == seen && is != tried {
			_, _, _ = g.reloadOnce(ctx) // it is logged and counted there
		}
		seen = is
	}
}

// followFiles begins to watch the configuration file and the groups' sources,
// and to write the state, until ctx, which startChecks got too, ends.
func (g *Gateway) followFiles(ctx context.Context) {
	if s := g.state.Load(); s != nil {
		g.tasks.run(func() { s.run(ctx) })
	}
	g.reloading.mu.Lock()
	defer g.reloading.mu.Unlock()
	for _, grp := range g.groups() {
		g.follow(grp)
	}
	if g.reloading.file != nil {
		g.tasks.run(func() { g.watchFile(ctx) })
	}
}
