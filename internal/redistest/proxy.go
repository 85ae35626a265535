package redistest

import (
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// Proxy forwards TCP connections to a server until it is told otherwise. Its
// methods may be called at the same time.
type Proxy struct {
	Addr string // host:port

	t      testing.TB
	target string
	wg     sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener // nil while refusing
	silent   func(from net.Addr) bool
	delay    time.Duration
	flows    map[*flow]bool
	closed   bool
}

// StartProxy starts a proxy to host:port, which needs not be reachable yet.
func StartProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	p := &Proxy{t: t, target: target, silent: nobody, flows: map[*flow]bool{}}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	p.Addr = p.listener.Addr().String()
	t.Cleanup(p.close)
	return p
}

func nobody(net.Addr) bool    { return false }
func everybody(net.Addr) bool { return true }

// BlackHole lets bytes vanish in both directions, ends of connections too.
// Connections stay open, new ones are accepted and silent. With source
// addresses, such as "127.0.0.2", it does so to connections from these alone;
// others are forwarded. It does not end Refuse.
func (p *Proxy) BlackHole(from ...string) {
	silent := everybody
	if len(from) > 0 {
		silent = func(a net.Addr) bool {
			host, _, _ := net.SplitHostPort(a.String()) // of a TCP connection
			return slices.Contains(from, host)
		}
	}
	p.mu.Lock()
	p.silent = silent
	var swallowed []*flow
	for f := range p.flows {
		if silent(f.client.RemoteAddr()) {
			f.silent.Store(true)
			swallowed = append(swallowed, f)
		}
	}
	p.mu.Unlock()
	for _, f := range swallowed {
		f.quiesce()
	}
}

// Refuse resets all connections and lets nobody listen: dialling fails.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	if p.listener != nil {
		p.listener.Close() // at once, so that Heal finds the port free
		p.listener = nil
	}
	flows := p.takeFlows(func(*flow) bool { return true })
	p.mu.Unlock()
	for _, f := range flows {
		f.reset()
	}
}

// Heal ends BlackHole and Refuse, but not Delay. Connections of which bytes
// have vanished are reset: what was sent on them is never delivered.
func (p *Proxy) Heal() {
	p.mu.Lock()
	p.silent = nobody
	flows := p.takeFlows(func(f *flow) bool { return f.silent.Load() })
	var err error
	if p.listener == nil && !p.closed {
		err = p.listen(p.Addr)
	}
	p.mu.Unlock()
	for _, f := range flows {
		f.reset()
	}
	if err != nil {
		p.t.Errorf("the proxy cannot listen again: %v", err)
	}
}

// Delay holds up what passes by d in each direction, on a busy connection by
// up to twice as much.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// listen begins to accept; mu must be held, so that there is one listener.
func (p *Proxy) listen(addr string) error {
	l, err := new(net.ListenConfig).Listen(p.t.Context(), "tcp", addr)
	if err != nil {
		return err
	}
	p.listener = l
	p.wg.Go(func() { p.accept(l) })
	return nil
}

func (p *Proxy) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return // closed
		}
		if f := p.admit(c, l); f != nil {
			p.wg.Go(func() { f.run(p) })
		}
	}
}

// admit registers a connection, or resets it if it came too late.
func (p *Proxy) admit(c net.Conn, l net.Listener) *flow {
	f := &flow{client: c, done: make(chan struct{})}
	p.mu.Lock()
	current := p.listener == l
	if current {
		f.silent.Store(p.silent(c.RemoteAddr()))
		p.flows[f] = true
	}
	p.mu.Unlock()
	if !current {
		f.reset()
		return nil
	}
	return f
}

// takeFlows removes and returns those that match; mu must be held.
func (p *Proxy) takeFlows(match func(*flow) bool) []*flow {
	var taken []*flow
	for f := range p.flows {
		if match(f) {
			taken = append(taken, f)
			delete(p.flows, f)
		}
	}
	return taken
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Refuse()
	p.wg.Wait()
}

// held is the delay that a chunk has to wait for.
func (p *Proxy) held() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.delay
}

func (p *Proxy) forget(f *flow) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.flows, f)
}
