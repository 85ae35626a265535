package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/bench/gateway/crowd"
	"github.com/evenkeel/evenkeel/bench/gateway/peer"
	"github.com/evenkeel/evenkeel/bench/gateway/role"
)

// Modes of a scale-in. Nothing is the control.
const (
	drained  = "drained"
	graceful = role.Graceful
	exits    = role.Exits
	nothing  = "nothing"
)

// scaleIn is what one proxy did in all runs of one mode.
type scaleIn struct {
	Proxy string `json:"proxy"`
	Mode  string `json:"mode"`
	counts
	Runs int    `json:"runs"`
	Max  counts `json:"max_of_a_run"`
}

// leaving is the target that goes away.
const leaving = 1

// Parts of a run; the event itself is between them.
const (
	beforeEvent = 2 * time.Second
	afterEvent  = 2 * time.Second
)

// scaleIns runs every mode with every proxy in turn, and again.
func scaleIns(ctx context.Context, dir string, s settings) ([]scaleIn, error) {
	if err := crowdControls(ctx); err != nil {
		return nil, err
	}
	for _, name := range []string{peer.Evenkeel, peer.Tuned} {
		c, err := scaleInOnce(ctx, dir, name, nothing)
		if err == nil {
			err = c.faultless()
		}
		if err != nil {
			return nil, fmt.Errorf("control: %s, nothing happens: %w", name, err)
		}
	}
	var out []scaleIn
	for _, mode := range []string{drained, graceful, exits} {
		for _, name := range s.taking(peer.Evenkeel, peer.HAProxy, peer.Maint, peer.Nginx, peer.Caddy, peer.Tuned) {
			if name != peer.Maint || mode == drained {
				out = append(out, scaleIn{Proxy: name, Mode: mode})
			}
		}
	}
	for range s.reps {
		for i := range out {
			r := &out[i]
			c, err := scaleInOnce(ctx, dir, r.Proxy, r.Mode)
			if errors.Is(err, peer.ErrMissing) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", r.Proxy, r.Mode, err)
			}
			if r.Mode == exits && r.Proxy == peer.Tuned && c.Failed == 0 {
				return nil, errors.New("control: a target exited behind a proxy without retries, and no failure was seen")
			}
			r.Runs++
			r.add(c)
			r.Max.max(c)
		}
	}
	return out, nil
}

// scaleInOnce starts a proxy with three targets, puts load B on it and takes a
// target away.
func scaleInOnce(ctx context.Context, dir, name, mode string) (counts, error) {
	onTerm := graceful
	if mode == exits {
		onTerm = exits
	}
	f, err := startFleet(ctx, 3, onTerm)
	if err != nil {
		return counts{}, err
	}
	defer f.stop()
	p, err := peer.Start(ctx, name, dir, f.targets())
	if err != nil {
		return counts{}, err
	}
	defer p.Stop()
	if err := p.Serves(ctx, "/fast"); err != nil {
		return counts{}, err
	}
	c := crowd.New(crowd.LoadB(p.Addr), role.TargetName(leaving))
	err = underLoad(ctx, c, p.HasAffinity(), beforeEvent, func() error {
		if mode == nothing {
			return nil
		}
		if mode == drained {
			if err := p.Remove(ctx, role.TargetName(leaving)); err != nil {
				return err
			}
		}
		return end(ctx, f.list[leaving])
	})
	sum, ended := f.outcome(ctx, c.Result())
	if !p.HasAffinity() {
		sum.NeedlessMoves = nil
	}
	return sum, errors.Join(err, ended)
}

// underLoad lets something happen while the crowd is at it, which before must
// have met no fault.
func underLoad(ctx context.Context, c *crowd.Crowd, affinity bool, before time.Duration, event func() error) error {
	c.Start(ctx)
	defer c.Finish()
	pause(ctx, before)
	r := c.Result()
	if r.Failed > 0 || r.StreamsCut > 0 || affinity && r.Moves > 0 {
		return fmt.Errorf("control: before anything happened: %w", c.Clean())
	}
	c.Event()
	if err := event(); err != nil {
		return err
	}
	pause(ctx, afterEvent)
	return ctx.Err()
}

// broken says which promises evenkeel did not keep.
func (r scaleIn) broken() error {
	if r.Proxy != peer.Evenkeel {
		return nil
	}
	c := r.counts
	if r.Mode != drained { // POSTs that a target had may be lost, and streams of who is dead
		c.Failed -= c.FailedPOSTAcknowledged
		c.StreamsTorn = 0
	}
	if err := c.faultless(); err != nil {
		return fmt.Errorf("scale-in, %s: %w", r.Mode, err)
	}
	return nil
}
