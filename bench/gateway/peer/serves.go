package peer

import (
	"context"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/bench/raw"
)

// Serves waits until the proxy answers 200, and, if it can tell, until it has
// checked all of its targets.
func (p *Proxy) Serves(ctx context.Context, path string) error {
	if err := p.ready(ctx, path); err != nil || p.Name != Evenkeel {
		return err
	}
	return p.allHealthy(ctx)
}

// ready waits until the proxy answers 200.
func (p *Proxy) ready(ctx context.Context, path string) error {
	var last error
	err := poll(ctx, 20*time.Second, func() bool {
		a, err := Once(ctx, p.Addr, path)
		if last = err; err == nil && a.Status != 200 {
			last = fmt.Errorf("answered %d", a.Status)
		}
		return last == nil
	})
	if err != nil {
		return fmt.Errorf("%s is not ready: %w, %w", p.Name, err, last)
	}
	return nil
}

// poll waits until ok.
func poll(ctx context.Context, patience time.Duration, ok func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Once sends one GET on a connection of its own.
func Once(ctx context.Context, addr, path string) (raw.Answer, error) {
	c, err := raw.Dial(ctx, addr)
	if err != nil {
		return raw.Answer{}, err
	}
	defer c.Close()
	return c.Do(raw.Get(addr, path))
}

// Browsers are the cookies that a proxy gives to n clients; none if it gives
// none.
func (p *Proxy) Browsers(ctx context.Context, n int) ([]string, error) {
	var cookies []string
	for range n {
		a, err := Once(ctx, p.Addr, "/200")
		if err != nil {
			return nil, err
		}
		if a.SetCookie != "" {
			cookies = append(cookies, a.SetCookie)
		}
	}
	if len(cookies) != 0 && len(cookies) != n {
		return nil, fmt.Errorf("%s gave %d cookies to %d clients", p.Name, len(cookies), n)
	}
	return cookies, nil
}
