package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/bench/gateway/peer"
	"github.com/evenkeel/evenkeel/bench/gateway/role"
	"github.com/evenkeel/evenkeel/bench/measure"
)

// idleFigure is what idle client connections cost a proxy in resident memory.
type idleFigure struct {
	Proxy       string         `json:"proxy"`
	Connections int            `json:"connections"`
	KB          measure.Sample `json:"kb_per_connection"`
}

// idleRounds are of fresh processes.
const idleRounds = 3

// settle is the time that a proxy has to give memory back.
const settle = 2 * time.Second

// idles measures every proxy in turn. Its control: a process whose clients hold
// nothing has grown by nothing that matters, and the harness sees a process
// grow.
func idles(ctx context.Context, dir string, s settings) ([]idleFigure, error) {
	if err := allowFiles(uint64(2*s.idle + 1000)); err != nil {
		return nil, err
	}
	target, err := peer.StartRole(ctx, role.RawTarget)
	if err != nil {
		return nil, err
	}
	defer target.Stop()
	if err := idleControls(ctx, target, s.idle); err != nil {
		return nil, err
	}
	var out []idleFigure
	kb := map[string][]float64{}
	who := s.taking(everybody...)
	for range min(idleRounds, s.rounds) {
		for _, name := range who {
			v, err := idle(ctx, dir, name, target.Addr, s.idle)
			if errors.Is(err, peer.ErrMissing) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			kb[name] = append(kb[name], v)
		}
	}
	for _, name := range who {
		if kb[name] != nil {
			out = append(out, idleFigure{name, s.idle, measure.Of(kb[name]...)})
		}
	}
	return out, nil
}

func idleControls(ctx context.Context, target *peer.Proxy, n int) error {
	if _, err := growth(ctx, target, 64); err != nil { // it has run before
		return err
	}
	none, err := growth(ctx, target, 0)
	if err != nil {
		return err
	}
	all, err := growth(ctx, target, n)
	switch {
	case err != nil:
		return err
	case all < int64(n)<<10: // each has a buffer of 4 KB
		return fmt.Errorf("control: the target grew by %d bytes for %d connections", all, n)
	case none > all/4:
		return fmt.Errorf("control: the target grew by %d bytes for no connection, %d for %d", none, all, n)
	}
	return nil
}

func idle(ctx context.Context, dir, name, target string, n int) (float64, error) {
	p, err := peer.Start(ctx, name, dir, []peer.Target{{Name: role.TargetName(0), Addr: target}})
	if err != nil {
		return 0, err
	}
	defer p.Stop()
	if err := p.Serves(ctx, "/200"); err != nil {
		return 0, err
	}
	if _, err := (load{}).run(ctx, p.Addr, cases64[0], nil, warmUp); err != nil {
		return 0, err
	}
	bytes, err := growth(ctx, p, n)
	return float64(bytes) / 1024 / float64(n), err
}

// growth is by how much a process is larger while n connections are held.
func growth(ctx context.Context, p *peer.Proxy, n int) (int64, error) {
	pause(ctx, settle)
	before, err := residentSet(p.Pid())
	if err != nil {
		return 0, err
	}
	h, err := hold(ctx, p.Addr, "/200", n)
	if err != nil {
		return 0, err
	}
	defer h.close()
	pause(ctx, settle)
	after, err := residentSet(p.Pid())
	return after - before, errors.Join(err, ctx.Err())
}
