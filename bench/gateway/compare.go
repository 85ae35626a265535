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

// loadCase is one kind of load.
type loadCase struct {
	name        string
	path        string
	connections int
}

var (
	cases64  = []loadCase{{"200B-c64", "/200", 64}, {"64KB-c64", "/65536", 64}}
	cases512 = []loadCase{{"200B-c512", "/200", 512}, {"64KB-c512", "/65536", 512}}
)

// warmUp comes before the first round of each proxy and case.
const warmUp = time.Second

// figure is the CPU of a proxy's processes for each request.
type figure struct {
	Proxy   string         `json:"proxy"`
	Version string         `json:"version,omitempty"`
	Case    string         `json:"case"`
	US      float64        `json:"us_per_request"`
	Rounds  measure.Sample `json:"us_per_request_rounds"`
	// Ratios in the same rounds; absent without that peer.
	RatioHAProxy *float64        `json:"ratio_haproxy,omitempty"`
	HAProxy      *measure.Sample `json:"ratio_haproxy_rounds,omitempty"`
	Caddy        *measure.Sample `json:"ratio_caddy_rounds,omitempty"`
	Tuned        *measure.Sample `json:"ratio_httputil_tuned_rounds,omitempty"`
}

func compare(ctx context.Context, dir string, s settings) (loadName string, out []figure, err error) {
	target, err := peer.StartRole(ctx, role.RawTarget)
	if err != nil {
		return "", nil, err
	}
	defer target.Stop()
	l := findLoad(dir)
	if err := controls(ctx, l, target.Addr); err != nil {
		return "", nil, err
	}
	list, err := startAll(ctx, dir, s, target.Addr)
	if err != nil {
		return "", nil, err
	}
	defer stopAll(list)
	cases := cases64
	if s.c512 {
		cases = append(cases, cases512...)
	}
	for _, c := range cases {
		figures, err := rounds(ctx, l, list, c, s)
		if err != nil {
			return "", nil, err
		}
		out = append(out, figures...)
	}
	return l.String(), out, nil
}

// everybody of those who can take part in front of one target.
var everybody = []string{peer.Evenkeel, peer.Nginx, peer.HAProxy, peer.Caddy, peer.Tuned, peer.Default}

// startAll starts all that are there, in front of one target.
func startAll(ctx context.Context, dir string, s settings, target string) (list []*peer.Proxy, err error) {
	for _, name := range s.taking(everybody...) {
		p, err := peer.Start(ctx, name, dir, []peer.Target{{Name: role.TargetName(0), Addr: target}})
		if errors.Is(err, peer.ErrMissing) {
			continue
		}
		if err == nil {
			list = append(list, p)
			err = p.Serves(ctx, "/200")
		}
		if err != nil {
			stopAll(list)
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return list, nil
}

func stopAll(list []*peer.Proxy) {
	for _, p := range list {
		p.Stop()
	}
}

// controls: the target alone is faultless, and a proxy with a planted fault is
// found out.
func controls(ctx context.Context, l load, target string) error {
	const span = time.Second
	if _, err := l.run(ctx, target, cases64[0], nil, span); err != nil {
		return fmt.Errorf("control: the target alone: %w", err)
	}
	p, err := peer.StartRole(ctx, role.Faulty, target)
	if err != nil {
		return err
	}
	defer p.Stop()
	switch _, err := l.run(ctx, p.Addr, cases64[0], nil, span); {
	case err == nil:
		return errors.New("control: a proxy that breaks answers was not found out")
	case !errors.Is(err, errAnswers):
		return fmt.Errorf("control: %w", err)
	}
	return nil
}

// rounds measures one case with all proxies in turn.
func rounds(ctx context.Context, l load, list []*peer.Proxy, c loadCase, s settings) ([]figure, error) {
	us := make([][]float64, len(list))
	cookies := make([][]string, len(list))
	for n := range s.rounds {
		for i, p := range list {
			if n == 0 {
				var err error
				if cookies[i], err = p.Browsers(ctx, 64); err != nil {
					return nil, err
				}
				if _, err := l.run(ctx, p.Addr, c, cookies[i], warmUp); err != nil {
					return nil, fmt.Errorf("%s, %s: %w", p.Name, c.name, err)
				}
			}
			v, err := round(ctx, l, p, c, cookies[i], s.span)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", p.Name, c.name, err)
			}
			us[i] = append(us[i], v)
		}
	}
	var out []figure
	for i, p := range list {
		m := measure.Of(us[i]...)
		f := figure{Proxy: p.Name, Version: p.Version, Case: c.name, US: m.Median, Rounds: m}
		for k, other := range list {
			q := measure.Ratios(us[i], us[k])
			switch other.Name {
			case peer.HAProxy:
				f.HAProxy, f.RatioHAProxy = &q, &q.Median
			case peer.Caddy:
				f.Caddy = &q
			case peer.Tuned:
				f.Tuned = &q
			}
		}
		out = append(out, f)
	}
	return out, nil
}

// round is the CPU of the proxy for each request of one round.
func round(ctx context.Context, l load, p *peer.Proxy, c loadCase, cookies []string, span time.Duration) (float64, error) {
	before, err := p.CPU()
	if err != nil {
		return 0, err
	}
	n, err := l.run(ctx, p.Addr, c, cookies, span)
	if err != nil {
		return 0, err
	}
	after, err := p.CPU()
	if err != nil {
		return 0, err
	}
	return measure.Micros(after-before, n), nil
}
