package session

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Calls of the store: bounded by the budget, detached from the client (so that
// a browser that goes away neither loses an accepted write nor looks like a
// failing store), counted, and repeated where that is safe.

const (
	// maxSettle bounds what a commit may take beyond the budget to find out
	// what became of its first attempt.
	maxSettle = 500 * time.Millisecond
	maxSends  = 3 // of one commit with an open outcome
)

// answered tells whether err is an answer of the store, after which nothing
// is open.
func answered(err error) bool {
	if _, is := unavailable(err); is {
		return false
	}
	for _, e := range []error{ErrNotFound, ErrSuperseded, ErrExists, ErrConflict, ErrType, ErrLimit, ErrPrincipal, ErrMalformed, ErrFormat, ErrTooMany} {
		if errors.Is(err, e) {
			return true
		}
	}
	return errors.As(err, new(ErrGone)) || errors.As(err, new(ErrLate))
}

// absent tells whether err says that there certainly is no such session.
func absent(err error) bool {
	if _, refused := unavailable(err); refused || err == nil {
		return false
	}
	return errors.Is(err, ErrNotFound) || errors.As(err, new(ErrGone))
}

// superseded tells whether err says that what was presented has been renewed.
func superseded(err error) bool {
	_, refused := unavailable(err)
	return !refused && errors.Is(err, ErrSuperseded)
}

// load is bounded by the budget; unlike commit it ends with ctx.
func (m *Manager) load(ctx context.Context, key Key, opt LoadOptions) (*Record, error) {
	ctx, cancel := context.WithTimeout(ctx, m.opt.Budget)
	defer cancel()
	rec, err := m.store.Load(ctx, key, opt)
	m.count.loads.Add(1)
	_, refused := unavailable(err)
	switch {
	case err == nil:
		m.clock.learn(rec.Now)
		m.answers()
		m.rolledBack(opt.Floor, rec)
		return rec, nil
	case refused:
		return nil, m.loadFails(err)
	case errors.Is(err, ErrNotFound):
		m.count.absent.Add(1)
		m.lost(opt.Floor)
	case errors.As(err, new(ErrGone)):
		m.count.gone.Add(1)
	case errors.Is(err, ErrSuperseded):
		m.count.superseded.Add(1)
	case errors.Is(ctx.Err(), context.Canceled):
		return nil, ctx.Err() // we did not wait for the answer
	default:
		return nil, m.loadFails(err)
	}
	m.answers()
	return nil, err
}

// loadFails takes note of a load without an answer.
func (m *Manager) loadFails(err error) error {
	m.count.loadFailures.Add(1)
	if !errors.Is(err, ErrFormat) {
		m.fails(err)
	}
	return fmt.Errorf("session: load: %w", err)
}

// outcomeError is the error of a write that may have happened, and if it has
// not by the time the error is returned, never will.
type outcomeError struct{ cause error }

func (e *outcomeError) Error() string { return "outcome of the commit is unknown: " + e.cause.Error() }
func (e *outcomeError) Unwrap() error { return e.cause }

// commit applies c at most once, and leaves in it what was applied. Its error
// is one that the store answered, an ErrUnavailable, after which nothing was
// sent, or an *outcomeError.
//
// NotAfter always stands for the same local deadline, so that whatever is
// still on the way when commit gives up is refused by the store.
func (m *Manager) commit(ctx context.Context, key Key, c *Change) (Result, error) {
	ctx = context.WithoutCancel(ctx)
	c.WriteID = randomName()
	c.Limits = m.opt.Limits
	deadline := time.Now().Add(m.opt.Budget + min(m.opt.Budget, maxSettle))
	late := false
	for sends := 1; ; sends++ {
		result, err := m.send(ctx, key, c, deadline)
		_, refused := unavailable(err)
		tooLate := !refused && errors.As(err, new(ErrLate))
		switch {
		case err == nil:
			return result, nil
		case refused && !c.Retry:
			return Result{}, fmt.Errorf("session: commit: %w", err)
		case tooLate && !late && time.Now().Before(deadline):
			late = true // it was the clock, perhaps; send has learnt
			c.shift(m.clock.now().Sub(c.NotAfter) + time.Until(deadline))
			continue
		case answered(err) && (!c.Retry || !tooLate):
			return Result{}, err
		case !refused && errors.Is(err, ErrUnknown) || sends >= maxSends || !pause(sends, deadline):
			m.count.unknown.Add(1)
			return Result{}, &outcomeError{cause: err}
		}
		c.Retry = true
	}
}

// shift moves the limits of a change that was made by a wrong clock.
func (c *Change) shift(d time.Duration) {
	if c.Start != nil && !c.Start.Absolute.IsZero() {
		start := *c.Start
		start.Absolute = start.Absolute.Add(d)
		c.Start = &start
	}
	if c.SignIn != nil && !c.SignIn.Absolute.IsZero() {
		in := *c.SignIn
		in.Absolute = in.Absolute.Add(d)
		c.SignIn = &in
	}
}

// pause waits before the next attempt; false is that no time is left for it.
func pause(sends int, deadline time.Time) bool {
	d := time.Duration(sends) * time.Duration(5+rand.IntN(5)) * time.Millisecond
	if !time.Now().Add(d).Before(deadline) {
		return false
	}
	time.Sleep(d)
	return true
}

func (m *Manager) send(ctx context.Context, key Key, c *Change, deadline time.Time) (Result, error) {
	left := time.Until(deadline)
	ctx, cancel := context.WithTimeout(ctx, min(left, m.opt.Budget))
	defer cancel()
	c.NotAfter = m.clock.now().Add(left)
	m.count.commits.Add(1)
	if c.Retry {
		m.count.retries.Add(1)
	}
	result, err := m.store.Commit(ctx, key, *c)
	if _, refused := unavailable(err); refused {
		m.fails(err)
		return Result{}, err
	}
	var tooLate ErrLate
	switch {
	case err == nil:
		m.clock.learn(result.Now)
		if result.Degraded {
			m.count.degraded.Add(1)
		}
	case errors.As(err, &tooLate):
		m.count.late.Add(1)
		m.clock.learn(tooLate.Now)
	case errors.Is(err, ErrSuperseded):
		m.count.superseded.Add(1)
	}
	switch {
	case err == nil:
		m.answers()
	case answered(err):
		m.count.refused.Add(1)
		m.answers()
	case !errors.Is(err, ErrUnknown):
		m.fails(err)
	}
	return result, err
}

// answers and fails log when the store's state changes, not every call.
func (m *Manager) answers() {
	if m.down.Load() && m.down.CompareAndSwap(true, false) {
		m.opt.Logger.Info("session store answers again")
	}
}

func (m *Manager) fails(err error) {
	if _, is := unavailable(err); is {
		m.count.unavailable.Add(1)
	}
	if errors.Is(err, context.Canceled) {
		return // somebody stopped waiting, which says nothing of the store
	}
	if m.down.CompareAndSwap(false, true) {
		m.opt.Logger.Error("session store does not answer", "error", err)
	}
}
