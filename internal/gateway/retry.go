package gateway

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/upstream"
)

// maxAttempts bounds how often one request is sent, failed connects included.
const maxAttempts = 4

// maxKept is how much of a request's body is kept for a replay.
const maxKept = 64 << 10

// again decides whether the request is sent once more after err, and to whom:
// to another target if there is one, but a bound session stays where it is the
// first time, and a connection that had gone stale says nothing about the only
// target. It goes over a connection of its own: those of a process that is
// dying break one after the other.
func (x *exchange) again(err *upstream.Error) bool {
	if x.r.Context().Err() != nil || err.Client || err.Answer || x.attempts >= maxAttempts || !x.body.rewind() {
		return false
	}
	if err.Stage == upstream.StageDial && x.ctx.Err() == nil {
		x.giveUp()
		if x.onlyLastResorts() && !x.spend() {
			return false
		}
		x.group.counters.retries.Add(1)
		return true
	}
	if !x.mayReplay(err) || !x.spend() {
		return false
	}
	x.group.counters.replays.Add(1)
	x.out.Fresh = true
	if x.on != x.bound && (!err.Reused || x.others()) || x.replays > 1 || x.ctx.Err() != nil {
		x.giveUp()
	}
	return true
}

// spend uses up one try of the budget.
func (x *exchange) spend() bool {
	return x.group.budget.take(x.group.counters.requests.Load(), time.Now())
}

// onlyLastResorts reports whether the only targets that are left to try are
// not healthy. Going through all of them for each request would multiply an
// outage; where a healthy one is left, failed connects are bounded by the
// ejections that they cause.
func (x *exchange) onlyLastResorts() bool {
	return !x.others() && x.failed < len(x.group.table.Load().entries)
}

// others reports whether there is a healthy target besides those that failed.
func (x *exchange) others() bool {
	return slices.ContainsFunc(x.group.table.Load().first.entries, func(e *entry) bool {
		return e != x.on && !x.hasTried(e)
	})
}

// giveUp ends the request's interest in the target it is on.
func (x *exchange) giveUp() {
	x.tried[x.failed] = x.on
	x.failed++
}

// mayReplay reports whether sending the request twice cannot make the
// application act twice, or is allowed to.
func (x *exchange) mayReplay(err *upstream.Error) bool {
	post := x.group.Retries.POST
	safe := idempotent(x.r.Method) || post == ReplayAlways ||
		post == ReplayIdempotencyKey && x.r.Header.Get("Idempotency-Key") != ""
	if err.Unreceived && !err.Timeout() && (safe || post != ReplayNever) {
		return true
	}
	if !safe || err.Timeout() {
		return false
	}
	// Once; and once more where the first failure was that of a connection
	// that had gone stale, which is none of the target that was asked then.
	if x.replays == 0 {
		x.stale = err.Reused
	}
	if x.replays > 1 || x.replays == 1 && !x.stale {
		return false
	}
	x.replays++
	return true
}

// idempotent is RFC 9110, 9.2.2.
func idempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

// asUpstream returns err as what engines promise it to be.
func asUpstream(err error) *upstream.Error {
	var e *upstream.Error
	if !errors.As(err, &e) {
		e = &upstream.Error{Stage: upstream.StageHead, Err: err}
	}
	return e
}

// replayBody passes a request's body on and keeps up to maxKept bytes of it.
type replayBody struct {
	src  io.Reader // nil: no body
	kept []byte
	pos  int  // in kept
	over bool // more was read than is kept
}

func newReplayBody(src io.Reader, length int64) replayBody {
	b := replayBody{src: src}
	if length > 0 && length <= maxKept {
		b.kept = make([]byte, 0, length)
	}
	return b
}

// Read implements io.Reader: what was kept, then the rest.
func (b *replayBody) Read(p []byte) (int, error) {
	if b.pos < len(b.kept) {
		n := copy(p, b.kept[b.pos:])
		b.pos += n
		return n, nil
	}
	n, err := b.src.Read(p)
	if n > 0 && !b.over {
		if len(b.kept)+n > maxKept {
			b.over, b.kept, b.pos = true, nil, 0
		} else {
			b.kept = append(b.kept, p[:n]...)
			b.pos = len(b.kept)
		}
	}
	return n, err
}

// rewind makes the next Read begin at the start again, if that is possible.
func (b *replayBody) rewind() bool {
	b.pos = 0
	return !b.over
}

// budget bounds replays, and connects in an outage, to a share of the requests,
// so that an outage does not double the load.
type budget struct {
	percent int

	mu       sync.Mutex
	start    time.Time // of the window
	requests uint64    // counted when it began
	taken    uint64    // in it
}

// Windows of the budget, and what is always allowed in one.
const (
	budgetWindow  = 5 * time.Second
	budgetMinimum = 50
)

// take uses up one try, when that many requests have been counted so far.
func (b *budget) take(requests uint64, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Sub(b.start) >= budgetWindow {
		b.start, b.requests, b.taken = now, requests, 0
	}
	if b.taken >= budgetMinimum+(requests-b.requests)*uint64(b.percent)/100 {
		return false
	}
	b.taken++
	return true
}
