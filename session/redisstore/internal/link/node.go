package link

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/redis/rueidis"
)

// inFlightLimit is how many calls may be on their way to one node over one
// connection. rueidis has room for 1,024, and blocks without a context beyond;
// calls that were given up stay in there until they are answered or the
// connection is ended.
const inFlightLimit = 512

// How long an open breaker stays open, up to twice as long by chance: after
// failures, and after one that only a person can end.
const (
	pause       = 250 * time.Millisecond
	repairPause = time.Second
)

// node is one master, or whatever the URL names while no master is known.
type node struct {
	link  *Link
	label atomic.Pointer[string]
	lines [2]line // of the plain and the tracked client
	check check

	trackingDue atomic.Int64 // Unix nanoseconds of the next look at the server's table of tracked keys

	mu      sync.Mutex
	breaker breaker
}

// line is the connection of one client to one node.
type line struct {
	places  chan struct{} // one is taken by every call in flight
	connect flight
	changed atomic.Uint64         // grows when a connection is lost
	good    atomic.Uint64         // what changed was when the server was last checked
	trouble atomic.Pointer[error] // of the last attempt to connect, nil if it succeeded
	asking  flight
	term    atomic.Pointer[Term] // nil while unknown
}

func newNode(l *Link, name string) *node {
	n := &node{link: l}
	n.label.Store(&name)
	for i := range n.lines {
		n.lines[i].places = make(chan struct{}, inFlightLimit)
		n.lines[i].changed.Store(1)
	}
	return n
}

// name is the node's address, see Error.Node.
func (n *node) name() string { return *n.label.Load() }

func (n *node) line(c *client) *line {
	if c.tracking {
		return &n.lines[1]
	}
	return &n.lines[0]
}

// run does one call: f is not called while the breaker is open, without a
// connection to a server that was checked, or when ctx has ended.
func (n *node) run(ctx context.Context, c *client, f func(context.Context, rueidis.Client) error) error {
	t, err := n.enter(ctx, c)
	if err != nil {
		return err
	}
	err = f(ctx, c.rueidis())
	if t.probe && isTimeout(err) {
		c.disconnect(n) // its peer may have vanished without a word
	}
	return n.leave(ctx, c, t, err)
}

// reach makes sure that there is a connection. It is for those who then use the
// server for longer than a probe may take.
func (n *node) reach(ctx context.Context, c *client) error {
	t, err := n.enter(ctx, c)
	if err != nil {
		return err
	}
	if !t.probe {
		<-n.line(c).places // nothing was asked, so there is nothing to conclude
		return nil
	}
	r, err := c.only(n)
	if err == nil {
		err = r.Do(ctx, r.B().Ping().Build()).Error()
	}
	return n.leave(ctx, c, t, err)
}

// report takes the result of what was done after reach.
func (n *node) report(ctx context.Context, c *client, err error) error {
	n.mu.Lock()
	t := ticket{epoch: n.breaker.epoch}
	n.mu.Unlock()
	return n.judge(ctx, c, t, err)
}

// enter is the way to the connection. Its errors mean that nothing was sent.
func (n *node) enter(ctx context.Context, c *client) (ticket, error) {
	n.link.counts.calls.Add(1)
	if err := ctx.Err(); err != nil {
		return ticket{}, session.ErrUnavailable{Cause: err}
	}
	ln := n.line(c)
	if err := n.take(ctx, ln); err != nil {
		return ticket{}, err
	}
	t, err := n.admit()
	if err != nil {
		<-ln.places
		return ticket{}, err
	}
	if n.ready(c) {
		return t, nil
	}
	err = ln.connect.do(ctx, n.link.spawn, func() error { return n.connect(c) })
	if err != nil {
		err = n.leave(ctx, c, t, ln.waited(n, err))
		return ticket{}, session.ErrUnavailable{RetryAfter: n.retryAfter(), Cause: err}
	}
	return t, nil
}

// ready tells whether the connection is the one that was checked.
func (n *node) ready(c *client) bool {
	ln := n.line(c)
	if ln.good.Load() != ln.changed.Load() {
		return false
	}
	return !c.tracking || n.link.at.mode != sentinel || n.link.agree()
}

// waited adds to the error of a caller who could not wait for a connection what
// the last attempt to make one came to.
func (ln *line) waited(n *node, err error) error {
	var already *Error // is that attempt's
	if last := ln.trouble.Load(); last != nil && isTimeout(err) && !errors.As(err, &already) {
		return &Error{Failure: Timeout, Node: n.name(), Hint: "the last attempt: " + (*last).Error(), Err: err}
	}
	return err
}

// take takes a place among the calls in flight, or waits for one.
func (n *node) take(ctx context.Context, ln *line) error {
	if n.link.closed() { // when places may be taken for good
		return session.ErrUnavailable{Cause: errClosed}
	}
	select {
	case ln.places <- struct{}{}:
	default:
		if err := n.wait(ctx, ln); err != nil {
			return err
		}
	}
	if n.link.closed() {
		<-ln.places
		return session.ErrUnavailable{Cause: errClosed}
	}
	return nil
}

func (n *node) wait(ctx context.Context, ln *line) error {
	if err := n.refusal(); err != nil {
		return err
	}
	select {
	case ln.places <- struct{}{}:
		return nil
	case <-n.link.life.Done():
		return session.ErrUnavailable{Cause: errClosed}
	case <-ctx.Done():
		n.link.counts.fail(Crowded)
		return session.ErrUnavailable{Cause: &Error{Failure: Crowded, Node: n.name(), Err: ctx.Err()}}
	}
}

func (n *node) admit() (ticket, error) {
	n.mu.Lock()
	t, ok := n.breaker.admit(time.Now())
	n.mu.Unlock()
	if !ok {
		return t, n.refusal()
	}
	return t, nil
}

// refusal is the error of calls while the breaker is open, else nil.
func (n *node) refusal() error {
	now := time.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.breaker.refuses(now) {
		return nil
	}
	n.link.counts.refused.Add(1)
	return session.ErrUnavailable{RetryAfter: n.breaker.retryAfter(now, pause), Cause: n.breaker.cause}
}

func (n *node) retryAfter() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.breaker.retryAfter(time.Now(), pause)
}

// leave ends a call that has entered: it gives back the place and the ticket,
// and returns the error as an *Error if the server is to blame for it.
func (n *node) leave(ctx context.Context, c *client, t ticket, err error) error {
	err = n.judge(ctx, c, t, err)
	<-n.line(c).places
	return err
}

// judge draws the consequences of a result.
func (n *node) judge(ctx context.Context, c *client, t ticket, err error) error {
	failure := asFailure(n.name(), err)
	o := answered
	switch {
	case err != nil && errors.Is(ctx.Err(), context.Canceled):
		o = unsaid
	case failure != nil:
		o = failure.Failure.outcome()
		err = failure
		n.link.counts.fail(failure.Failure)
		n.react(c, failure.Failure)
	default:
		n.check.evictionsDue(n)
	}
	n.settle(t, o, err)
	return err
}

// react ends connections that will not get better by themselves, and has the
// masters looked up where they may have changed.
func (n *node) react(c *client, f Failure) {
	switch f {
	case ReadOnly: // for both, or one would follow a name to the next master later than the other
		n.link.plain.disconnect(n)
		n.link.tracked.disconnect(n)
	case Unauthorized:
		c.disconnect(n)
	default:
	}
	if f.outcome() == failed || f == Moving {
		n.link.topology.stale()
	}
}

func (n *node) settle(t ticket, o outcome, cause error) {
	length := pause
	if o == refused {
		length = repairPause
	}
	length += rand.N(length)
	n.mu.Lock()
	did := n.breaker.done(t, o, cause, time.Now(), length)
	n.mu.Unlock()
	switch did {
	case opened:
		n.link.counts.opened.Add(1)
		n.link.opt.Logger.Warn("redis node does not serve, calls fail at once", "node", n.name(), "error", cause)
		n.link.opt.Hook(Event{Kind: BreakerOpen, Node: n.name(), Text: cause.Error()})
	case reclosed:
		n.link.opt.Logger.Info("redis node serves again", "node", n.name())
		n.link.opt.Hook(Event{Kind: BreakerClosed, Node: n.name()})
	case unchanged, reopened:
	}
}

// drain takes all places, so that nobody has one, or as many as it gets until
// the limit.
func (n *node) drain(limit <-chan time.Time) {
	for i := range n.lines {
		for range inFlightLimit {
			select {
			case n.lines[i].places <- struct{}{}:
			case <-limit:
				return
			}
		}
	}
}
