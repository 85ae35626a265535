package check

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// killSlack is how much later than its Kill.At, which is taken before the
// signal is sent, an instance may still have accepted a POST: the time for a
// busy machine to send and deliver a signal.
const killSlack = 50 * time.Millisecond

// request counts the operation's request and files a failure that the user saw.
// A failure that no browser would resend is not masked, whatever was noted.
func (v *visit) request() {
	op, count := v.op, &v.s.tally.requests
	count.Sent++
	v.s.tally.exposed[G10]++
	f := op.Failure
	if f == nil || op.Anonymous {
		return
	}
	count.RawFailures++
	if f.Masked && f.Idempotent && f.Reused && !f.Answered {
		count.Masked++
		return
	}
	count.Seen++
	method := "GET"
	if !f.Idempotent {
		method = "POST"
	}
	what := f.What
	if f.What == "status" {
		what = fmt.Sprintf("status %d", op.Status)
	}
	v.fileNow(finding{id: G10, lastGood: op.Call, at: op.Return, failure: f.What, post: !f.Idempotent,
		detail: fmt.Sprintf("%s saw a failed %s (%s): %s", v.u.name, method, op.Kind, what)}, what)
}

// atKill: the POST was in flight to an instance when it was killed.
func (f *finding) atKill(events []history.Event) bool {
	if !f.post {
		return false
	}
	for i := range events {
		for _, kill := range events[i].Killed {
			if (f.instance == "" || f.instance == kill.Instance) &&
				f.lastGood <= kill.At+killSlack && kill.At <= f.at {
				return true
			}
		}
	}
	return false
}
