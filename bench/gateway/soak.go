package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/bench/gateway/crowd"
	"github.com/evenkeel/evenkeel/bench/gateway/peer"
	"github.com/evenkeel/evenkeel/bench/measure"
)

// soakResult is a long run of one gateway under steady load.
type soakResult struct {
	Span float64 `json:"span_s"`
	counts
	RSS        trend `json:"rss_mb"`
	Goroutines trend `json:"goroutines"`
}

// trend compares the last third of a run with the second; the first is warming
// up.
type trend struct {
	Second measure.Sample `json:"second_third"`
	Last   measure.Sample `json:"last_third"`
}

// flatAt is how much more the last third may have.
const flatAt = 1.1

func trendOf(values []float64) trend {
	n := len(values)
	return trend{Second: measure.Of(values[n/3 : n*2/3]...), Last: measure.Of(values[n*2/3:]...)}
}

func (t trend) ratio() float64 { return t.Last.Median / t.Second.Median }
func (t trend) flat() bool     { return t.ratio() <= flatAt }

// soak runs a real gateway.
func soak(ctx context.Context, dir string, s settings) (out soakResult, err error) {
	if !trendOf([]float64{9, 9, 1, 1, 1, 1}).flat() || trendOf([]float64{1, 1, 1, 1, 1.2, 1.2}).flat() {
		return out, errors.New("control: growth was not told from none")
	}
	if err := crowdControls(ctx); err != nil {
		return out, err
	}
	binary, err := buildCommand(ctx, dir, s.evenkeel)
	if err != nil {
		return out, err
	}
	keys, err := newKeys(dir)
	if err != nil {
		return out, err
	}
	f, err := startFleet(ctx, 3, graceful)
	if err != nil {
		return out, err
	}
	defer f.stop()
	g, err := newCommand(ctx, binary, dir, keys, f.targets())
	if err != nil {
		return out, err
	}
	defer g.stop()
	if err := g.start(ctx); err != nil {
		return out, err
	}
	c := crowd.New(crowd.LoadB(g.proxy.Addr))
	c.Start(ctx)
	out, err = watch(ctx, g.proxy, c, s.soak)
	c.Finish()
	counted, ended := f.outcome(ctx, c.Result())
	out.counts = counted
	return out, errors.Join(err, ended)
}

// watch takes samples, and prints a line each minute.
func watch(ctx context.Context, p *peer.Proxy, c *crowd.Crowd, span time.Duration) (out soakResult, err error) {
	const samples = 600
	tick := time.NewTicker(max(span/samples, 200*time.Millisecond))
	defer tick.Stop()
	line := min(time.Minute, span/3)
	var rss, goroutines []float64
	fmt.Printf("\nSteady load on one gateway for %v\n%8s  %10s  %6s  %7s  %10s\n", span, "time", "requests", "failed", "RSS MB", "goroutines")
	began := time.Now()
	for due := line; ; {
		bytes, err := residentSet(p.Pid())
		if err != nil {
			return out, err
		}
		n, err := goroutinesOf(ctx, p)
		if err != nil {
			return out, err
		}
		rss, goroutines = append(rss, float64(bytes)/(1<<20)), append(goroutines, n)
		at := time.Since(began)
		if at >= due {
			r := c.Result()
			fmt.Printf("%8v  %10d  %6d  %7.1f  %10.0f\n", at.Round(time.Second), r.Requests, r.Failed, rss[len(rss)-1], n)
			due += line
		}
		if at >= span {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return out, ctx.Err()
		}
	}
	return soakResult{Span: time.Since(began).Seconds(), RSS: trendOf(rss), Goroutines: trendOf(goroutines)}, nil
}

// goroutinesOf asks the metrics; the connection that asks is one of two.
func goroutinesOf(ctx context.Context, p *peer.Proxy) (float64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Admin+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(b), "\ngo_goroutines ")
	if !ok {
		return 0, errors.New("no go_goroutines in /metrics")
	}
	value, _, _ := strings.Cut(rest, "\n")
	return strconv.ParseFloat(value, 64)
}

// broken says what was not steady.
func (r soakResult) broken() (err error) {
	if !r.RSS.flat() {
		err = fmt.Errorf("memory grows: %s MB, then %s", r.RSS.Second, r.RSS.Last)
	}
	if !r.Goroutines.flat() {
		err = errors.Join(err, fmt.Errorf("goroutines grow: %s, then %s", r.Goroutines.Second, r.Goroutines.Last))
	}
	if err = errors.Join(err, r.faultless()); err != nil {
		return fmt.Errorf("soak: %w", err)
	}
	return nil
}
