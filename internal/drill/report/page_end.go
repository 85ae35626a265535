package report

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
)

// phaseRow compares one part of the run with the others.
type phaseRow struct {
	Name, Length     string
	Rate, Failed     string
	P50, P99         string
	Violations, Tone string
}

// phaseRows are the control phase, the events and what is between them.
func phaseRows(r Result) (rows []phaseRow) {
	snap := r.Series.Snapshot()
	if len(snap.Buckets) == 0 {
		return nil
	}
	during := func(at time.Duration) bool {
		for _, e := range r.Outcome.Events {
			end := e.Settled
			if end < 0 {
				end = max(e.Triggered, e.Terminating, e.Ready)
				if e.Err == "" {
					end = math.MaxInt64
				}
			}
			if e.Triggered <= at+snap.Width && at <= end {
				return true
			}
		}
		return false
	}
	for _, part := range []struct {
		name string
		in   func(time.Duration) bool
		bad  func(check.Violation) bool
	}{
		{"before the first event", func(at time.Duration) bool { return at+snap.Width <= r.Control },
			func(v check.Violation) bool { return v.At <= r.Control }},
		{"during events", func(at time.Duration) bool { return at+snap.Width > r.Control && during(at) },
			func(v check.Violation) bool { return v.At > r.Control && v.Event != 0 }},
		{"between and after events", func(at time.Duration) bool { return at+snap.Width > r.Control && !during(at) },
			func(v check.Violation) bool { return v.At > r.Control && v.Event == 0 }},
	} {
		b, n := snap.sum(part.in)
		if n == 0 {
			continue
		}
		length := time.Duration(n) * snap.Width
		row := phaseRow{Name: part.name, Length: short(length), Failed: number(b.Failed), P50: "–", P99: "–",
			Rate: fmt.Sprintf("%.0f/s", float64(b.Requests)/length.Seconds())}
		if p50 := b.Quantile(.5); p50 > 0 {
			row.P50, row.P99 = millis(p50), millis(b.Quantile(.99))
		}
		bad := countBad(r.Outcome, part.bad)
		row.Violations, row.Tone = number(bad), tone(r, "good")
		if bad > 0 {
			row.Tone = "bad"
		}
		rows = append(rows, row)
	}
	return rows
}

func millis(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	if ms < 10 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return number(int(math.Round(ms))) + " ms"
}

func countBad(o check.Outcome, of func(check.Violation) bool) (n int) {
	for _, v := range o.Violations {
		if !v.Unattributed && of(v) {
			n++
		}
	}
	return n
}

// controlSentence says whether the service harms users by itself.
func controlSentence(r Result) string {
	if r.Control <= 0 {
		return "There was no phase without events at the beginning, so harm that the service does by itself cannot be told from harm by events."
	}
	bad := countBad(r.Outcome, func(v check.Violation) bool { return v.At <= r.Control })
	excused := 0
	for _, v := range r.Outcome.Violations {
		if v.Unattributed && v.At <= r.Control {
			excused++
		}
	}
	switch {
	case bad == 0 && excused > 0:
		return fmt.Sprintf("In the first %s nothing was scaled. Of what went wrong then (%s) nothing is counted, because the drill itself was late: whether the service is sound at rest is not known.",
			short(r.Control), plural(excused, "violation", "violations"))
	case bad == 0:
		s := fmt.Sprintf("In the first %s nothing was scaled and nobody was hurt: the service is sound at rest", short(r.Control))
		outside := countBad(r.Outcome, func(v check.Violation) bool { return v.Event == 0 })
		if badSum(r.Outcome) > 0 && outside == 0 {
			s += ", so what came later is due to events"
		}
		return s + "."
	}
	return fmt.Sprintf("In the first %s nothing was scaled, and users were hurt all the same (%s): the service harms users by itself. Do not blame scaling alone.",
		short(r.Control), plural(bad, "violation", "violations"))
}

// healthRows say whether the drill was a good witness.
func healthRows(r Result) []Setting {
	q := r.Outcome.Requests
	rows := []Setting{
		{"the drill", "kept up with its own schedule"},
		{"its timers were late by", millis(r.Health.LatenessP999) + " at most, in 999 of 1,000 cases"},
		{"its CPU", fmt.Sprintf("%.0f %% of what it may use", 100*r.Health.CPU)},
		{"late for", fmt.Sprintf("%.1f %% of the time; what happened then is not held against the service", 100*r.Outcome.Limited)},
		{"requests sent late", number(q.Late)},
		{"requests not sent", number(q.Shed)},
		{"failed on the wire", fmt.Sprintf("%s of %s; %s hidden by a browser's own resend, %s seen by users, of these %s at kills",
			number(q.RawFailures), number(q.Sent), number(q.Masked), number(q.Seen), number(q.SeenAtKills))},
	}
	if r.Health.Status != "" && r.Health.Status != "ok" || r.Outcome.Limited > 0 {
		rows[0].Value = "was at its limits for a while: give it more CPU or less load"
	}
	const most = 8
	for _, w := range r.Health.Windows[:min(len(r.Health.Windows), most)] {
		rows = append(rows, Setting{"late from " + short(w.From) + " to " + short(w.To), say(w.Why)})
	}
	if more := len(r.Health.Windows) - most; more > 0 {
		rows = append(rows, Setting{"late", plural(more, "more time", "more times")})
	}
	return rows
}

// limits are what the run cannot prove.
func limits(r Result) (all []string) {
	o := r.Outcome
	all = append(all, eventLimit(o))
	var untested, thin []string
	for _, g := range o.Guarantees {
		name := fmt.Sprintf("“%s” (%v)", wordOf[g.ID].promise, g.ID)
		switch {
		case g.Status == check.NotExercised:
			untested = append(untested, name)
		case g.Status == check.Pass && g.BoundSession > .05:
			thin = append(thin, fmt.Sprintf("%s, %s", name, plural(g.Exposed, "time", "times")))
		}
	}
	if len(untested) > 0 {
		all = append(all, "Not tested at all: "+strings.Join(untested, ", ")+".")
	}
	if len(thin) > 0 {
		all = append(all, "Tested too seldom to rely on: "+strings.Join(thin, "; ")+". Fifty-nine times without harm would prove fewer than 5 %.")
	}
	if n := unattributed(o); n > 0 {
		all = append(all, plural(n, "violation was", "violations were")+" seen while the drill itself was late, and not counted for or against the service.")
	}
	if n := o.Requests.SeenAtKills; n > 0 {
		all = append(all, "What became of "+plural(n, "POST", "POSTs")+" in flight to a killed instance is unknown to the user who sent it. That is so with every killed instance; it does not count as a fault of the service.")
	}
	if len(o.Violations) > 0 {
		if kept, found := len(o.Violations), unattributed(o)+badSum(o); found > kept {
			all = append(all, fmt.Sprintf("Of %s violations %s are kept; the others are in the totals and not in the timeline and the tables by event and instance.", number(found), number(kept)))
		}
	}
	for _, note := range r.Notes {
		all = append(all, clip(note, 400))
	}
	all = append(all, fmt.Sprintf("What takes longer than %s to show (idle time-outs, evictions, leaks) was not seen, nor pages that the drill's users do not visit.", short(o.Duration)))
	return all
}

func badSum(o check.Outcome) (n int) {
	for _, g := range o.Guarantees {
		n += g.Bad
	}
	return n
}

// eventLimit says what the number of events proves. Losses come by the event,
// so it is these that count.
func eventLimit(o check.Outcome) string {
	executed, clean := 0, 0
	for _, e := range o.Events {
		if e.Err != "" || e.Settled < 0 && len(e.Bad) == 0 {
			continue
		}
		executed++
		if badOf(e) == 0 {
			clean++
		}
	}
	const scale = " Losses come by the event, so it is events that prove something: 59 without harm prove fewer than 5 %, 300 fewer than 1 %."
	switch {
	case executed == 0:
		return "No event was carried out, so this run says nothing about scaling, deploys or failures." + scale
	case clean == executed:
		return fmt.Sprintf("%s did no harm. With 95 %% confidence that proves only that %s of such events do.",
			plural(executed, "event", "events"), bound(check.UpperBound(0, executed), 0)) + scale
	}
	s := fmt.Sprintf("%d of %s did harm.", executed-clean, plural(executed, "event", "events"))
	if share := check.UpperBound(executed-clean, executed); share < 1 {
		s += " With 95 % confidence " + bound(share, 0) + " of such events do."
	}
	return s + scale
}
