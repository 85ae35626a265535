package check

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// maxLimited is the share of the run in drill-limited windows from which on it
// proves nothing.
const maxLimited = 0.01

// Finish closes all sessions and returns what the run showed. Observe, Event
// and Window must not be called any more; a second Finish returns the same.
func (c *Checker) Finish() Outcome {
	total, findings, spans := c.collect()
	r := &reckoning{
		opt: c.opt, total: &total, windows: c.timeline.merged(), timeline: c.timeline.snapshot(),
		rows: make([]Guarantee, last+1),
	}
	for _, e := range r.timeline {
		r.events = append(r.events, Event{Event: e, Crossings: total.crossings[e.ID], Bad: map[ID]int{}})
		total.end = max(total.end, e.Triggered, e.Terminating, e.Ready, e.Settled)
	}
	for id := range r.rows {
		r.rows[id] = Guarantee{ID: ID(id), Exposed: total.exposed[id], Bad: total.bad[id]}
	}
	r.sessions()
	r.void(spans)
	for i := range findings {
		r.finding(&findings[i])
	}
	return r.outcome()
}

// collect closes every epoch and adds the shards up.
func (c *Checker) collect() (tally, []finding, []span) {
	total := tally{crossings: map[int]int{}}
	var findings []finding
	var spans []span
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		for _, u := range s.users {
			for len(u.open) > 0 {
				c.close(s, u, u.open[0])
				u.open = u.open[1:]
			}
		}
		for id := range s.tally.exposed {
			total.exposed[id] += s.tally.exposed[id]
			total.bad[id] += s.tally.bad[id]
		}
		for id, n := range s.tally.crossings {
			total.crossings[id] += n
		}
		total.requests.add(s.tally.requests)
		total.twice += s.tally.twice
		total.end = max(total.end, s.tally.end)
		findings = append(findings, s.findings...)
		spans = append(spans, s.spans...)
		s.mu.Unlock()
	}
	slices.SortFunc(findings, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.user.id, b.user.id),
			cmp.Compare(a.id, b.id), cmp.Compare(a.detail, b.detail))
	})
	return total, findings, spans
}

// reckoning turns findings into rows.
type reckoning struct {
	opt        Options
	total      *tally
	windows    []Window
	timeline   []history.Event
	rows       []Guarantee // by ID
	events     []Event
	violations []Violation
}

// sessions takes the crossings as the exposures of G1, or without events the
// sessions that were checked twice. Lost sessions come on top, see finding.
func (r *reckoning) sessions() {
	if len(r.events) == 0 {
		r.rows[G1].Exposed = r.total.twice
		return
	}
	r.rows[G1].Exposed = 0
	for _, e := range r.events {
		r.rows[G1].Exposed += e.Crossings
	}
}

// finding decides what a finding amounts to.
func (r *reckoning) finding(f *finding) {
	blamed := blame(r.timeline, f.lastGood, f.at, r.opt.Tail)
	if f.id == G7 && f.exposure && blamed != 0 { // not expired: lost, while its user was idle
		r.rows[G7].Exposed--
		r.rows[G7].Bad--
		r.rows[G1].Bad++
		f.id = G1
	}
	row := &r.rows[f.id]
	if f.id == G10 && f.atKill(r.timeline) {
		r.total.requests.SeenAtKills++
		row.Bad--
		return
	}
	v := Violation{
		Guarantee: f.id, Grade: f.grade, User: f.user.name, LastGood: f.lastGood, At: f.at,
		Event: blamed, Instance: f.instance,
		Detail: f.detail, Failure: f.failure, Witness: f.witness, Unattributed: r.limited(f),
	}
	r.violations = append(r.violations, v)
	at := r.event(v.Event)
	if f.id == G1 && f.exposure && (len(r.events) > 0 || !f.checkedTwice) {
		row.Exposed++
		if at != nil {
			at.Crossings++
		}
	}
	if v.Unattributed {
		row.Bad--
		row.Unattributed++
		if f.id == G7 { // void
			row.Exposed--
		}
		return
	}
	switch f.grade {
	case Lost:
		row.Lost++
	case Rollback:
		row.Rollback++
	case Stale:
		row.Stale++
	case NoGrade:
	}
	if at != nil {
		at.Bad[f.id]++
	}
}

func (r *reckoning) event(id int) *Event {
	i, found := slices.BinarySearchFunc(r.events, id, func(e Event, id int) int { return cmp.Compare(e.ID, id) })
	if !found {
		return nil
	}
	return &r.events[i]
}

// limited: the violation showed while the drill was late. Of a request that
// failed any part counts, for it may have timed out on the drill's account, and
// so does all of the time that is compared with a timeout.
func (r *reckoning) limited(f *finding) bool {
	if f.id == G7 || f.id == G10 || f.timed {
		return r.within(f.lastGood, f.at)
	}
	return r.within(f.at, f.at)
}

// within: a drill-limited window meets the time from one moment to another.
func (r *reckoning) within(from, to time.Duration) bool {
	for _, w := range r.windows {
		if w.From <= to && from <= w.To {
			return true
		}
	}
	return false
}

// outcome computes the statuses and bounds.
func (r *reckoning) outcome() Outcome {
	o := Outcome{Requests: r.total.requests, Violations: r.violations, Events: r.events, Duration: r.total.end}
	executed := 0
	badEvents := [last + 1]int{}
	for _, e := range r.events {
		if e.Err != "" || e.Settled < 0 && len(e.Bad) == 0 {
			continue
		}
		executed++
		for id, n := range e.Bad {
			if n > 0 {
				badEvents[id]++
			}
		}
	}
	for _, id := range IDs() {
		g := r.rows[id]
		switch {
		case g.Bad > 0:
			g.Status = Fail
		case g.Exposed == 0:
			g.Status = NotExercised
		default:
			g.Status = Pass
		}
		g.BoundSession = UpperBound(g.Bad, g.Exposed)
		g.BoundEvent = 1
		if g.Exposed > 0 {
			g.BoundEvent = UpperBound(badEvents[id], executed)
		}
		o.Guarantees = append(o.Guarantees, g)
	}
	r.judgeDrill(&o)
	return o
}

func (r *reckoning) judgeDrill(o *Outcome) {
	var late time.Duration
	for _, w := range r.windows {
		late += max(0, min(w.To, r.total.end)-max(w.From, 0))
	}
	if r.total.end > 0 {
		o.Limited = float64(late) / float64(r.total.end)
	}
	if o.Limited > maxLimited {
		o.Inconclusive = append(o.Inconclusive,
			fmt.Sprintf("the drill itself was late for %.1f %% of the time", 100*o.Limited))
	}
}
