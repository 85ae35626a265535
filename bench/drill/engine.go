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
const settled = 2 * time.Second

// runEngine runs the engine's load as the drill does.
func runEngine(ctx context.Context, addr string, l load) (result, error) {
	d := &dialect{}
	run, err := engine.New(engine.Options{
		Targets: []string{"http://" + addr}, Dialect: d, Users: l.Users, Pace: engine.Pace{Rate: l.Rate},
		Duration: settled + l.Span, Seed: 1,
	})
	if err != nil {
		return result{}, err
	}
	over := make(chan error, 1)
	go func() { over <- run.Run(ctx, func(history.Op) {}) }()
	time.Sleep(settled)
	began, first, err := used(run)
	if err != nil {
		return result{}, err
	}
	d.forget()
	time.Sleep(l.Span)
	ended, last, err := used(run)
	r := result{US: measure.Micros(ended-began, last-first), LatenessMS: d.lateness()}
	if err := errors.Join(err, <-over); err != nil {
		return r, err
	}
	s := run.Stats()
	r.Requests, r.Shed = s.Sent, s.Shed
	if s.Failed > 0 {
		err = fmt.Errorf("%d requests failed", s.Failed)
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
}

// Offers: sign in, write, read.
func (d *dialect) Offers(k history.Kind) bool {
	return k == history.Login || k == history.Append || k == history.State
}

// Request is the same for all.
func (d *dialect) Request(engine.Call) engine.Request {
	return engine.Request{Method: http.MethodGet, Path: path}
}

// Read takes every answer as the expected one.
func (d *dialect) Read(op *history.Op, x *engine.Exchange) {
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
}

func (d *dialect) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.late = nil
}

// lateness is the p99 since the last forget.
func (d *dialect) lateness() float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return p99(d.late)
}
