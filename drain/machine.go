package drain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// The streams' turns to be told.
const (
	tellEvery = 100 * time.Millisecond
	tellMost  = 5 * time.Second
)

// lastBytes is how long connections whose handlers have returned may take to
// send what is buffered when Requests is over already.
const lastBytes = time.Second

// machine is the way out: one goroutine, one select, one timer. Each event is
// a method; each phase has one that begins it.
type machine struct {
	d       *Drainer
	log     *slog.Logger
	hookCtx context.Context // values of Run's context, without its end

	servers   []*http.Server
	listeners []listening
	fresh     *fresh
	closing   sync.WaitGroup // goroutines in Shutdown and Close
	shut      chan error     // their results
	failed    []error        // why servers stopped by themselves

	warned bool        // a signal came
	timer  *time.Timer // of the present phase's next step
	since  time.Time   // beginning of the present phase
	drain  draining
	flush  flushing
	report Report
}

// draining is what the machine knows in that state.
type draining struct {
	requests, streams time.Time // when they are cut; zero once done
	end               time.Time // when everything is
	tell              time.Time // next round of telling streams; zero once all know
	rounds            int       // of telling that are left
	fresh             time.Time // when connections without a request are closed; zero once done
	open              int       // servers in Shutdown
	shutting          bool
	stop              context.CancelFunc // ends the Shutdowns
	cut               []*request
}

func (m *machine) loop(ended <-chan struct{}, signals <-chan os.Signal, serves <-chan serveEnded) {
	defer m.timer.Stop()
	asked := m.d.asked
	for m.d.State() != Stopped {
		select {
		case sig := <-signals:
			m.signalled(sig)
		case <-ended:
			ended = nil
			m.leave("context")
		case <-asked:
			asked = nil
			m.leave("call")
		case e := <-serves:
			m.serverStopped(e)
		case <-m.timer.C:
			m.due(time.Now())
		case <-m.d.ledger.quiet:
			m.settle()
		case err := <-m.shut:
			m.shutDown(err)
		case err := <-m.flush.returned:
			m.hookEnded(err)
		}
	}
}

// serve begins Serving.
func (m *machine) serve() {
	b := m.d.budget
	if b != m.d.opt.Budget.withDefaults() {
		m.log.Info("default budget shrunk to fit the grace period", "budget", b.String(), "grace", m.d.opt.Grace)
	}
	for _, l := range m.listeners {
		m.log.Info("serving", "address", l.Addr().String())
	}
	m.since = time.Now()
	m.d.enter(Serving)
}

// phase ends the present phase and returns how long it took.
func (m *machine) phase() time.Duration {
	now := time.Now()
	took := now.Sub(m.since)
	m.since = now
	return took
}

// leave begins Withdrawing, the first time.
func (m *machine) leave(trigger string) {
	if m.d.State() != Serving {
		return
	}
	m.phase()
	m.report.Trigger = trigger
	m.d.enter(Withdrawing)
	live, _ := m.d.ledger.counts()
	m.log.Info("withdrawing", "trigger", trigger, "budget", m.d.budget.String(),
		"in_flight", live[plain], "streams", live[stream])
	if w := length(m.d.budget.Withdraw); w > 0 {
		m.timer.Reset(w)
		return
	}
	m.beginDraining()
}

// signalled starts the way out, or ends the present phase of it. The first
// signal never shortens what began without one: a platform whose hook has asked
// for the way out sends it all the same, and a context that a signal has ended
// is news of the same signal.
func (m *machine) signalled(sig os.Signal) {
	state := m.d.State()
	if first := !m.warned; first {
		m.warned = true
		if state == Serving {
			m.leave("signal: " + sig.String())
		} else {
			m.log.Info("signal, after the way out has begun", "state", state.String(), "signal", sig.String())
		}
		return
	}
	m.report.Shortened++
	m.log.Warn("phase ended by a further signal", "state", state.String(), "signal", sig.String())
	switch state {
	case Withdrawing:
		m.beginDraining()
	case Draining:
		m.cutRest()
	case Flushing:
		m.skipHooks()
	case Starting, Serving, Stopped: // Serving is above; the loop runs in neither of the others
	}
}

// serverStopped hears of every Serve that returns: after the listeners were
// closed on purpose that is no news.
func (m *machine) serverStopped(e serveEnded) {
	if !m.d.State().AcceptsNew() {
		return
	}
	m.failed = append(m.failed, fmt.Errorf("drain: serve on %s: %w", e.addr, e.err))
	m.log.Error("server stopped by itself", "address", e.addr.String(), "error", e.err)
	m.leave("server")
}

// due is the timer: the next step of the present phase.
func (m *machine) due(now time.Time) {
	switch m.d.State() {
	case Withdrawing:
		m.beginDraining()
	case Draining:
		m.drainDue(now)
	case Flushing:
		m.abandonHook()
	case Starting, Serving, Stopped: // no timer runs
	}
}

func (m *machine) beginDraining() {
	m.report.Phases.Withdraw = m.phase()
	m.d.ledger.advance(Draining) // first, so that nobody wonders why servers stop
	for _, l := range m.listeners {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			m.log.Warn("listener did not close", "address", l.Addr().String(), "error", err)
		}
	}
	m.d.announce()
	requests, streams := length(m.d.budget.Requests), length(m.d.budget.Streams)
	m.drain = draining{
		requests: m.since.Add(requests), streams: m.since.Add(streams), end: m.since.Add(max(requests, streams)),
		tell: m.since, rounds: 1 + int(min(streams/4, tellMost)/tellEvery),
		fresh: m.since.Add(min(freshMost, requests/2)),
		stop:  func() {},
	}
	live, _ := m.d.ledger.counts()
	m.log.Info("draining", "in_flight", live[plain], "streams", live[stream])
	m.drainDue(m.since)
}

// drainDue does whatever of draining is due at now, and sets the timer.
func (m *machine) drainDue(now time.Time) {
	dr, l := &m.drain, &m.d.ledger
	if !now.Before(dr.end) {
		m.cutRest()
		return
	}
	if reached(now, &dr.requests) {
		dr.cut = append(append(dr.cut, l.cut(plain)...), l.cut(idler)...)
	}
	if reached(now, &dr.streams) {
		dr.cut = append(dr.cut, l.cut(stream)...)
		dr.tell = time.Time{}
	}
	if reached(now, &dr.tell) {
		left := l.tellStreams(dr.rounds)
		dr.rounds--
		if left > 0 {
			dr.tell = now.Add(tellEvery)
		}
	}
	if reached(now, &dr.fresh) {
		m.fresh.close()
	}
	next := dr.end
	for _, t := range []time.Time{dr.requests, dr.streams, dr.tell, dr.fresh} {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	m.timer.Reset(time.Until(next))
	m.settle()
}

// reached tells, once, that now is at or past t.
func reached(now time.Time, t *time.Time) bool {
	if t.IsZero() || now.Before(*t) {
		return false
	}
	*t = time.Time{}
	return true
}

// settle ends draining when nothing is in flight and no connection is left.
func (m *machine) settle() {
	if m.d.State() != Draining {
		return
	}
	live, _ := m.d.ledger.counts()
	switch {
	case busy(live) > 0:
	case !m.drain.fresh.IsZero() && !m.fresh.none(): // the timer will tell
	case !m.drain.shutting:
		m.shutServers()
	case m.drain.open == 0 && m.d.ledger.close():
		m.beginFlushing()
	}
}

// shutServers closes idle connections, and waits in the background for those
// that still send the end of an answer or did not come through Handler.
func (m *machine) shutServers() {
	m.drain.shutting = true
	until := time.Now().Add(lastBytes)
	if m.drain.requests.After(until) {
		until = m.drain.requests
	}
	if until.After(m.drain.end) {
		until = m.drain.end
	}
	ctx, cancel := context.WithDeadline(m.hookCtx, until)
	m.drain.stop = cancel
	m.drain.open = len(m.servers)
	for _, srv := range m.servers {
		m.closing.Go(func() { m.shut <- srv.Shutdown(ctx) })
	}
	m.settle()
}

// shutDown is the end of a Shutdown: err is nil if all connections of the
// server are closed.
func (m *machine) shutDown(err error) {
	m.drain.open--
	if m.d.State() != Draining {
		return
	}
	if errors.Is(err, context.DeadlineExceeded) {
		m.countOutside(1)
		m.closeServers()
	}
	m.settle()
}

// cutRest ends draining by force.
func (m *machine) cutRest() {
	live, _ := m.d.ledger.counts()
	if busy(live) == 0 {
		m.countOutside(m.drain.open)
	}
	m.drain.cut = append(m.drain.cut, m.d.ledger.cutRest()...)
	m.closeServers()
	m.beginFlushing()
}

// countOutside counts servers that still have active connections although
// nothing is in flight. While a handler that was cut hangs on, the connection
// may be that one's.
func (m *machine) countOutside(servers int) {
	if _, stuck := m.d.ledger.counts(); stuck == 0 {
		m.report.Outside += servers
	}
}

// closeServers closes all connections. It does not wait: TLS tries for seconds
// to say goodbye to a peer that does not read, and hooks have their own time.
func (m *machine) closeServers() {
	m.drain.stop()
	for _, srv := range m.servers {
		m.closing.Go(func() {
			if err := srv.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				m.log.Warn("server did not close", "address", srv.Addr, "error", err)
			}
		})
	}
}

// finish begins Stopped, and with it the end of the loop.
func (m *machine) finish() {
	m.drain.stop()
	r := &m.report
	r.Phases.Flush = m.phase()
	all, told := m.d.ledger.tallies()
	r.Requests, r.Streams, r.Workers, r.Told = all[plain], all[stream], all[idler], told
	r.Cut = routes(m.drain.cut)
	r.Left = m.d.budget.Needed() - r.Phases.Withdraw - r.Phases.Drain - r.Phases.Flush
	level := slog.LevelInfo
	if r.err(m.failed) != nil {
		level = slog.LevelWarn
	}
	m.log.Log(m.hookCtx, level, "stopped", "report", *r)
	m.d.enter(Stopped)
}
