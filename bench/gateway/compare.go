package main

import (
	"context"
	"errors"
	"fmt"
	"time"

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
	// Ratios in the same rounds. RatioHAProxy is absent without haproxy.
	RatioHAProxy *float64        `json:"ratio_haproxy,omitempty"`
	HAProxy      *measure.Sample `json:"ratio_haproxy_rounds,omitempty"`
	Tuned        measure.Sample  `json:"ratio_httputil_tuned_rounds"`
}

func compare(ctx context.Context, dir string, s settings) (loadName string, out []figure, err error) {
	target := &proxy{name: "target"}
	if err := target.startRole(ctx, "raw-target"); err != nil {
		return "", nil, err
	}
	defer target.Stop()
	l := findLoad(dir)
	if err := controls(ctx, l, target); err != nil {
		return "", nil, err
	}
	list, err := startProxies(ctx, dir, target.addr)
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

// controls: the target alone is faultless, and a proxy with a planted fault is
// found out.
func controls(ctx context.Context, l load, target *proxy) error {
	const span = time.Second
	if _, err := l.run(ctx, target.addr, cases64[0], nil, span); err != nil {
		return fmt.Errorf("control: the target alone: %w", err)
	}
	p := &proxy{name: "planted-fault"}
	if err := p.startRole(ctx, p.name, target.addr); err != nil {
		return err
	}
	defer p.Stop()
	switch _, err := l.run(ctx, p.addr, cases64[0], nil, span); {
	case err == nil:
		return errors.New("control: a proxy that breaks answers was not found out")
	case !errors.Is(err, errAnswers):
		return fmt.Errorf("control: %w", err)
	}
	return nil
}

// rounds measures one case with all proxies in turn.
func rounds(ctx context.Context, l load, list []*proxy, c loadCase, s settings) ([]figure, error) {
	us := make([][]float64, len(list))
	cookies := make([][]string, len(list))
	for round := range s.rounds {
		for i, p := range list {
			if round == 0 {
				var err error
				if cookies[i], err = p.browsers(ctx, 64); err != nil {
					return nil, err
				}
				if _, err := l.run(ctx, p.addr, c, cookies[i], warmUp); err != nil {
					return nil, fmt.Errorf("%s, %s: %w", p.name, c.name, err)
				}
			}
			v, err := p.round(ctx, l, c, cookies[i], s.span)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", p.name, c.name, err)
			}
			us[i] = append(us[i], v)
		}
	}
	var tuned, haproxy []float64
	for i, p := range list {
		switch p.name {
		case "httputil-tuned":
			tuned = us[i]
		case "haproxy":
			haproxy = us[i]
		}
	}
	var out []figure
	for i, p := range list {
		m := measure.Of(us[i]...)
		f := figure{Proxy: p.name, Version: p.version, Case: c.name, US: m.Median, Rounds: m, Tuned: measure.Ratios(us[i], tuned)}
		if haproxy != nil {
			q := measure.Ratios(us[i], haproxy)
			f.HAProxy, f.RatioHAProxy = &q, &q.Median
		}
		out = append(out, f)
	}
	return out, nil
}

func (p *proxy) round(ctx context.Context, l load, c loadCase, cookies []string, span time.Duration) (float64, error) {
	before, err := p.CPU()
	if err != nil {
		return 0, err
	}
	n, err := l.run(ctx, p.addr, c, cookies, span)
	if err != nil {
		return 0, err
	}
	after, err := p.CPU()
	if err != nil {
		return 0, err
	}
	return measure.Micros(after-before, n), nil
}
