package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// exchange is one request with its response: from Do until the connection is
// given back. One goroutine at a time works on it; only conn.abort comes from
// elsewhere.
type exchange struct {
	pool    *Pool
	ctx     context.Context // stored, for the body is read under it after Do has returned
	req     outgoing        // empty once Do has returned
	c       *conn           // nil before it is taken and after it is given back
	unwatch func() bool     // takes back conn.abort; nil: nothing watches ctx
	known   known
	answer  head // the final head, when known.answered
	resp    Response
	body    body
}

// known is what has happened so far.
type known struct {
	stage     Stage
	client    bool // the request, or reading its body, failed
	touched   bool // Body.Read was called
	sent      bool // the whole request was written
	broken    bool // writing failed: what came in may still be read
	came      bool // a response byte was seen
	ended     bool // the target closed in good order
	answered  bool // a final response head is there
	sliced    bool // a write deadline was set
	continued bool // 100 came
	interim   int  // 1xx heads so far
}

// Do sends r and returns when the response head is there; see Doer.
func (p *Pool) Do(ctx context.Context, r *Request) (*Response, error) {
	x := &exchange{pool: p, ctx: ctx, req: outgoing{Request: r}}
	done := false
	defer func() {
		if !done { // a function of the caller's panicked
			x.end(0)
		}
	}()
	resp, err := x.do()
	done = true
	if err != nil {
		return nil, x.fail(err)
	}
	return resp, nil
}

func (x *exchange) do() (*Response, error) {
	if err := x.send(); err != nil {
		return nil, err
	}
	if !x.known.answered {
		x.known.stage = StageHead
		if err := x.await(); err != nil {
			return nil, err
		}
	}
	return x.respond(), nil
}

// begin makes the connection sure before the first byte is written: one from
// the stack that is not quiet is replaced. From here on ctx closes it.
func (x *exchange) begin() error {
	for x.c.reused && x.c.peek.look() != quiet {
		x.pool.stale(x.c)
		x.c = nil
		x.known.stage = StageDial
		c, err := x.pool.take(x.ctx, false)
		if err != nil {
			return err
		}
		x.c = c
	}
	x.known.stage = StageWrite
	x.c.borrow()
	if x.ctx.Done() != nil {
		x.unwatch = context.AfterFunc(x.ctx, x.c.abort)
	}
	return nil
}

// bounded reads one head within the header time-out.
func (x *exchange) bounded() error {
	if err := x.bound(); err != nil {
		return err
	}
	if err := x.next(); err != nil {
		return err
	}
	return x.unbound()
}

func (x *exchange) bound() error {
	if x.pool.opt.HeaderTimeout <= 0 {
		return nil
	}
	return x.c.nc.SetReadDeadline(time.Now().Add(x.pool.opt.HeaderTimeout))
}

func (x *exchange) unbound() error {
	if x.pool.opt.HeaderTimeout <= 0 {
		return nil
	}
	return x.c.nc.SetReadDeadline(time.Time{})
}

// maxInterim bounds the 1xx heads of one response; a target that reports
// progress (102) every few seconds for an hour stays below.
const maxInterim = 1000

// next reads one head: an interim one is dealt with, a final one is kept.
func (x *exchange) next() error {
	h, err := x.readHead()
	if err != nil {
		return err
	}
	switch {
	case h.status >= 200 || h.status == http.StatusSwitchingProtocols && x.req.Upgrade != "":
		x.answer, x.known.answered = h, true
		return nil
	case h.status == http.StatusSwitchingProtocols:
		return fmt.Errorf("%w: status 101 that nobody asked for", ErrMalformed)
	}
	if x.known.interim++; x.known.interim > maxInterim {
		return fmt.Errorf("%w: more than %d interim responses", ErrMalformed, maxInterim)
	}
	if h.status == http.StatusContinue {
		x.known.continued = true
	} else if x.req.Informational != nil {
		x.req.Informational(h.status, h.header)
	}
	return nil
}

// respond makes the Response of the answer.
func (x *exchange) respond() *Response {
	h := &x.answer
	x.resp = Response{StatusCode: h.status, Header: h.header, ContentLength: h.length, Body: http.NoBody, x: x}
	x.known.stage = StageBody
	b := &x.body
	b.x = x
	b.framing = h.bodyOf(x.req.Method)
	x.req = outgoing{}
	switch b.framing {
	case unframed:
		x.end(h.keep)
		return &x.resp
	case byLength:
		b.left = h.length
	case chunked:
		x.resp.Trailer = b.trailer
	case untilClose, tunnel:
		h.keep = 0
	}
	x.resp.Body = b
	return &x.resp
}

// end gives the connection back: to be kept for keep, if that is positive and
// nothing speaks against it.
func (x *exchange) end(keep time.Duration) {
	c := x.c
	if c == nil {
		return
	}
	x.c = nil
	if !x.known.sent {
		keep = 0
	}
	if x.unwatch != nil && !x.unwatch() {
		keep = 0 // ctx is about to close it, or has
	}
	x.pool.put(c, keep)
}

// fail ends the exchange and says what is known of it.
func (x *exchange) fail(err error) *Error {
	k := &x.known
	e := &Error{
		Addr: x.pool.addr, Stage: k.stage, Answer: k.came, Client: k.client, Replays: !k.touched,
		Unreceived: true, Err: err,
	}
	if ctxErr := x.ctx.Err(); ctxErr != nil && !k.client && !errors.Is(err, ErrMalformed) {
		e.Err = ctxErr
		if cause := context.Cause(x.ctx); !errors.Is(cause, ctxErr) {
			e.Err = fmt.Errorf("%w: %w", ctxErr, cause)
		}
	}
	if c := x.c; c != nil {
		e.Reused, e.Wrote = c.reused, c.wrote()
		if errors.Is(err, ErrSilent) {
			x.pool.CloseIdle() // they go the same way
		}
		e.Unreceived = e.Wrote == 0 || k.ended && c.endedWell() && c.unacked()
	}
	x.end(0)
	return e
}
