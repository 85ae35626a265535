package link

import (
	"context"
	"sync"
)

// flight does one piece of work at a time for everybody who wants it done. Its
// zero value is ready.
type flight struct {
	mu  sync.Mutex
	now *attempt // nil while nothing is being done
}

type attempt struct {
	done chan struct{} // closed when err is set
	err  error
}

// do starts the work in a goroutine of run, unless it is being done already,
// and waits for its end or that of ctx. The work goes on when ctx ends.
func (f *flight) do(ctx context.Context, run func(func()) bool, work func() error) error {
	a := f.start(run, work)
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// start is do without the waiting.
func (f *flight) start(run func(func()) bool, work func() error) *attempt {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now != nil {
		return f.now
	}
	a := &attempt{done: make(chan struct{}), err: errClosed}
	if !run(func() {
		err := work()
		f.mu.Lock()
		f.now = nil
		f.mu.Unlock()
		a.err = err
		close(a.done)
	}) {
		close(a.done)
		return a
	}
	f.now = a
	return a
}
