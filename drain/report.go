package drain

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// ErrCut is the cause of the context of a request that was cut, and the error
// of what it still writes.
var ErrCut = errors.New("drain: cut, since the process leaves")

// Errors of hooks that Run could not wait for or did not start.
var (
	ErrHookAbandoned = errors.New("drain: the hook did not return in its time and was left behind")
	ErrHookSkipped   = errors.New("drain: the hook was not run: a further signal ended flushing")
)

// CutError is Run's error when something was cut. The Report has the routes.
type CutError struct {
	Requests, Streams int // through Handler
	Workers           int
	Outside           int // servers with connections that Handler did not see
}

func (e *CutError) Error() string {
	s := fmt.Sprintf("cut %d requests and %d streams", e.Requests, e.Streams)
	if e.Workers > 0 {
		s += fmt.Sprintf(" and %d workers", e.Workers)
	}
	if e.Outside > 0 {
		s += fmt.Sprintf(", and connections outside Handler of %d servers", e.Outside)
	}
	return s
}

// Report is what became of everything on the way out.
type Report struct {
	// Trigger is what started the way out: "signal: " and its name, "context",
	// "call" ([Drainer.Drain]) or "server" (one stopped by itself); empty when
	// Run could not start serving.
	Trigger   string
	Requests  Tally
	Streams   Tally
	Workers   Tally
	Told      int           // streams that were told to leave
	Cut       []CutRoute    // by route, most first
	Outside   int           // servers with active connections, cut, that Handler did not see
	Hooks     []HookResult  // in the order they ran
	Phases    Phases        // how long each took
	Shortened int           // phases that a further signal ended
	Left      time.Duration // of Budget.Needed(); below zero only by what the scheduler took
}

// Tally counts requests or streams from the beginning of draining:
// InFlight + Late = Finished + Cut. A request that becomes a stream on the way
// counts as a stream.
type Tally struct {
	InFlight int // when draining began
	Late     int // arrived afterwards, on connections that the client already had
	Finished int // the handler returned or panicked, and the hijacked connection, if any, was closed
	Cut      int
}

// CutRoute is what was cut of one route; see Options.Route.
type CutRoute struct {
	Route             string
	Requests, Streams int
	Workers           int
}

func (c CutRoute) String() string {
	if c.Workers > 0 {
		return fmt.Sprintf("%s: %d", c.Route, c.Workers)
	}
	return fmt.Sprintf("%s: %d requests, %d streams", c.Route, c.Requests, c.Streams)
}

func (c CutRoute) sum() int { return c.Requests + c.Streams + c.Workers }

// HookResult is how a hook ended.
type HookResult struct {
	Name     string
	Duration time.Duration
	Err      error // what the hook returned, its panic, ErrHookAbandoned or ErrHookSkipped
}

// Phases are the durations of the parts of the way out.
type Phases struct{ Withdraw, Drain, Flush time.Duration }

// Empty tells whether nothing was cut.
func (r Report) Empty() bool {
	return r.Requests.Cut == 0 && r.Streams.Cut == 0 && r.Workers.Cut == 0 && r.Outside == 0
}

// LogValue makes a Report one group of a log line.
func (r Report) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("trigger", r.Trigger),
		slog.Any("requests", r.Requests),
		slog.Any("streams", r.Streams),
		slog.Int("told", r.Told),
	}
	if r.Workers != (Tally{}) {
		attrs = append(attrs, slog.Any("workers", r.Workers))
	}
	if r.Outside > 0 {
		attrs = append(attrs, slog.Int("outside", r.Outside))
	}
	var cut, hooks []string
	for _, c := range r.Cut {
		cut = append(cut, c.String())
	}
	for _, h := range r.Hooks {
		hook := fmt.Sprintf("%s: %v", h.Name, h.Duration)
		if h.Err != nil {
			hook += ": " + h.Err.Error()
		}
		hooks = append(hooks, hook)
	}
	attrs = append(attrs,
		slog.Any("cut", cut),
		slog.Any("hooks", hooks),
		slog.Duration("withdraw", r.Phases.Withdraw),
		slog.Duration("drain", r.Phases.Drain),
		slog.Duration("flush", r.Phases.Flush),
		slog.Int("shortened", r.Shortened),
		slog.Duration("left", r.Left))
	return slog.GroupValue(attrs...)
}

// LogValue makes a Tally a group of four numbers.
func (t Tally) LogValue() slog.Value {
	return slog.GroupValue(slog.Int("in_flight", t.InFlight), slog.Int("late", t.Late),
		slog.Int("finished", t.Finished), slog.Int("cut", t.Cut))
}

// err joins what went wrong: the servers' errors, the cut, the hooks.
func (r Report) err(servers []error) error {
	errs := servers
	if !r.Empty() {
		errs = append(errs, &CutError{Requests: r.Requests.Cut, Streams: r.Streams.Cut, Workers: r.Workers.Cut, Outside: r.Outside})
	}
	for _, h := range r.Hooks {
		if h.Err != nil {
			errs = append(errs, fmt.Errorf("hook %s: %w", h.Name, h.Err))
		}
	}
	return errors.Join(errs...)
}
