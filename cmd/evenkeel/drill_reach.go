package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/engine"
)

// reachWait is how long a connection may take.
const reachWait = 3 * time.Second

// reachable opens a connection to each target and closes it again.
func (d *drilling) reachable(ctx context.Context) error {
	p := d.plan
	if len(p.Targets) == 0 {
		return errors.New("no target: give --target URL, or target in " + d.file)
	}
	if _, err := engine.NewClient(p.Targets, engine.NewClock(), p.Client); err != nil {
		return err
	}
	if err := p.Permit(ctx, d.flags.own); err != nil {
		return err
	}
	errs := make([]error, len(p.Targets))
	var wg sync.WaitGroup
	for i, target := range p.Targets {
		wg.Go(func() {
			if err := dial(ctx, target); err != nil {
				errs[i] = fmt.Errorf("target %s cannot be reached: %w", target, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func dial(ctx context.Context, target string) error {
	u, err := url.Parse(target)
	if err != nil {
		return err
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	conn, err := (&net.Dialer{Timeout: reachWait}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return err
	}
	return conn.Close()
}
