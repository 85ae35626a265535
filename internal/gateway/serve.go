package gateway

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway/affinity"
	"github.com/evenkeel/evenkeel/internal/target"
	"github.com/evenkeel/evenkeel/internal/upstream"
)

// ServeHTTP is the way of a request: route, affinity, pick, forward.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{g: g, w: w, r: r}
	defer x.end(time.Now())
	if !x.guard() {
		return
	}
	if x.group = g.route(r.URL.Path); x.group == nil {
		x.refuse(http.StatusNotFound, nil, "no route")
		return
	}
	x.group.counters.requests.Add(1)
	x.table = x.group.table.Load()
	x.prepare()
	x.readAffinity()
	defer x.release()
	for {
		e := x.pick()
		if e == nil {
			x.refuseNone()
			return
		}
		resp, err := x.send(e)
		if err == nil {
			x.respond(resp)
			return
		}
		if !x.again(err) {
			x.refuseFailed(err)
			return
		}
	}
}

// exchange is one request on its way through the gateway. It belongs to the
// handler's goroutine; only cancel is called from elsewhere.
type exchange struct {
	g     *Gateway
	w     http.ResponseWriter
	r     *http.Request
	group *group
	table *table

	binding  affinity.Binding
	known    bool           // the client sent binding
	token    affinity.Token // that it sent
	bound    *entry         // the target it is bound to; nil: none, or it left the table
	strictly bool           // bound is leaving, and the group is strict

	on       *entry // counted in there
	held     *entry // binding is noted there by this request
	last     *entry // counted in there last
	ctx      context.Context
	cancel   context.CancelCauseFunc
	stream   bool   // counted as a stream; under on.mu
	leaver   leaver // of a stream that can be asked to leave; likewise
	out      upstream.Request
	body     replayBody
	fwd      [4]string     // what X-Forwarded-* say
	waited   time.Duration // for heads of answers; for the access log only
	attempts int
	failed   int // of tried
	tried    [maxAttempts]*entry
	replays  int  // without proof that nothing was received
	stale    bool // the first of them was after a connection that had been idle
	lastErr  *upstream.Error

	status int
	bytes  int64
}

// pick chooses a target and counts the request in there. Nil: there is none,
// or the group is strict and the bound one is leaving.
func (x *exchange) pick() *entry {
	x.release()
	x.ctx, x.cancel = context.WithCancelCause(x.r.Context())
	if x.attempts > 0 { // it may be a while since the table was read
		x.table = x.group.table.Load()
	}
	if e := x.pickBound(); e != nil || x.strictly {
		return e
	}
	for {
		c, set := unbound, &x.table.first
		e := set.pick(x)
		if e == nil {
			c, set = lastResort, &x.table.last
			e = set.pick(x)
		}
		if e == nil {
			return nil
		}
		if e.acquire(x, c, x.group.OnDraining) || x.table.open && e.acquire(x, lastResort, x.group.OnDraining) {
			return x.take(e)
		}
		x.refresh() // its state has changed since the table was read
	}
}

// pickBound keeps the request where its session is bound, if that may be.
func (x *exchange) pickBound() *entry {
	if x.bound == nil || x.hasTried(x.bound) {
		return nil
	}
	if x.keep(x.bound) {
		return x.take(x.bound)
	}
	x.refresh()
	if x.bound = x.locate(); x.bound == nil || x.hasTried(x.bound) {
		return nil
	}
	if x.keep(x.bound) {
		return x.take(x.bound)
	}
	p := x.group.OnDraining
	s, dead := x.bound.refusal()
	x.strictly = p == target.Strict && !dead && !s.AcceptsBound(p)
	return nil
}

// keep counts a bound request in where it is bound. While the health checks
// are doubted, unhealthy is no reason to move.
func (x *exchange) keep(e *entry) bool {
	p := x.group.OnDraining
	if e.acquire(x, bound, p) {
		return true
	}
	return x.table.open && !e.unreachable() && e.acquire(x, lastResort, p)
}

// refresh reads the table again when all changes that have begun are in it.
func (x *exchange) refresh() {
	x.group.settle()
	x.table = x.group.table.Load()
}

// take notes where the request is counted, and whose session it is.
func (x *exchange) take(e *entry) *entry {
	x.on, x.last = e, e
	mine := x.group.Affinity.Mode == AffinityCookie
	if mine && !x.known && x.held == nil {
		x.binding = affinity.NewBinding()
	}
	if mine || x.known {
		x.hold(e)
	}
	return e
}

// release counts the request out of the target it is on.
func (x *exchange) release() {
	if x.cancel != nil {
		x.cancel(nil)
	}
	if x.on != nil {
		x.on.release(x)
		x.on, x.stream = nil, false
	}
}

func (x *exchange) hasTried(e *entry) bool {
	return slices.Contains(x.tried[:x.failed], e)
}

// send makes one attempt.
func (x *exchange) send(e *entry) (*upstream.Response, *upstream.Error) {
	x.attempts++
	resp, err := x.do(e)
	if err == nil {
		return resp, nil
	}
	failure := asUpstream(err)
	x.lastErr = failure
	if failure.Stage == upstream.StageDial && !failure.Client && x.ctx.Err() == nil {
		x.g.connectFailed(x.group, e, failure)
	}
	return nil, failure
}
