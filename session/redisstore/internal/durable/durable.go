package durable

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/session/redisstore/internal/link"
)

// Options of a Group. The zero value waits for nobody.
type Options struct {
	Replicas int              // that must acknowledge; 0 is off
	Timeout  time.Duration    // the longest that Wait takes; 0 is 100 ms
	Strict   bool             // fewer than Replicas is an *Error
	Hook     func(link.Event) // is told of every degraded commit; nil is none; it must be fast
}

// Degraded is the kind of the event for a commit that fewer replicas than
// Options.Replicas have acknowledged.
const Degraded link.Kind = "degraded"

// shortest is the least Timeout: WAIT counts milliseconds, and 0 is for ever.
const shortest = 5 * time.Millisecond

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = 100 * time.Millisecond
	}
	if o.Hook == nil {
		o.Hook = func(link.Event) {}
	}
	return o
}

// Error is what Wait returns in strict mode. The master has applied the commit,
// so its outcome is open: it survives if that master does, or if a replica that
// has it is promoted. Trying again is for whoever can tell a repeated commit.
type Error struct {
	Acked, Asked int
	Cause        error // why it is unknown whether there are more than Acked; nil if it is not
}

func (e *Error) Error() string {
	s := fmt.Sprintf("the commit was applied, but %d of %d replicas acknowledged it", e.Acked, e.Asked)
	if e.Cause != nil {
		s += fmt.Sprintf("; whether others have it is unknown: %v", e.Cause)
	}
	return s
}

// Unwrap returns Cause.
func (e *Error) Unwrap() error { return e.Cause }

// A Group waits for replicas on behalf of everybody who commits through one
// link. Its methods are safe for concurrent use. Make it with New.
type Group struct {
	link   *link.Link
	opt    Options
	plan   plan
	counts counts

	mu      sync.Mutex
	queues  map[string][]*waiter // by address of the master; there while its goroutine is
	closed  bool
	running sync.WaitGroup
}

// New does not dial, and starts no goroutine: Wait does. The link stays the
// caller's, who closes it after the Group.
func New(l *link.Link, opt Options) (*Group, error) {
	switch {
	case opt.Replicas < 0:
		return nil, fmt.Errorf("durable: Options.Replicas is %d: give 0 for none", opt.Replicas)
	case opt.Timeout < 0, opt.Timeout > 0 && opt.Timeout < shortest:
		return nil, fmt.Errorf("durable: Options.Timeout is %v: give at least %v, or 0 for 100 ms", opt.Timeout, shortest)
	case opt.Strict && opt.Replicas == 0:
		return nil, errors.New("durable: Options.Strict without Options.Replicas: say how many have to acknowledge")
	}
	return &Group{link: l, opt: opt.withDefaults(), plan: writeAndWait, queues: map[string][]*waiter{}}, nil
}

// A Token is what was known of the master before a commit. The zero Token
// vouches for nothing.
type Token struct {
	term link.Term
	err  error // why there is none
}

// Before is called before the commit to key, by whoever will Wait. It asks the
// server only if it does not know yet who that is; what fails there is for Wait
// to tell.
func (g *Group) Before(ctx context.Context, key string) Token {
	if g.opt.Replicas == 0 {
		return Token{}
	}
	t, err := g.link.Term(ctx, key)
	return Token{t, err}
}

// Wait is called after the commit to key was answered, with the token from
// before it, and returns how many replicas have acknowledged it, as far as is
// known. Fewer than Options.Replicas is degraded: an error only in strict mode.
// key must have a hash tag; the round may write the key "{tag}w" beside it,
// which expires by itself. If ctx ends, the answer is degraded.
//
// Without Options.Replicas it does nothing and returns 0.
func (g *Group) Wait(ctx context.Context, key string, t Token) (acked int, err error) {
	if g.opt.Replicas == 0 {
		return 0, nil
	}
	r := g.wait(ctx, key, t)
	if r.err == nil && r.acked >= g.opt.Replicas {
		g.counts.acknowledged.Add(1)
		return r.acked, nil
	}
	return r.acked, g.degraded(r, t.term.Node())
}

func (g *Group) wait(ctx context.Context, key string, t Token) result {
	switch {
	case t.err != nil:
		return result{err: t.err}
	case !t.term.Holds():
		return result{err: errTerm}
	case beside(key) == "":
		return result{err: errNoTag}
	}
	ctx, cancel := context.WithTimeout(ctx, g.opt.Timeout)
	defer cancel()
	w := &waiter{key: key, term: t.term, left: ctx.Done(), done: make(chan result, 1)}
	if !g.enqueue(w) {
		return result{err: errClosed}
	}
	select {
	case r := <-w.done:
		return r
	case <-ctx.Done():
		return result{err: ctx.Err()}
	}
}

func (g *Group) degraded(r result, node string) error {
	g.counts.degraded.Add(1)
	if r.err != nil {
		g.counts.unknown.Add(1)
	}
	e := &Error{Acked: r.acked, Asked: g.opt.Replicas, Cause: r.err}
	g.opt.Hook(link.Event{Kind: Degraded, Node: node, Text: e.Error(), Count: 1})
	if g.opt.Strict {
		return e
	}
	return nil
}

var (
	errTerm   = errors.New("the master may have changed between the commit and its acknowledgement")
	errNoTag  = errors.New("the key has no hash tag {…}")
	errClosed = errors.New("waiting for replicas has ended: the store is closed")
)

// beside is the key that rounds write, in the Cluster slot of key; "" if key
// has no hash tag.
func beside(key string) string {
	open := strings.IndexByte(key, '{')
	if open < 0 {
		return ""
	}
	if n := strings.IndexByte(key[open:], '}'); n > 1 {
		return key[:open+n+1] + "w"
	}
	return ""
}

// Close ends the rounds and waits for the one on its way, at most
// Options.Timeout and a second. Later, and to whoever waits for the next round,
// the answer is degraded.
func (g *Group) Close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.running.Wait()
}
