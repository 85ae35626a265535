package upstream

import (
	"context"
	"net"
	"sync"
	"time"
)

// Pool is an engine towards one target with its idle connections. It is safe
// for concurrent use, and starts no goroutine: a timer closes what stays idle.
type Pool struct {
	addr string
	opt  Options
	dial func(ctx context.Context) (net.Conn, error)

	mu     sync.Mutex
	idle   []*conn // a stack: the last was used last
	timer  *time.Timer
	wake   time.Time // when timer fires; zero: it is not running
	closed bool
	stats  Stats
}

// Stats is a snapshot of a Pool. Idle and Active are exact at one instant;
// the others count from the start.
type Stats struct {
	Idle   int    // connections waiting for use
	Active int    // exchanges that hold, or are opening, a connection; not hijacked ones
	Dials  uint64 // connections asked for, also in vain
	Reuses uint64 // connections taken from the stack, the stale ones with them
	Stale  uint64 // idle connections found closed, or with bytes nobody asked for, at their reuse
}

// NewPool returns a Pool towards addr, a host:port. It does not dial.
func NewPool(addr string, opt Options) *Pool {
	opt = opt.withDefaults()
	d := &net.Dialer{Timeout: opt.DialTimeout}
	return &Pool{addr: addr, opt: opt, dial: func(ctx context.Context) (net.Conn, error) {
		return d.DialContext(ctx, "tcp", addr)
	}}
}

// Stats returns the pool's counts.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Idle = len(p.idle)
	return s
}

// CloseIdle closes all idle connections at once, as a target that begins to
// drain wants it. The pool stays usable, and exchanges under way are untouched.
func (p *Pool) CloseIdle() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, c := range idle {
		c.nc.Close()
	}
}

// Close closes all idle connections and lets no new exchange begin: Do fails
// with ErrClosed. Exchanges under way end as they would, and their connections
// are closed then. It may be called more than once.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	if p.timer != nil {
		p.timer.Stop()
	}
	p.mu.Unlock()
	p.CloseIdle()
}

// take returns a connection from the stack, not tested yet, or a new one; fresh
// is always a new one.
func (p *Pool) take(ctx context.Context, fresh bool) (*conn, error) {
	c, expired, err := p.pop(fresh)
	for _, old := range expired {
		old.nc.Close()
	}
	if c != nil || err != nil {
		return c, err
	}
	nc, err := p.dial(ctx)
	if err != nil {
		p.mu.Lock()
		p.stats.Active--
		p.mu.Unlock()
		return nil, err
	}
	return newConn(nc), nil
}

func (p *Pool) pop(fresh bool) (c *conn, expired []*conn, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, ErrClosed
	}
	p.stats.Active++
	for last := len(p.idle) - 1; last >= 0 && !fresh; last-- {
		c = p.idle[last]
		p.idle[last] = nil
		p.idle = p.idle[:last]
		if time.Now().Before(c.expires) {
			c.reused = true
			p.stats.Reuses++
			return c, expired, nil
		}
		expired = append(expired, c)
	}
	p.stats.Dials++
	return nil, expired, nil
}

// stale counts and closes a connection that failed its test at reuse.
func (p *Pool) stale(c *conn) {
	p.mu.Lock()
	p.stats.Active--
	p.stats.Stale++
	p.mu.Unlock()
	c.nc.Close()
}

// put ends the use of a connection: it is kept for keep at most, or closed
// when keep is not positive.
func (p *Pool) put(c *conn, keep time.Duration) {
	keep = min(keep, p.opt.IdleTimeout)
	if !c.unborrow() {
		keep = 0
	}
	p.mu.Lock()
	p.stats.Active--
	if keep > 0 && !p.closed && len(p.idle) < p.opt.MaxIdle {
		now := time.Now()
		c.expires = now.Add(keep)
		p.idle = append(p.idle, c)
		p.arm(now, c.expires)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	c.nc.Close()
}

// detach forgets a connection that was taken over.
func (p *Pool) detach() {
	p.mu.Lock()
	p.stats.Active--
	p.mu.Unlock()
}

// arm makes the timer fire at t or before; p.mu is held.
func (p *Pool) arm(now, t time.Time) {
	if !p.wake.IsZero() && !t.Before(p.wake) {
		return
	}
	p.wake = t
	if p.timer == nil {
		p.timer = time.AfterFunc(t.Sub(now), p.sweep)
		return
	}
	p.timer.Reset(t.Sub(now))
}

// sweep closes what has been idle too long and arms the timer for the rest.
func (p *Pool) sweep() {
	var expired []*conn
	p.mu.Lock()
	now := time.Now()
	p.wake = time.Time{}
	kept := p.idle[:0]
	for _, c := range p.idle {
		if !now.Before(c.expires) {
			expired = append(expired, c)
			continue
		}
		kept = append(kept, c)
		p.arm(now, c.expires)
	}
	clear(p.idle[len(kept):])
	p.idle = kept
	p.mu.Unlock()
	for _, c := range expired {
		c.nc.Close()
	}
}
