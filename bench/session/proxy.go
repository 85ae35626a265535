package main

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// proxy stands before a server until it vanishes: connections stay open, and
// nothing comes through any more.
type proxy struct {
	addr   string
	l      net.Listener
	silent atomic.Bool

	mu    sync.Mutex
	conns []net.Conn
	all   sync.WaitGroup
}

func startProxy(ctx context.Context, target string) (*proxy, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{addr: l.Addr().String(), l: l}
	p.all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			to, err := new(net.Dialer).DialContext(ctx, "tcp", target)
			if err != nil {
				c.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, c, to)
			p.mu.Unlock()
			p.all.Go(func() { p.copy(c, to) })
			p.all.Go(func() { p.copy(to, c) })
		}
	})
	return p, nil
}

func (p *proxy) vanish() { p.silent.Store(true) }

func (p *proxy) copy(to io.Writer, from io.Reader) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		if p.silent.Load() {
			continue
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

func (p *proxy) close() {
	p.l.Close()
	p.mu.Lock()
	for _, c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.all.Wait()
}
