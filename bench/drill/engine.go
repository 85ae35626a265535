package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/bench/measure"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// settled is how long the engine runs before it is measured: by then users
// have begun, and opened the connections that their bursts need.
func (l load) settled() time.Duration { return l.ramp() + 2*time.Second }

func (l load) ramp() time.Duration { return time.Duration(l.Users) * time.Millisecond }

// connections of all users that may stay open: the server is another process,
// which may have as many files. What is in flight comes on top.
const connections = 12_000

// runEngine runs the engine's load as the drill does.
func runEngine(ctx context.Context, addr string, l load) (result, error) {
	d := &dialect{}
	run, err := engine.New(engine.Options{
		Targets: []string{"http://" + addr}, Dialect: d, Users: l.Users, Pace: engine.Pace{Rate: l.Rate, Ramp: l.ramp()},
		Duration: l.settled() + l.Span, Seed: 1,
		Client: engine.ClientOptions{Open: connections},
	})
	if err != nil {
		return result{}, err
	}
	over := make(chan error, 1)
	go func() { over <- run.Run(ctx, func(history.Op) {}) }()
	time.Sleep(l.settled())
	stop, err := l.profiled()
	if err != nil {
		return result{}, err
	}
	began, first, err := used(run)
	if err != nil {
		return result{}, err
	}
	d.forget()
	time.Sleep(l.Span)
	ended, last, err := used(run)
	stop()
	r := result{US: measure.Micros(ended-began, last-first), Late: d.lateness()}
	if err := errors.Join(err, <-over); err != nil {
		return r, err
	}
	s := run.Stats()
	r.Requests, r.Shed = s.Sent, s.Shed
	if s.Failed > 0 {
		err = fmt.Errorf("%d requests failed, the first: %s", s.Failed, d.failure)
	}
	return r, err
}

// used is the CPU of this process and the requests of the load, up to now.
func used(run *engine.Load) (time.Duration, int64, error) {
	cpu, err := measure.SelfCPU()
	return cpu, run.Stats().Sent, err
}

// dialect is one of a service that answers everything alike and knows no
// cookies. It notes how late requests were begun.
type dialect struct {
	mu   sync.Mutex
	late []time.Duration
	// failure is the first one.
	failure string
}

// Offers: sign in, write, read.
func (d *dialect) Offers(k history.Kind) bool {
	return k == history.Login || k == history.Append || k == history.State
}

// Perform sends the same request for all, and takes every answer as the
// expected one.
func (d *dialect) Perform(send engine.Send, _ engine.Call, op *history.Op) engine.Exchange {
	x := send(engine.Request{Method: http.MethodGet, Path: path})
	op.Call, op.Return, op.Status, op.Failure = x.Call, x.Return, x.Status, x.Failure
	op.Outcome = history.OK
	if x.Failure != nil {
		op.Outcome = history.Unknown
	}
	if op.Kind == history.State {
		op.Seen = &history.Seen{User: history.UserName(op.User)}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.late = append(d.late, x.Call-x.Due)
	if x.Failure != nil && d.failure == "" {
		d.failure = fmt.Sprintf("%s: %v", x.Failure.What, x.Err)
	}
	return x
}

func (d *dialect) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.late = nil
}

// lateness is that since the last forget.
func (d *dialect) lateness() late {
	d.mu.Lock()
	defer d.mu.Unlock()
	return lateness(d.late)
}
