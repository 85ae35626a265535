package link

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/redis/rueidis"
)

// Call runs f with the client for key: f's commands must all be for the node of
// key, or for that key alone in a Cluster. The context that f gets has a
// deadline, of 2 s if ctx has none.
//
// It returns session.ErrUnavailable if f was not called, so that nothing was
// sent: the breaker of the node is open, there is no connection or the server
// will not do (the Cause says which), too many calls are in flight, or ctx
// ended before. An error of f that is a failure of the server or of the way to
// it is returned as an *Error that wraps it, any other as it is.
func (l *Link) Call(ctx context.Context, key string, f func(context.Context, rueidis.Client) error) error {
	return l.call(ctx, l.plain, key, f)
}

// Tracked is Call on the client that tracks: keys that f reads and somebody
// else changes later are told to Options.OnInvalidate. There is one connection
// to each node, on which a change made after an answer is told after it.
func (l *Link) Tracked(ctx context.Context, key string, f func(context.Context, rueidis.Client) error) error {
	return l.call(ctx, l.tracked, key, f)
}

func (l *Link) call(ctx context.Context, c *client, key string, f func(context.Context, rueidis.Client) error) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	n, err := l.topology.of(ctx, key)
	if err != nil {
		return err
	}
	return n.run(ctx, c, f)
}

func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, callLimit)
}

// Ping asks every master over the connection that tracks. Without an error all
// have answered that they are masters, and every change that they made before
// sent, which is a time before the first was asked, has been told to
// Options.OnInvalidate.
func (l *Link) Ping(ctx context.Context) (sent time.Time, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	masters, err := l.topology.masters(ctx)
	if err != nil {
		return time.Time{}, err
	}
	sent = time.Now()
	errs := make([]error, len(masters))
	var wg sync.WaitGroup
	for i, n := range masters[1:] {
		wg.Go(func() { errs[i+1] = l.ping(ctx, n) })
	}
	errs[0] = l.ping(ctx, masters[0])
	wg.Wait()
	return sent, errors.Join(errs...)
}

func (l *Link) ping(ctx context.Context, n *node) error {
	return n.run(ctx, l.tracked, func(ctx context.Context, _ rueidis.Client) error {
		r, err := l.tracked.only(n)
		if err != nil {
			return err
		}
		if err := n.tracks(ctx, r); err != nil {
			return err
		}
		role, err := r.Do(ctx, r.B().Role().Build()).ToArray()
		if reply, ok := rueidis.IsRedisErr(err); ok {
			if f, _ := classifyReply(reply.Error()); f.outcome() == answered {
				return nil // ROLE is not to be had here, but this is an answer too
			}
		}
		if err != nil {
			return err
		}
		if name, _ := role[0].ToString(); name != "master" {
			l.opt.OnInvalidate(nil)
			return &Error{Failure: ReadOnly, Node: n.name(), Err: fmt.Errorf("it is a %s now", name)}
		}
		return nil
	})
}

// Each runs f for every master, one after the other, also after errors, which
// it joins. In a Cluster the client that f gets is for that node alone and does
// not follow a key elsewhere. f sets the deadlines of its commands itself.
func (l *Link) Each(ctx context.Context, f func(context.Context, rueidis.Client) error) error {
	masters, err := l.topology.masters(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, n := range masters {
		errs = append(errs, l.visit(ctx, n, f))
	}
	return errors.Join(errs...)
}

func (l *Link) visit(ctx context.Context, n *node, f func(context.Context, rueidis.Client) error) error {
	if err := n.reach(ctx, l.plain); err != nil {
		return err
	}
	r, err := l.plain.only(n)
	if err != nil {
		return err
	}
	return n.report(ctx, l.plain, f(ctx, r))
}

// Node is the address of the master that has key. Without Sentinels or a
// Cluster that is what the URL says, and nothing is asked.
func (l *Link) Node(ctx context.Context, key string) (string, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	n, err := l.topology.of(ctx, key)
	if err == nil && l.at.mode == sentinel {
		err = n.reach(ctx, l.plain)
	}
	if err != nil {
		return "", err
	}
	return n.name(), nil
}

// dedicatedLimit is how many connections to one node Dedicated uses at once;
// more have to wait.
const dedicatedLimit = 16

// Dedicated runs f with a connection of its own to the node of key. In a Cluster
// the first command must have that key. Of errors, see Call.
func (l *Link) Dedicated(ctx context.Context, key string, f func(context.Context, rueidis.DedicatedClient) error) error {
	n, err := l.topology.of(ctx, key)
	if err != nil {
		return err
	}
	if err := n.reach(ctx, l.plain); err != nil {
		return err
	}
	d, release, err := l.dedicate(ctx, n)
	if err != nil {
		return session.ErrUnavailable{Cause: err}
	}
	defer release()
	return n.report(ctx, l.plain, f(ctx, d))
}

// dedicate does not outlast ctx, which rueidis does not know here.
func (l *Link) dedicate(ctx context.Context, n *node) (rueidis.DedicatedClient, func(), error) {
	type loan struct {
		d       rueidis.DedicatedClient
		release func()
	}
	lent := make(chan loan)
	if !l.spawn(func() {
		d, release := l.plain.rueidis().Dedicate()
		select {
		case lent <- loan{d, release}:
		case <-ctx.Done():
			release()
		}
	}) {
		return nil, nil, errClosed
	}
	select {
	case got := <-lent:
		return got.d, got.release, nil
	case <-ctx.Done():
		return nil, nil, &Error{Failure: Crowded, Node: n.name(), Err: ctx.Err()}
	}
}
