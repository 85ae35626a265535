package runner

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/evenkeel/evenkeel/drain"
	"github.com/evenkeel/evenkeel/drain/handover"
	"github.com/evenkeel/evenkeel/internal/limit"
	"github.com/evenkeel/evenkeel/internal/platform"
)

// run is one program with what stands around it.
type run struct {
	opt   Options
	log   *slog.Logger
	d     *drain.Drainer
	prog  *program
	ready *readiness
	front *http.Server // nil without Listen
	side  []side       // listeners that outlive the way out

	inherited *handover.Inherited // while the listeners are opened
}

// side is a listener of ours that is no part of the way out.
type side struct {
	*http.Server
	net.Listener
}

// askPlatform bounds how long the platform may take to tell its grace period.
const askPlatform = 3 * time.Second

// Run starts the program and returns its exit code when it has ended. The error
// is a *Usage, a *CannotStart or a failure of ours; the code is then 0 and
// means nothing.
func Run(ctx context.Context, opt Options) (code int, err error) {
	if err := opt.Check(); err != nil {
		return 0, err
	}
	r := &run{opt: opt, log: cmp.Or(opt.Log, slog.Default())}
	if err := r.prepare(ctx); err != nil {
		return 0, err
	}
	defer r.close()
	if r.prog, err = start(&r.opt, r.log); err != nil {
		return 0, err
	}
	return r.loop(ctx)
}

// prepare finds out the grace period and opens all listeners, so that what
// cannot work says so before the program runs.
func (r *run) prepare(ctx context.Context) error {
	grace := r.grace(ctx)
	budget := r.opt.Budget
	if r.opt.Listen == "" { // nothing is counted, so all of the time is the program's own
		fit, err := budget.Fit(grace)
		if err != nil {
			return &Usage{err}
		}
		budget = drain.Budget{Withdraw: fit.Withdraw, Requests: drain.None, Streams: drain.None,
			Flush: max(fit.Requests, fit.Streams, 0) + max(fit.Flush, 0)}
	}
	var err error
	if r.d, err = drain.New(drain.Options{Budget: budget, Grace: grace, Logger: r.log}); err != nil {
		return &Usage{err}
	}
	r.d.Hook("program", 0, func(ctx context.Context) error { return r.prog.stop(ctx.Done()) })
	r.ready = &readiness{app: r.opt.App, d: r.d}
	err = r.listen(ctx)
	if err != nil {
		r.close()
	}
	return err
}

// grace is the option's, or the least that a platform tells.
func (r *run) grace(ctx context.Context) time.Duration {
	if r.opt.Grace > 0 {
		return r.opt.Grace
	}
	ctx, cancel := context.WithTimeout(ctx, askPlatform)
	defer cancel()
	var least time.Duration
	for _, h := range r.opt.Hosts {
		g, from, err := h.Grace(ctx)
		if err != nil {
			r.log.Warn("the platform does not tell its grace period", "platform", h.Name(), "error", err)
		}
		if g > 0 && (least == 0 || g < least) {
			least = g
			r.log.Info("grace period", "seconds", g.Seconds(), "from", from)
		}
	}
	return cmp.Or(least, drain.DefaultGrace)
}

// listen opens the listeners, or takes those that a socket unit has opened under
// the names of the flags.
func (r *run) listen(ctx context.Context) error {
	var err error
	if r.inherited, err = handover.Inherit("listen", "probes", "admin"); err != nil {
		return &Usage{err}
	}
	defer r.inherited.Close()
	if r.opt.Listen != "" {
		l, err := r.open(ctx, "listen", r.opt.Listen)
		if err != nil {
			return err
		}
		f := newFront(&r.opt, r.d.State)
		r.front = server(r.d.Handler(f), r.log)
		r.front.IdleTimeout = idleTimeout
		r.d.Listen(r.front, l)
	}
	for _, s := range []struct {
		flag, addr string
		h          http.Handler
	}{{"probes", r.opt.Probes, r.ready.handler()}, {"admin", r.opt.Admin, adminHandler(r.d)}} {
		if s.addr == "" {
			continue
		}
		l, err := r.open(ctx, s.flag, s.addr)
		if err != nil {
			return err
		}
		r.side = append(r.side, side{server(s.h, r.log), l})
	}
	return nil
}

func (r *run) open(ctx context.Context, flag, addr string) (net.Listener, error) {
	most := maxSide
	if flag == "listen" {
		most = maxConnections
	}
	if l := r.inherited.Take(flag, addr); l != nil {
		return limit.Listener(l.Listener, most, nil), nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, usage("--%s: %w", flag, err)
	}
	return limit.Listener(l, most, nil), nil
}

func server(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headTimeout, MaxHeaderBytes: maxHeadBytes, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// close ends the side listeners; those who wait for an answer get it.
func (r *run) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, s := range r.side {
		if err := s.Shutdown(ctx); err != nil {
			_ = s.Server.Close() // what could not be told is cut
		}
		s.Listener.Close()
	}
}

// loop is the run from here on.
func (r *run) loop(ctx context.Context) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watching, stopWatching := context.WithCancel(context.WithoutCancel(ctx))
	var hosts sync.WaitGroup
	for _, h := range r.opt.Hosts {
		hosts.Go(func() { h.Run(watching, r.load) })
		if n, ok := h.(platform.Noticer); ok {
			hosts.Go(func() { r.heed(n.Notices(watching)) })
		}
	}
	hosts.Go(func() { r.ready.watch(watching) })
	for _, s := range r.side {
		go func() {
			if err := s.Serve(s.Listener); !errors.Is(err, http.ErrServerClosed) {
				r.log.Error("a listener has failed", "address", s.Listener.Addr().String(), "error", err)
			}
		}()
	}
	out := make(chan error, 1)
	go func() {
		_, err := r.d.Run(ctx) // it logs its report
		out <- err
	}()
	select {
	case err := <-out:
		r.after(err)
	case <-r.prog.ended:
		r.endedByItself(out)
	}
	stopWatching()
	hosts.Wait()
	return r.prog.code, nil
}

// after is when the way out is over. The program has ended with it, unless it
// could not even be killed.
func (r *run) after(err error) {
	if err != nil {
		r.log.Warn("the way out was not clean", "error", err)
	}
	select {
	case <-r.prog.ended:
	case <-time.After(lastWord):
		r.prog.code = 128 + 9
	}
}

// endedByItself is when the program has ended before it was asked to. What was
// in flight to it is broken; what it had answered still goes out.
func (r *run) endedByItself(out <-chan error) {
	if r.d.State() >= drain.Flushing {
		r.after(<-out)
		return
	}
	r.log.Error("the program has ended by itself", "code", r.prog.code)
	r.prog.signal(syscall.SIGKILL) // what it may have left in its group
	for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if s := r.d.Stats(); s.Requests == 0 {
			return
		}
	}
}

// heed starts the way out when the platform gives notice.
func (r *run) heed(notices <-chan platform.Notice) {
	for n := range notices {
		r.log.Warn("notice of the platform", "reason", n.Reason, "at", n.At)
		r.d.Drain()
	}
}

// load is what the platform is told.
func (r *run) load() platform.Load {
	s := r.d.Stats()
	return platform.Load{State: s.State, Requests: s.Requests, Streams: s.Streams}
}

// Code is the exit code for an error of Run or Parse.
func Code(err error) int {
	if _, cannot := errors.AsType[*CannotStart](err); cannot {
		return 127
	}
	return 2
}
