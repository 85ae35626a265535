package drain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Options of a Drainer; the zero value is all defaults.
type Options struct {
	// Budget of the way out. Its zero fields are defaults and shrink where they
	// must to fit Grace.
	Budget Budget

	// Grace is the platform's grace period, counted from the signal; 0 is
	// DefaultGrace. Where a preStop hook is charged to the grace period, it is
	// what the hook leaves.
	Grace time.Duration

	// Signals start the way out, and each further one shortens it. nil is
	// SIGTERM and SIGINT; an empty slice is none.
	Signals []os.Signal

	// Logger; nil is slog.Default() at the time of use.
	Logger *slog.Logger

	// Route names the route of a request that was cut, for Report and log. It
	// gets a request of which only Method, Host and URL.Path are set, long after
	// the real one came, and may be called at any time from any goroutine. nil,
	// or an answer of "", is the pattern if Handler was given an *http.ServeMux,
	// else the method and the first segment of the path.
	Route func(*http.Request) string
}

// A Drainer is one process's way out. Its methods are safe for concurrent use.
type Drainer struct {
	opt    Options
	budget Budget // fits Options.Grace
	ledger ledger
	asked  chan struct{} // closed by Drain
	ask    sync.Once

	reached [Stopped + 1]chan struct{} // closed by Run when the state is reached

	// notify is the only access to the operating system that a test replaces.
	notify func(c chan<- os.Signal, sig ...os.Signal) (stop func())

	mu        sync.Mutex
	hooks     []hook
	workers   []worker
	listeners []listening
	ran       bool
}

type hook struct {
	name  string
	order int
	run   func(context.Context) error
}

// New checks the options; it starts nothing. A budget that does not fit the
// grace period is a *FitError.
func New(opt Options) (*Drainer, error) {
	opt.Grace = cmp.Or(opt.Grace, DefaultGrace)
	if opt.Signals == nil {
		opt.Signals = []os.Signal{syscall.SIGTERM, os.Interrupt}
	}
	budget, err := opt.Budget.Fit(opt.Grace)
	if err != nil {
		return nil, fmt.Errorf("drain: %w", err)
	}
	d := &Drainer{opt: opt, budget: budget, asked: make(chan struct{}), notify: notify}
	d.ledger.init()
	for s := range d.reached {
		d.reached[s] = make(chan struct{})
	}
	close(d.reached[Starting])
	return d, nil
}

func notify(c chan<- os.Signal, sig ...os.Signal) (stop func()) {
	if len(sig) == 0 { // which would be all of them
		return func() {}
	}
	signal.Notify(c, sig...)
	return func() { signal.Stop(c) }
}

// Budget is the budget as it fits the grace period.
func (d *Drainer) Budget() Budget { return d.budget }

// State is the present state.
func (d *Drainer) State() State { return d.ledger.State() }

// Reached is closed once the state is s or a later one: for Draining, when the
// listeners are closed; for Flushing, when everything has finished or was cut.
func (d *Drainer) Reached(s State) <-chan struct{} {
	return d.reached[min(max(s, Starting), Stopped)]
}

// Drain starts the way out, like a first signal; Run does the rest. A second
// call does nothing. Before Run, the way out starts as soon as Run serves.
func (d *Drainer) Drain() { d.ask.Do(func() { close(d.asked) }) }

// Stats are the numbers of a moment.
type Stats struct {
	State    State
	Requests int // in flight, streams not among them
	Streams  int // in flight
	Workers  int // that run
	Cut      int // of all
}

// Stats is a consistent snapshot, for metrics and for those who wait for empty.
func (d *Drainer) Stats() Stats {
	l := &d.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	return Stats{State: l.State(), Requests: l.live[plain], Streams: l.live[stream], Workers: l.live[idler],
		Cut: l.tally[plain].Cut + l.tally[stream].Cut + l.tally[idler].Cut}
}

// Hook registers f to run when nothing is served any more: commits, telemetry,
// closing of stores. Hooks run one after another by ascending order, those of
// equal order as registered. Each gets an equal share of what is left of
// Budget.Flush, by the deadline of its context, so that none starves those
// after it; what it does not use is theirs. A hook that panics or fails does
// not stop the others; one that outstays its share is left behind.
//
// A hook that is registered when flushing has begun is not run.
func (d *Drainer) Hook(name string, order int, f func(context.Context) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hooks = append(d.hooks, hook{name: name, order: order, run: f})
}

func (d *Drainer) sortedHooks() []hook {
	d.mu.Lock()
	defer d.mu.Unlock()
	hooks := slices.Clone(d.hooks)
	slices.SortStableFunc(hooks, func(a, b hook) int { return cmp.Compare(a.order, b.order) })
	return hooks
}

// Listen makes Run serve srv on l, rather than on srv.Addr; several listeners
// for one server are allowed. Run closes l. It must be called before Run.
//
// Like those that Run opens, l is a plain listener: a server whose TLSConfig
// has certificates wraps it.
func (d *Drainer) Listen(srv *http.Server, l net.Listener) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.listeners = append(d.listeners, listening{srv, l})
}

// Ready answers 200 while the state is Serving, 503 before and after, with the
// state in the body: for readiness probes and balancers' health checks.
func (d *Drainer) Ready() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s := d.State()
		if s.Ready() {
			answer(w, http.StatusOK, "ready")
		} else {
			answer(w, http.StatusServiceUnavailable, s.String())
		}
	})
}

// Live answers 200 in every state: a process on its way out is alive, and a
// liveness probe that failed now would have it killed before its time.
func (d *Drainer) Live() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "alive") })
}

func answer(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}

func (d *Drainer) logger() *slog.Logger { return cmp.Or(d.opt.Logger, slog.Default()) }

var errRan = errors.New("drain: Run was called before: a Drainer is for one way out")
