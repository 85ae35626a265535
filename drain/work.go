package drain

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// ErrLeaving is the error of [Drainer.Begin] when nothing is served any more.
var ErrLeaving = errors.New("drain: no more work, since the process leaves")

// Begin counts a piece of work that did not come through [Drainer.Handler]: a
// message of a queue, a call of another protocol. It is in flight like a
// request until done is called, which is to be called once; further calls do
// nothing. [Leaving] and [Stream] take its context, which ends with ErrCut if
// the work is cut. name is its route in the Report.
//
// Work may begin until flushing: what the client had sent before it could know
// has to be served. Consumers stop fetching when the process leaves; see
// [Drainer.Worker].
func (d *Drainer) Begin(ctx context.Context, name string) (work context.Context, done func(), err error) {
	return d.start(ctx, plain, name)
}

func (d *Drainer) start(ctx context.Context, k kind, name string) (work context.Context, done func(), err error) {
	q := &request{ledger: &d.ledger, kind: k, origin: origin{route: func(*http.Request) string { return name }}}
	ctx, q.cancel = context.WithCancelCause(ctx)
	if !d.ledger.enter(q) {
		q.cancel(ErrLeaving)
		return ctx, func() {}, ErrLeaving
	}
	ended := make(chan struct{}, 1)
	ended <- struct{}{}
	done = func() {
		select {
		case <-ended:
			d.ledger.exit(q)
			q.cancel(nil)
		default: // was called before
		}
	}
	return context.WithValue(ctx, requestKey{}, q), done, nil
}

// Worker registers f, which Run starts once it serves, and waits for on the way
// out as for a request: told to leave when draining begins, cut after
// Budget.Requests.
//
//	d.Worker("orders", func(ctx context.Context) error {
//		for {
//			select {
//			case <-drain.Leaving(ctx):
//				return nil // between two messages
//			case m := <-orders:
//				handle(ctx, m) // finishes: ctx only ends when it is cut
//			}
//		}
//	})
//
// The error of an f that returns by itself is logged, and no reason to leave. A
// worker that is registered when Run has begun is not started.
func (d *Drainer) Worker(name string, f func(context.Context) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.workers = append(d.workers, worker{name, f})
}

type worker struct {
	name string
	run  func(context.Context) error
}

// startWorkers starts those that were registered.
func (d *Drainer) startWorkers(ctx context.Context) {
	d.mu.Lock()
	workers := d.workers
	d.mu.Unlock()
	for _, w := range workers {
		ctx, done, err := d.start(ctx, idler, "worker "+w.name)
		if err != nil {
			continue // the way out is over already
		}
		go func() {
			defer done()
			if err := w.run(ctx); err != nil && !errors.Is(err, ErrCut) {
				d.logger().Error("a worker has ended", "worker", w.name, "error", fmt.Sprint(err))
			}
		}()
	}
}

// Codes of a WebSocket's Close for clients that shall connect again (RFC 6455,
// 7.4.1, and the IANA registry it began).
const (
	CloseGoingAway      = 1001
	CloseServiceRestart = 1012
)

// OnLeaving calls f in a goroutine of its own when the request of ctx is told to
// leave (see [Leaving]): the way to close a WebSocket in the words of whatever
// library holds it.
//
//	stop := drain.OnLeaving(r.Context(), func() { ws.Close(drain.CloseServiceRestart, "restart") })
//	defer stop()
//
// stop ends the waiting, without waiting for an f that runs; it is to be called
// when the connection has ended, and may be called more than once.
func OnLeaving(ctx context.Context, f func()) (stop func()) {
	leaving := Leaving(ctx)
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		select {
		case <-leaving:
			f()
		case <-ctx.Done():
		}
	}()
	return cancel
}
