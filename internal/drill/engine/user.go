package engine

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// ErrLanes is returned by Do when all of the user's lanes are taken. Nothing
// was sent.
var ErrLanes = errors.New("all lanes are taken")

// Field is a header field of a request.
type Field struct{ Name, Value string }

// Request is what a user sends. Method, path and fields are written as they
// are: whoever makes them escapes them.
type Request struct {
	Method string
	Path   string // with the query
	Fields []Field
	Body   []byte

	// Cookie is a cookie "name=value", or several joined by "; ", presented in
	// place of the jar's of those names.
	Cookie string
	// Detached leaves the jar alone: only Cookie is presented, and what the
	// answer sets is not kept.
	Detached bool

	Due    time.Duration // when it should have been sent, for Exchange.Due
	Longer time.Duration // added to the client's time-out
}

// Exchange is a request and what became of it. Times are on the client's clock.
type Exchange struct {
	Due    time.Duration
	Call   time.Duration // before anything was done, dialling included
	Sent   time.Duration // when the write began; negative: nothing was sent
	Return time.Duration

	Status    int // 0: no head of an answer came
	Header    http.Header
	Body      []byte
	Truncated bool   // the body was longer than ClientOptions.MaxBody
	Cookie    string // the Cookie header that was presented

	// Failure is nil when a whole answer below 500 came. Err says why, for
	// people; nil for a 5xx.
	Failure *history.Failure
	Err     error
}

// resendable: a browser sends the request again by itself.
func (x *Exchange) resendable() bool {
	f := x.Failure
	return f != nil && f.Idempotent && f.Reused && !f.Answered && (f.What == "reset" || f.What == "eof")
}

// User is one virtual user: cookies, and up to ClientOptions.Lanes
// connections. It is safe for concurrent use; exchanges overlap.
type User struct {
	c *Client

	mu   sync.Mutex
	jar  jar
	idle []*lane // the last used is last
	busy int
}

// Do sends req once, on the connection used last among the idle ones or on a
// new one, and waits for the answer. A connection that the service closed while
// it was idle is given up before anything is sent on it. The error is ErrLanes
// or nil: what happens on the wire is in the Exchange. When ctx ends, so does
// the exchange, as a time-out.
func (u *User) Do(ctx context.Context, req Request) (Exchange, error) {
	return u.do(ctx, req, false)
}

// Masked does what browsers do by themselves after a failure that looks as if a
// kept-alive connection had been closed: it sends req once more, on a fresh
// connection, if the method is GET or HEAD, the connection was not new and not
// a byte of an answer had come. It returns first, and false, where that is not
// so. Else the answer is the second's, over the time of both; the failure stays
// the first one's, with Masked set if the second did not fail.
func (u *User) Masked(ctx context.Context, req Request, first Exchange) (Exchange, bool) {
	if !first.resendable() {
		return first, false
	}
	second, err := u.do(ctx, req, true)
	if err != nil {
		return first, false
	}
	failure := *first.Failure
	failure.Masked = second.Failure == nil
	second.Failure = &failure
	second.Due, second.Call = first.Due, first.Call
	if second.Err == nil {
		second.Err = first.Err
	}
	return second, true
}

// Cookies is the Cookie header that the next request would present.
func (u *User) Cookies() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.jar.header("", time.Now())
}

// Close closes the idle connections. Exchanges go on.
func (u *User) Close() {
	u.mu.Lock()
	idle := u.idle
	u.idle = nil
	u.mu.Unlock()
	for _, l := range idle {
		u.c.close(l)
	}
}

func (u *User) do(ctx context.Context, req Request, fresh bool) (Exchange, error) {
	x := Exchange{Due: req.Due, Call: u.c.clock.Now(), Sent: -1}
	l, err := u.take(fresh)
	if err != nil {
		return x, err
	}
	failure := history.Failure{Idempotent: idempotent(req.Method)}
	connected := l != nil
	if l == nil {
		l, err = u.c.dial(ctx)
		connected = err == nil
	}
	var a answer
	if connected {
		failure.Reused = l.used
		a, err = u.exchange(ctx, l, req, &x)
		failure.Answered = l.got > 0
	}
	x.Return = u.c.clock.Now()
	u.give(l, err == nil && a.complete)
	x.Status, x.Header, x.Body, x.Truncated, x.Err = a.status, a.header, a.body, a.truncated, err
	switch {
	case err != nil:
		failure.What = what(err, connected)
		x.Failure = &failure
	case a.status >= 500:
		failure.What = "status"
		x.Failure = &failure
	}
	return x, nil
}

// exchange sends and receives on l.
func (u *User) exchange(ctx context.Context, l *lane, req Request, x *Exchange) (answer, error) {
	l.got, l.err = 0, nil
	x.Cookie = u.present(req)
	x.Sent = u.c.clock.Now()
	if err := l.conn.SetDeadline(time.Now().Add(u.c.opt.Timeout + req.Longer)); err != nil {
		return answer{}, err
	}
	stop := func() bool { return true }
	if ctx.Done() != nil {
		stop = context.AfterFunc(ctx, func() {
			_ = l.conn.SetDeadline(past) // fails if the connection is closed already, which will do
		})
	}
	a, err := u.sendAndReceive(l, req, x.Cookie)
	// Where ctx has ended its deadline may still be about to be set.
	a.complete = stop() && a.complete
	return a, err
}

func (u *User) sendAndReceive(l *lane, req Request, cookie string) (answer, error) {
	if err := l.send(req, cookie); err != nil {
		return answer{}, err
	}
	return l.receive(req.Method, u.c.opt.MaxBody, func(h http.Header) {
		if !req.Detached {
			u.arrived(h)
		}
	})
}

func (u *User) present(req Request) string {
	if req.Detached {
		return req.Cookie
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.jar.header(req.Cookie, time.Now())
}

// arrived keeps cookies in the order in which answers arrive, whatever the
// order of their requests was.
func (u *User) arrived(h http.Header) {
	if len(h["Set-Cookie"]) == 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.jar.receive(h, time.Now())
}

// take reserves a lane: an idle one that is still open, or nil for a new one.
func (u *User) take(fresh bool) (*lane, error) {
	u.mu.Lock()
	if u.busy == u.c.opt.Lanes {
		u.mu.Unlock()
		return nil, ErrLanes
	}
	u.busy++
	u.mu.Unlock()
	for {
		l, spare := u.pop(fresh)
		if spare != nil {
			u.c.close(spare)
		}
		if l == nil {
			return nil, nil
		}
		if !isStale(l.conn) {
			return l, nil
		}
		u.c.stale.Add(1)
		u.c.close(l)
	}
}

// pop takes the lane used last; none for a fresh one, which may need the place
// of the lane that has been idle longest.
func (u *User) pop(fresh bool) (l, spare *lane) {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := len(u.idle)
	switch {
	case n == 0:
	case !fresh:
		l, u.idle = u.idle[n-1], u.idle[:n-1]
	case n+u.busy > u.c.opt.Lanes:
		spare = u.idle[0]
		u.idle = append(u.idle[:0], u.idle[1:]...)
	}
	return l, spare
}

// give ends the use of a lane; l is nil if none came about.
func (u *User) give(l *lane, usable bool) {
	if usable {
		// A deadline left behind would fail the look at the idle socket.
		usable = l.conn.SetDeadline(time.Time{}) == nil
	}
	u.mu.Lock()
	u.busy--
	usable = usable && (len(u.idle) < u.c.share() || u.c.open.Load() <= u.c.opt.Open)
	if usable {
		l.used = true
		u.idle = append(u.idle, l)
	}
	u.mu.Unlock()
	if l != nil && !usable {
		u.c.close(l)
	}
}
