package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/evenkeel/evenkeel/bench/gateway/crowd"
	"github.com/evenkeel/evenkeel/bench/gateway/peer"
	"github.com/evenkeel/evenkeel/bench/gateway/role"
)

// churnResult is what clients met while targets came and went.
type churnResult struct {
	Operations int     `json:"operations"`
	Span       float64 `json:"span_s"`
	OnChanging int     `json:"answers_of_changing_targets"`
	counts
	Idle      int     `json:"idle_connections"`
	IdleDead  int     `json:"idle_dead"`
	CalmP99MS float64 `json:"calm_p99_ms"`
	P99MS     float64 `json:"p99_ms"`
}

const (
	// 1,000 operations in 60 s; fewer in a shorter span.
	churnRate   = time.Minute / 1000
	churnAlive  = 4 // targets that come and go are there at once
	churnStay   = 3 // targets, and churnLeave processes behind the others
	churnLeave  = 2
	idleClients = 9000
	calmPart    = 4 // the span without changes is so much shorter
)

// churn registers and deregisters targets all the time.
func churn(ctx context.Context, dir string, s settings) (out churnResult, err error) {
	if err := crowdControls(ctx); err != nil {
		return out, err
	}
	// The gateway has a file for each client connection, and more for targets.
	if err := allowFiles(uint64(s.churnIdle + 4000)); err != nil {
		return out, err
	}
	f, err := startFleet(ctx, churnStay+churnLeave, graceful)
	if err != nil {
		return out, err
	}
	defer f.stop()
	p, err := peer.Start(ctx, peer.Evenkeel, dir, f.targets()[:churnStay])
	if err != nil {
		return out, err
	}
	defer p.Stop()
	if err := p.Serves(ctx, "/fast"); err != nil {
		return out, err
	}
	h, err := hold(ctx, p.Addr, "/fast", s.churnIdle)
	if err != nil {
		return out, err
	}
	defer h.close()
	opt := crowd.LoadB(p.Addr)
	opt.Blind = true
	opt.Forgetful = 20 // who is bound to a target that stays never comes to one that does not
	c := crowd.New(opt, role.TargetName(churnStay), role.TargetName(churnStay+1))
	err = underLoad(ctx, c, true, beforeEvent+s.churnSpan/calmPart, func() (err error) {
		began := time.Now()
		out.Operations, err = comeAndGo(ctx, p, f.targets()[churnStay:], s.churnSpan)
		out.Span = time.Since(began).Seconds()
		return err
	})
	if err != nil {
		return out, err
	}
	out.Idle = len(h.list)
	var dead error
	if out.IdleDead, dead = h.dead("/fast"); dead != nil {
		fmt.Println("churn: a held connection:", dead)
	}
	r := c.Result()
	if first := c.First(); first != nil {
		fmt.Println("churn:", first)
	}
	if out.OnChanging = r.FromLeaving; out.OnChanging == 0 {
		return out, errors.New("no target that came and went was used")
	}
	out.CalmP99MS, out.P99MS = r.CalmP99.Seconds()*1e3, r.EventP99.Seconds()*1e3
	out.counts, err = f.outcome(ctx, r)
	return out, err
}

// comeAndGo registers a target and deregisters the oldest, in turn.
func comeAndGo(ctx context.Context, p *peer.Proxy, processes []peer.Target, span time.Duration) (n int, err error) {
	path := func(i int) string { return fmt.Sprintf("/v1/groups/%s/targets/x%d", role.Group, i) }
	tick := time.NewTicker(churnRate)
	defer tick.Stop()
	total := int(span / churnRate)
	come, gone := 0, 0
	for n = 0; n < total; n++ {
		if come-gone < churnAlive {
			body := fmt.Sprintf(`{"address":%q,"weight":1}`, processes[come%len(processes)].Addr)
			err = p.Call(ctx, http.MethodPut, path(come), body, nil)
			come++
		} else {
			err = p.Call(ctx, http.MethodDelete, path(gone), "", nil)
			gone++
		}
		if err != nil {
			return n, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return n, ctx.Err()
		}
	}
	return n, nil
}

// broken says which promises were not kept.
func (r churnResult) broken() error {
	err := r.faultless()
	if r.IdleDead > 0 {
		err = errors.Join(err, fmt.Errorf("%d idle connections were dead", r.IdleDead))
	}
	if err != nil {
		return fmt.Errorf("churn: %w", err)
	}
	return nil
}
