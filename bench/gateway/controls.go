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

// crowdControls come before all that is measured with a crowd: a target alone
// is faultless, and a proxy that breaks answers is found out.
func crowdControls(ctx context.Context) error {
	f, err := startFleet(ctx, 1, graceful)
	if err != nil {
		return err
	}
	defer f.stop()
	p, err := peer.StartRole(ctx, role.Faulty, f.list[0].Addr)
	if err != nil {
		return err
	}
	defer p.Stop()
	for _, addr := range []string{f.list[0].Addr, p.Addr} {
		c := crowd.New(crowd.LoadB(addr))
		c.Start(ctx)
		pause(ctx, time.Second)
		c.Finish()
		switch faults := c.Clean(); {
		case addr == p.Addr && faults == nil:
			return errors.New("control: a proxy that breaks answers was not found out")
		case addr != p.Addr && faults != nil:
			return fmt.Errorf("control: the target alone: %w", faults)
		}
	}
	return ctx.Err()
}
