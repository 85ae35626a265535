// Package crowd is the load of a scale-in: clients who each wait for their
// answer, retry nothing, keep the first cookie that they are given, and hold
// streams open.
//
//	c := crowd.New(crowd.LoadB(addr), "b")
//	c.Start(ctx)
//	c.Event() // from now on target b goes away
//	c.Finish()
//	r := c.Result()
//
// # Guarantees
//
//   - A request is sent once. A client whose connection was refused asks the
//     next address; any other failure counts.
package crowd

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options say who uses the service. Of the fields for numbers zero is none.
type Options struct {
	Addrs   []string // each client prefers one of them
	Getters int
	Slow    int // requests of 2 s
	Posters int
	Sockets int // WebSockets with an echo every 100 ms
	Events  int // event streams
	// Forgetful clients send GETs and POSTs, and forget their cookie now and
	// then, as new clients have none.
	Forgetful int
	Think     time.Duration
	// Blind clients send on a kept connection without a look whether it was
	// closed meanwhile, as browsers look: who serves them must ask them to
	// close, and wait for it.
	Blind bool
	// MayLeave says that streams may be ended in good order by the proxy: it is
	// what goes away, not a target.
	MayLeave bool
}

// LoadB are 70 clients that ask all the time, slow requests and 20 streams.
func LoadB(addrs ...string) Options {
	return Options{Addrs: addrs, Getters: 40, Posters: 30, Slow: 8, Sockets: 10, Events: 10, Think: 8 * time.Millisecond}
}

const patient = 10 * time.Second

// Crowd is the clients of one run.
type Crowd struct {
	opt     Options
	leaving []string // targets
	event   atomic.Bool
	posts   atomic.Int64
	wait    sync.WaitGroup
	stop    context.CancelFunc

	mu    sync.Mutex
	sum   Result
	first error
	calm  []time.Duration // of fast requests before the event
	after []time.Duration
}

// Result is what the clients met.
type Result struct {
	Requests    int
	Failed      int
	FailedPOSTs []string // ids
	StreamsCut  int      // of targets that stay; or of any, before the event
	StreamsTorn int      // of targets that leave: not ended by a Close frame or a last chunk
	StreamsLeft int      // ended in good order
	Moves       int      // away from a target that stays
	FromLeaving int      // answers of targets that leave
	CalmP99     time.Duration
	EventP99    time.Duration // since the event
}

// New is a crowd before its start. Targets that leave are named.
func New(opt Options, leaving ...string) *Crowd { return &Crowd{opt: opt, leaving: leaving} }

// Start starts all clients.
func (c *Crowd) Start(ctx context.Context) {
	ctx, c.stop = context.WithCancel(ctx)
	next := 0
	run := func(n int, f func(context.Context, *client)) {
		for range n {
			cl := &client{Crowd: c, prefers: next % len(c.opt.Addrs)}
			next++
			c.wait.Go(func() {
				defer cl.drop()
				pause(ctx, rand.N(c.opt.Think+1))
				f(ctx, cl)
			})
		}
	}
	run(c.opt.Getters, func(ctx context.Context, cl *client) { cl.work(ctx, cl.fast) })
	run(c.opt.Slow, func(ctx context.Context, cl *client) { cl.work(ctx, cl.slow) })
	run(c.opt.Posters, func(ctx context.Context, cl *client) { cl.work(ctx, cl.post) })
	run(c.opt.Forgetful, func(ctx context.Context, cl *client) { cl.work(ctx, cl.forgetful) })
	run(c.opt.Sockets, func(ctx context.Context, cl *client) { cl.hold(ctx, cl.socket) })
	run(c.opt.Events, func(ctx context.Context, cl *client) { cl.hold(ctx, cl.events) })
}

// Event says that targets, or proxies, leave from now on.
func (c *Crowd) Event() { c.event.Store(true) }

// Finish lets each client end what it does.
func (c *Crowd) Finish() {
	c.stop()
	c.wait.Wait()
}

// Result is that of what has ended by now.
func (c *Crowd) Result() Result {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.sum
	r.FailedPOSTs = slices.Clone(r.FailedPOSTs)
	r.CalmP99, r.EventP99 = p99(c.calm), p99(c.after)
	return r
}

// Clean is an error if anything went wrong by now.
func (c *Crowd) Clean() error {
	r := c.Result()
	if r.Failed == 0 && r.StreamsCut == 0 && r.StreamsTorn == 0 && r.Moves == 0 {
		return nil
	}
	return fmt.Errorf("of %d requests %d failed, %d streams were cut, %d clients moved; first: %w",
		r.Requests, r.Failed, r.StreamsCut+r.StreamsTorn, r.Moves, c.First())
}

// First is why the first failure failed.
func (c *Crowd) First() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.first
}

// answered counts a request; err is why it failed, and post its id.
func (c *Crowd) answered(post string, took time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sum.Requests++
	if err == nil {
		if took > 0 && c.event.Load() {
			c.after = append(c.after, took)
		} else if took > 0 {
			c.calm = append(c.calm, took)
		}
		return
	}
	c.remember(err)
	c.sum.Failed++
	if post != "" {
		c.sum.FailedPOSTs = append(c.sum.FailedPOSTs, post)
	}
}

// remember keeps the first failure; mu is held.
func (c *Crowd) remember(err error) {
	if c.first == nil {
		c.first = err
	}
}

// streamEnded counts a stream that began, and whose end its client did not
// want. A nil error is an end in good order.
func (c *Crowd) streamEnded(on string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	event, leaves := c.event.Load(), slices.Contains(c.leaving, on)
	switch {
	case !event || !leaves && !c.opt.MayLeave:
		c.sum.StreamsCut++
	case err != nil:
		c.sum.StreamsTorn++
	default:
		c.sum.StreamsLeft++
		return
	}
	if err == nil {
		err = fmt.Errorf("the stream ended")
	}
	c.remember(fmt.Errorf("stream of %s: %w", on, err))
}

func p99(list []time.Duration) time.Duration {
	if len(list) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(list))
	return s[len(s)*99/100]
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
