package engine

import (
	"context"
	"sync/atomic"
)

// maxWaiting bounds the goroutines that wait for work.
const maxWaiting = 256

// crew hands operations to goroutines that have performed others before: their
// stacks have grown already, which a new one's does at a cost of microseconds.
type crew struct {
	handed  chan task
	waiting atomic.Int64
}

// task is an operation to be performed.
type task struct {
	v *virtual
	a *action
}

// hand has the operation performed at once, by a goroutine that waits or by a
// new one.
func (l *Load) hand(ctx context.Context, t task) {
	select {
	case l.crew.handed <- t:
	default:
		l.workers.Go(func() {
			l.perform(ctx, t.v, t.a)
			l.await(ctx)
		})
	}
}

// await performs what is handed over until there is no more or enough others
// wait.
func (l *Load) await(ctx context.Context) {
	for l.crew.waiting.Add(1) <= maxWaiting {
		t, more := <-l.crew.handed
		l.crew.waiting.Add(-1)
		if !more {
			return
		}
		l.perform(ctx, t.v, t.a)
	}
	l.crew.waiting.Add(-1)
}
