package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// ErrStarts is the error of a commit that would start more sessions than
// Options.MaxStarts allows.
var ErrStarts = errors.New("too many new sessions")

// Manager gives the requests of one service their sessions. All methods are
// safe for concurrent use. It has no goroutine of its own and needs no Close.
type Manager struct {
	store      Store
	principals Principals // the store's ability, nil if it has none
	opt        Options
	via        transport
	clock      clock
	starts     bucket
	down       atomic.Bool  // the last call of the store brought no answer
	lossLogged atomic.Int64 // when, Unix ns
	count      counters
}

// New returns a manager of the sessions in store. It calls nothing and starts
// nothing; its error lists all that is wrong with opt.
func New(store Store, opt Options) (*Manager, error) {
	if store == nil {
		return nil, errors.New("session: New needs a store")
	}
	opt = opt.withDefaults()
	principals, able := store.(Principals)
	err := opt.check()
	if opt.Sessions.Max > 0 && !able {
		err = errors.Join(err, fmt.Errorf("session: Options.Sessions.Max: %w: it keeps no list of a principal's sessions", ErrUnsupported))
	}
	if err != nil {
		return nil, err
	}
	if opt.Cookie.InsecureCookie {
		opt.Logger.Warn("session cookie is not secure: anybody on the way can read it", "cookie_name", opt.Cookie.Name)
	}
	m := &Manager{store: store, principals: principals, opt: opt, via: newTransport(opt)}
	m.clock.start()
	m.starts.rate = opt.MaxStarts
	return m, nil
}

type contextKey struct{}

// From returns the session of the request whose context, or one derived from
// it, ctx is. Under [Manager.Handler] it is never nil, elsewhere always. With
// nested managers it is the innermost one's; see [Manager.From].
func From(ctx context.Context) *Session {
	s, _ := ctx.Value(contextKey{}).(*Session)
	return s
}

// From returns the session that m gave the request, nil if ctx is of no
// request under m.Handler.
func (m *Manager) From(ctx context.Context) *Session {
	s := From(ctx)
	for s != nil && s.m != m {
		s = s.outer
	}
	return s
}

// Issue starts a session signed in as principal and returns its cookie, as a
// browser would hold it after a sign-in; f may set attributes, nil is none.
// It is meant for an application's own tests:
//
//	cookie, err := manager.Issue(t.Context(), "alice", nil)
//	request.AddCookie(cookie)
//
// Whoever holds the cookie is that principal. With Options.Header its Value is
// what the header of the cookie's name holds.
func (m *Manager) Issue(ctx context.Context, principal string, f func(*Session) error) (*http.Cookie, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(ErrDone)
	s := m.newSession(ctx, nil, cancel)
	defer s.end()
	if err := s.SignIn(principal); err != nil {
		return nil, err
	}
	if f != nil {
		if err := f(s); err != nil {
			return nil, err
		}
	}
	if err := s.Commit(ctx); err != nil {
		return nil, err
	}
	return s.cookie, nil
}

// clock estimates the store's clock: what it last said, moved on by the local
// monotonic clock. It never runs ahead of the store's by more than the two
// clocks drift, because an answer is at its youngest when it arrives.
type clock struct {
	base   time.Time    // when the manager was made
	offset atomic.Int64 // the store's Unix time in ns minus the time since base
}

func (c *clock) start() {
	c.base = time.Now()
	c.offset.Store(c.base.UnixNano()) // until the store has said anything
}

func (c *clock) learn(store time.Time) {
	if !store.IsZero() {
		c.offset.Store(store.UnixNano() - int64(time.Since(c.base)))
	}
}

func (c *clock) now() time.Time {
	return time.Unix(0, c.offset.Load()+int64(time.Since(c.base)))
}

// bucket is a token bucket of one second's size.
type bucket struct {
	rate int // per second; negative is no bound

	mu     sync.Mutex
	spent  float64 // tokens missing from a full bucket
	filled time.Time
}

func (b *bucket) take() bool {
	if b.rate < 0 {
		return true
	}
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent = max(0, b.spent-now.Sub(b.filled).Seconds()*float64(b.rate))
	b.filled = now
	if b.spent+1 > float64(b.rate) {
		return false
	}
	b.spent++
	return true
}
