package main

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/bench/measure"
)

// drive makes the users, measures them idle, then lets each send by an absolute
// schedule.
func (l load) drive(ctx context.Context, user func() (send, error)) (result, error) {
	before := memory()
	users := make([]send, l.Users)
	for i := range users {
		var err error
		if users[i], err = user(); err != nil {
			return result{}, err
		}
		if err := users[i](ctx); err != nil {
			return result{}, err
		}
	}
	r := result{Requests: int64(l.Users), IdleBytes: (memory() - before) / float64(l.Users)}
	stop, err := l.profiled()
	if err != nil {
		return r, err
	}
	defer stop()
	began, err := measure.SelfCPU()
	if err != nil {
		return r, err
	}
	late, err := l.schedule(ctx, users)
	if err != nil {
		return r, err
	}
	ended, err := measure.SelfCPU()
	r.Requests += int64(len(late))
	r.US = measure.Micros(ended-began, int64(len(late)))
	r.Late = lateness(late)
	runtime.KeepAlive(users)
	return r, err
}

// schedule lets the users send, spread evenly, and returns by how much each
// request was begun too late.
func (l load) schedule(ctx context.Context, users []send) ([]time.Duration, error) {
	every := time.Duration(float64(l.Users) / l.Rate * float64(time.Second))
	start := time.Now()
	var wait sync.WaitGroup
	late := make([][]time.Duration, len(users))
	failed := make([]error, len(users))
	for i, u := range users {
		wait.Go(func() {
			for due := every * time.Duration(i) / time.Duration(len(users)); due < l.Span; due += every {
				time.Sleep(due - time.Since(start))
				late[i] = append(late[i], time.Since(start)-due)
				if failed[i] = u(ctx); failed[i] != nil {
					return
				}
			}
		})
	}
	wait.Wait()
	return slices.Concat(late...), errors.Join(failed...)
}

// memory is what Go's heap and stacks hold, after collections that empty the
// pools.
func memory() float64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}

// lateness sorts d.
func lateness(d []time.Duration) late {
	slices.Sort(d)
	at := func(perMille int) float64 {
		if len(d) == 0 {
			return 0
		}
		return float64(d[min(len(d)*perMille/1000, len(d)-1)].Microseconds()) / 1000
	}
	return late{at(500), at(990), at(999)}
}
