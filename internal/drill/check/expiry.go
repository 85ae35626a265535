package check

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// expiry is what G7 knows about the time of an epoch's session.
type expiry struct {
	signed time.Duration // return of the login; -1 none acknowledged
	// touched is the latest return of whatever may have been activity; never:
	// something of unknown outcome may still be.
	touched time.Duration
	bad     bool // has been filed
}

// span is the time that an observation of G7 rests on. A drill-limited window
// within makes it void.
type span struct{ from, to time.Duration }

// maxSpans bounds those kept in a shard; what is beyond is no exposure.
const maxSpans = 4096

// touch notes what may have extended the session: any request with its cookie,
// whatever came of it, but a stream.
func (v *visit) touch() {
	op, e := v.op, v.u.epoch(v.op.Epoch)
	switch {
	case e == nil || op.Kind == history.Stream || op.Anonymous:
	case op.Outcome == history.Failed && op.Status == 0: // never sent
	case op.Outcome == history.Unknown || op.Failure != nil:
		e.expiry.touched = never
	default:
		e.expiry.touched = max(e.expiry.touched, op.Return)
	}
}

// overdue is since when the session has had nothing to live on, if by now it
// must be gone; why says by which timeout.
func (v *visit) overdue() (since time.Duration, why string) {
	x, idle, absolute := &v.e.expiry, v.c.opt.IdleTimeout, v.c.opt.AbsoluteTimeout
	switch {
	case absolute > 0 && x.signed >= 0 && v.op.Call-x.signed > history.Gone(absolute):
		return x.signed, fmt.Sprintf("after its login, with an absolute timeout of %v", absolute)
	case idle > 0 && x.touched != never && v.op.Call-x.touched > history.Gone(idle):
		return x.touched, fmt.Sprintf("after its last request, with an idle timeout of %v", idle)
	}
	return 0, ""
}

// outlived judges an answer that shows the user to a read that was made to see
// whether the session has expired.
func (v *visit) outlived() {
	op, e, idle := v.op, v.e, v.c.opt.IdleTimeout
	if !op.Expiry || e.endCall < op.Return {
		return
	}
	since, why := v.overdue()
	if why == "" {
		if idle > 0 && e.session.active >= 0 && op.Call-e.expiry.touched >= idle/2 &&
			op.Return-e.session.active <= history.Lives(idle) {
			v.s.span(span{e.session.active, op.Return})
		}
		return
	}
	if e.expiry.bad {
		return
	}
	e.expiry.bad = true
	v.s.tally.exposed[G7]++
	v.fileNow(finding{id: G7, lastGood: since, at: op.Return,
		detail: fmt.Sprintf("the session of %s is alive %v %s", v.u.name, (op.Call - since).Round(time.Millisecond), why),
	}, "still alive")
}

// expiredInTime notes that a session that had to be gone is.
func (v *visit) expiredInTime() {
	e, op := v.e, v.op
	if !op.Expiry || e.session.from >= op.Call || e.endCall < op.Return || len(e.session.away) > 0 {
		return
	}
	if since, why := v.overdue(); why != "" {
		v.s.span(span{since, op.Return})
	}
}

// looksExpired: the operation was turned away after a pause that was made to see
// when the session expires: by the read at its end, or by a stream within it.
func (v *visit) looksExpired() bool {
	idle := v.c.opt.IdleTimeout
	return v.op.Expiry || v.op.Kind == history.Stream && idle > 0 && v.op.Call-v.e.session.active >= idle/2
}

func (s *shard) span(x span) {
	if len(s.spans) < maxSpans {
		s.tally.exposed[G7]++
		s.spans = append(s.spans, x)
	}
}

// void takes off the observations of G7 that rest on a drill-limited time.
func (r *reckoning) void(spans []span) {
	for _, x := range spans {
		if r.within(x.from, x.to) {
			r.rows[G7].Exposed--
		}
	}
}
