package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/limit"
)

// Run serves until ctx ends, then lets requests in flight finish: it lingers,
// stops to listen, waits ShutdownTimeout at most, cuts the rest, and closes
// the admin API last, so that whoever waits for a drain gets an answer. It
// returns nil after such an end. A Gateway runs once.
func (g *Gateway) Run(ctx context.Context) (err error) {
	if err := g.openState(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.state.Load().release()) }()
	traffic, admin, err := g.listen(ctx)
	if err != nil {
		return err
	}
	checks, stopChecks := context.WithCancel(context.WithoutCancel(ctx))
	defer stopChecks()
	g.startChecks(checks)
	g.followFiles(checks)

	stopFront, err := g.startFront(ctx)
	if err != nil {
		traffic.Close()
		if admin != nil {
			admin.Close()
		}
		return err
	}
	defer stopFront()

	failed := make(chan error, 2)
	var servers sync.WaitGroup
	front := g.front()
	g.serve(&servers, front, traffic, failed)
	var back *http.Server
	if admin != nil {
		back = g.server(g.AdminHandler())
		g.serve(&servers, back, admin, failed)
	}
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	g.leaving.Store(true)
	err = errors.Join(err, g.state.Load().release(), g.shutdown(ctx, front)) // the next gateway may wait for the state
	stopChecks()
	g.tasks.close()
	g.stop()
	g.tasks.Wait()
	if back != nil {
		err = errors.Join(err, closeServer(ctx, back, time.Second))
	}
	servers.Wait()
	g.closePools()
	return err
}

func (g *Gateway) listen(ctx context.Context) (traffic, admin net.Listener, err error) {
	t, a := g.opt.Traffic, g.opt.Admin
	var lc net.ListenConfig
	if traffic = t.Listener; traffic == nil {
		if traffic, err = lc.Listen(ctx, "tcp", t.Listen); err != nil {
			return nil, nil, fmt.Errorf("gateway: traffic listener: %w", err)
		}
	}
	if admin = a.Listener; admin == nil && a.Listen != "" {
		if admin, err = lc.Listen(ctx, "tcp", a.Listen); err != nil {
			traffic.Close()
			return nil, nil, fmt.Errorf("gateway: admin listener: %w", err)
		}
	}
	if admin != nil && a.Token == "" && !isLoopback(admin.Addr()) {
		traffic.Close()
		admin.Close()
		return nil, nil, fmt.Errorf("gateway: the admin API on %s needs a token: it is not loopback", admin.Addr())
	}
	bound := func(c *net.TCPConn) { boundStall(c, t.Limits.WriteStall) }
	if admin != nil {
		admin = limit.Listener(admin, 256, bound)
	}
	return limit.Listener(traffic, t.Limits.Connections, bound), admin, nil
}

func (g *Gateway) serve(wg *sync.WaitGroup, s *http.Server, ln net.Listener, failed chan<- error) {
	g.opt.Log.LogAttrs(context.Background(), slog.LevelInfo, "listening", slog.String("address", ln.Addr().String()))
	wg.Go(func() {
		err := func() error {
			if s.TLSConfig != nil {
				return s.ServeTLS(ln, "", "")
			}
			return s.Serve(ln)
		}()
		if !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("gateway: serve %s: %w", ln.Addr(), err)
		}
	})
}

// shutdown ends the traffic listener in good order. Streams that were taken
// over from the server are waited for with the requests.
func (g *Gateway) shutdown(ctx context.Context, front *http.Server) error {
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.opt.Linger+g.opt.ShutdownTimeout)
	defer cancel()
	if g.opt.Linger > 0 {
		wait(end, g.opt.Linger)
	}
	until, _ := end.Deadline()
	front.RegisterOnShutdown(func() { g.dismiss(until) }) // clients that come back find the listener closed
	err := front.Shutdown(end)
	if err == nil {
		g.awaitStreams(end)
	}
	if cut := g.Cut(); cut > 0 {
		g.opt.Log.LogAttrs(end, slog.LevelWarn, "requests and streams were cut at the shutdown timeout", slog.Int("cut", cut))
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = closeServer(ctx, front, time.Second)
	}
	return err
}

// closeServer shuts a server down, by force after d.
func closeServer(ctx context.Context, s *http.Server, d time.Duration) error {
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), d)
	defer cancel()
	if err := s.Shutdown(end); errors.Is(err, context.DeadlineExceeded) {
		return s.Close()
	} else if err != nil {
		return err
	}
	return nil
}

// awaitStreams returns when nothing is in flight any more, or ctx is over.
// It looks again and again: this is once per process, at its end.
func (g *Gateway) awaitStreams(ctx context.Context) {
	for ctx.Err() == nil {
		left := 0
		for _, grp := range g.groups() {
			for _, e := range grp.table.Load().entries {
				left += e.load()
			}
		}
		if left == 0 {
			return
		}
		wait(ctx, 20*time.Millisecond)
	}
}

func (g *Gateway) closePools() {
	for _, grp := range g.groups() {
		for _, e := range grp.table.Load().entries {
			e.pool.Close()
		}
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback() || a.Network() == "unix"
}
