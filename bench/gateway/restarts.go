package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/evenkeel/evenkeel/bench/gateway/crowd"
)

// restart is what clients met while gateways were exchanged.
type restart struct {
	Event string `json:"event"` // restart of two in turn, upgrade of one, kill: the control
	counts
	Left int `json:"streams_left"` // ended in good order
	Runs int `json:"runs"`
}

// Events of gateways.
const (
	eventRestart = "restart"
	eventUpgrade = "upgrade"
	eventKill    = "kill"
)

// restarts begins with its control: a gateway that is killed loses requests.
func restarts(ctx context.Context, dir string, s settings) ([]restart, error) {
	if err := crowdControls(ctx); err != nil {
		return nil, err
	}
	binary, err := buildCommand(ctx, dir, s.evenkeel)
	if err != nil {
		return nil, err
	}
	keys, err := newKeys(dir)
	if err != nil {
		return nil, err
	}
	out := []restart{{Event: eventKill}, {Event: eventRestart}, {Event: eventUpgrade}}
	for i := range out {
		r := &out[i]
		for r.Runs < s.reps && (r.Event != eventKill || r.Runs < 1) {
			c, left, err := restartOnce(ctx, binary, dir, keys, r.Event)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", r.Event, err)
			}
			if r.Event == eventKill && c.Failed == 0 {
				return nil, errors.New("control: a gateway was killed, and no failure was seen")
			}
			r.add(c)
			r.Left += left
			r.Runs++
		}
	}
	return out, nil
}

// restartOnce puts load B on two gateways, or on the one that is upgraded.
func restartOnce(ctx context.Context, binary, dir, keys, event string) (counts, int, error) {
	f, err := startFleet(ctx, 3, graceful)
	if err != nil {
		return counts{}, 0, err
	}
	defer f.stop()
	var gates []*command
	var addrs []string
	n := 2
	if event == eventUpgrade {
		n = 1
	}
	for range n {
		g, err := newCommand(ctx, binary, dir, keys, f.targets())
		if err != nil {
			return counts{}, 0, err
		}
		defer g.stop()
		if err := g.start(ctx); err != nil {
			return counts{}, 0, err
		}
		gates, addrs = append(gates, g), append(addrs, g.proxy.Addr)
	}
	opt := crowd.LoadB(addrs...)
	opt.MayLeave, opt.Blind = true, true
	c := crowd.New(opt)
	err = underLoad(ctx, c, true, beforeEvent, func() error { return exchange(ctx, gates, event) })
	r := c.Result()
	sum, ended := f.outcome(ctx, r)
	if first := c.First(); first != nil && event != eventKill {
		fmt.Println(event+":", first)
	}
	return sum, r.StreamsLeft, errors.Join(err, ended)
}

// exchange does to gateways what the event says.
func exchange(ctx context.Context, gates []*command, event string) error {
	switch event {
	case eventKill:
		gates[0].stop()
		return nil
	case eventUpgrade:
		return gates[0].upgrade(ctx)
	}
	for _, g := range gates {
		if err := g.end(ctx); err != nil {
			return err
		}
		if err := g.start(ctx); err != nil {
			return err
		}
		pause(ctx, afterEvent)
	}
	return ctx.Err()
}

// broken says which promises were not kept.
func (r restart) broken() error {
	if r.Event == eventKill {
		return nil
	}
	if err := r.faultless(); err != nil {
		return fmt.Errorf("%s: %w", r.Event, err)
	}
	return nil
}
