package drain

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

// listening is one listener of one server.
type listening struct {
	srv *http.Server
	net.Listener
}

// serveEnded is what Serve returned on a listener.
type serveEnded struct {
	addr net.Addr
	err  error
}

// Run serves each srv on its Addr, and those given to [Drainer.Listen] on
// their listeners, until a signal comes, ctx ends, [Drainer.Drain] is called
// or a server stops by itself; then it goes the way out, see the package's
// description, and returns when that is over. It may be called once, without
// any server too: then it sequences readiness, what goes through Handler
// elsewhere, and the hooks.
//
// The servers are Run's: the caller neither starts nor stops them, and Run
// listens to their ConnState, in front of the caller's own. An Addr of
// "" is ":http", or ":https" with TLS, which a server has whose TLSConfig
// holds certificates. If one address cannot be listened on, Run closes the
// others and returns the error without having served or run hooks.
//
// The error joins what made a server stop, a *CutError if anything was cut, and
// the errors of hooks; it is nil if everything finished. The Report is valid in
// each case, and is logged once.
func (d *Drainer) Run(ctx context.Context, srv ...*http.Server) (Report, error) {
	listeners, err := d.begin(srv)
	if err != nil {
		return Report{}, err
	}
	servers, err := listen(ctx, srv, &listeners)
	if err != nil {
		for _, l := range listeners {
			l.Close()
		}
		d.enter(Stopped)
		return Report{}, err
	}

	signals := make(chan os.Signal, 4) // as many as a person may send before the loop looks
	defer d.notify(signals, d.opt.Signals...)()

	unused := &fresh{conns: map[net.Conn]struct{}{}}
	for _, s := range servers {
		unused.watch(s)
	}
	ended := make(chan serveEnded, len(listeners))
	var serving sync.WaitGroup
	for _, l := range listeners {
		serving.Go(func() { ended <- serveEnded{l.Addr(), serve(l)} })
	}
	m := &machine{
		d: d, log: d.logger(), hookCtx: context.WithoutCancel(ctx),
		servers: servers, listeners: listeners, fresh: unused, shut: make(chan error, len(servers)),
		timer: time.NewTimer(time.Hour),
	}
	m.timer.Stop()
	m.serve()
	d.startWorkers(m.hookCtx)
	m.loop(ctx.Done(), signals, ended)
	serving.Wait()
	m.closing.Wait()
	return m.report, m.report.err(m.failed)
}

// begin takes the listeners that were registered, once.
func (d *Drainer) begin(srv []*http.Server) ([]listening, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.ran:
		return nil, errRan
	case slices.Contains(srv, nil):
		return nil, errors.New("drain: a server is nil")
	case len(d.hooks) > 0 && d.budget.Flush == None:
		return nil, fmt.Errorf("drain: %d hooks, but the budget's flush is None", len(d.hooks))
	}
	d.ran = true
	return d.listeners, nil
}

// listen adds a listener for each server that has none, and returns all the
// servers.
func listen(ctx context.Context, srv []*http.Server, listeners *[]listening) ([]*http.Server, error) {
	servers := []*http.Server{}
	for _, l := range *listeners {
		if !slices.Contains(servers, l.srv) {
			servers = append(servers, l.srv)
		}
	}
	for _, s := range srv {
		if slices.Contains(servers, s) {
			continue
		}
		servers = append(servers, s)
		addr := s.Addr
		if addr == "" {
			addr = ":http"
			if hasTLS(s) {
				addr = ":https"
			}
		}
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
		if err != nil {
			return nil, fmt.Errorf("drain: %w", err)
		}
		*listeners = append(*listeners, listening{s, l})
	}
	return servers, nil
}

func serve(l listening) error {
	if hasTLS(l.srv) {
		return l.srv.ServeTLS(l.Listener, "", "")
	}
	return l.srv.Serve(l.Listener)
}

func hasTLS(s *http.Server) bool {
	c := s.TLSConfig
	return c != nil && (len(c.Certificates) > 0 || c.GetCertificate != nil || c.GetConfigForClient != nil)
}

// enter advances the state and wakes those who wait for it.
func (d *Drainer) enter(s State) {
	d.ledger.advance(s)
	d.announce()
}

// announce closes the channels of all states up to the present one.
func (d *Drainer) announce() {
	for s := range d.State() + 1 {
		select {
		case <-d.reached[s]:
		default:
			close(d.reached[s])
		}
	}
}
