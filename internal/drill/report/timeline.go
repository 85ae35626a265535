package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
)

// Measures of the timeline, in pixels.
const (
	chartWidth  = 1120.0
	chartLeft   = 196.0 // names of the rows to the left of it
	chartRight  = chartWidth - 64
	labelRow    = 15.0
	labelRows   = 3
	labelled    = 24  // events up to which they are named, and not only numbered
	maxBands    = 240 // events drawn, those with violations first
	maxLate     = 120 // times drawn in which the drill was late
	chartSteps  = 300 // at most, in time
	panelHeight = 84.0

	streamsHeight = 44.0
)

// timeline draws the run over time: events as bands, and below one another
// violations, instances, requests, latency and streams.
type timeline struct {
	canvas
	axis
	r    Result
	snap Snapshot
	y    float64 // where the next row begins
}

// newTimeline is nil if nothing happened.
func newTimeline(r Result) *drawing {
	snap := r.Series.Snapshot().coarse(chartSteps)
	total := r.Outcome.Duration
	if total <= 0 {
		total = snap.Width * time.Duration(len(snap.Buckets))
	}
	if total <= 0 {
		return nil
	}
	t := &timeline{axis: axis{left: chartLeft, right: chartRight, total: total}, r: r, snap: snap}
	t.eventLabels()
	t.violations()
	t.lanes()
	t.requests()
	t.latency()
	t.streams()
	t.moments()
	front := t.shapes
	t.shapes = nil
	t.bands(t.y)
	t.shapes = append(t.shapes, front...)
	label := fmt.Sprintf("The run over %s: %s, %s", short(total),
		plural(len(r.Outcome.Events), "event", "events"), plural(len(r.Outcome.Violations), "violation", "violations"))
	return t.drawing(label, chartWidth, t.y+24)
}

// drawn are the events that have a band, in order.
func (t *timeline) drawn() []check.Event {
	events := slices.DeleteFunc(slices.Clone(t.r.Outcome.Events), func(e check.Event) bool { return e.Triggered < 0 })
	if len(events) > maxBands {
		slices.SortStableFunc(events, func(a, b check.Event) int { return cmp.Compare(badOf(b), badOf(a)) })
		events = events[:maxBands]
	}
	slices.SortStableFunc(events, func(a, b check.Event) int { return cmp.Compare(a.Triggered, b.Triggered) })
	return events
}

// badOf is how many violations an event has.
func badOf(e check.Event) (n int) {
	for _, bad := range e.Bad {
		n += bad
	}
	return n
}

// until is when an event was over, or the end of the run.
func (t *timeline) until(e check.Event) time.Duration {
	switch {
	case e.Settled >= 0:
		return e.Settled
	case e.Err != "":
		return max(e.Triggered, e.Terminating, e.Ready)
	}
	return t.total
}

// bands are behind all rows: the control phase, times in which the drill was
// late, events, and kills.
func (t *timeline) bands(bottom float64) {
	if c := t.r.Control; c > 0 {
		t.rect("quiet", t.x(0), 0, t.x(c)-t.x(0), bottom, "control phase: no events")
	}
	for _, w := range t.r.Health.Windows[:min(len(t.r.Health.Windows), maxLate)] {
		t.rect("late", t.x(w.From), labelRow, max(t.x(w.To)-t.x(w.From), 2), bottom-labelRow, "the drill itself was late: "+clip(w.Why, 60))
	}
	events, kill := t.drawn(), "kill"
	if len(events) > labelled {
		kill = "kill faint"
	}
	for _, e := range events {
		class := "band"
		switch {
		case e.Err != "":
			class = "band undone"
		case badOf(e) > 0:
			class = "band harm"
		}
		x := t.x(e.Triggered)
		t.rect(class, x, 0, max(t.x(t.until(e))-x, 2), bottom, bandTitle(e))
		for _, k := range e.Killed[:min(len(e.Killed), 16)] {
			t.line(kill, t.x(k.At), 0, t.x(k.At), bottom)
		}
	}
}

func bandTitle(e check.Event) string {
	return clip(eventLine(e), 120)
}

// eventLabels names the bands, as fully as there is room.
func (t *timeline) eventLabels() {
	events := t.drawn()
	crowded := len(events) > labelled
	var taken [labelRows]float64
	put := func(class string, at float64, labels ...string) {
		for _, label := range labels {
			x := max(min(at+2, t.right-room(label)), t.left)
			for row := range taken {
				if x >= taken[row] && (row == 0 || !crowded) {
					taken[row] = x + room(label) + 8
					t.text(class, x, labelRow*float64(row)+11, label)
					return
				}
			}
		}
	}
	if t.r.Control > 0 {
		put("note", t.x(0), "control phase", "control")
	}
	for _, e := range events {
		id := fmt.Sprint(e.ID)
		if crowded {
			class := "note"
			if badOf(e) > 0 {
				class = "note bad"
			}
			put(class, t.x(e.Triggered), id)
			continue
		}
		short, class := id+" "+clip(e.Kind, 18), "note"
		full := short
		if e.Target != "" {
			full += " " + clip(e.Target, 18)
		}
		switch bad := badOf(e); {
		case e.Err != "":
			full += ": not done"
		case bad > 0:
			class = "note bad"
			full += ": " + number(bad) + " bad"
			short += ": " + number(bad) + " bad"
		}
		put(class, t.x(e.Triggered), full, short, id)
	}
	t.y = 6
	for _, until := range taken {
		if until > 0 {
			t.y += labelRow
		}
	}
}

// row writes a name beside a row of a height and goes on below it.
func (t *timeline) row(class, name string, height float64) (top, base float64) {
	top, base = t.y, t.y+height
	t.text(class, t.left-10, top+height/2+4, clip(name, 29))
	t.line("grid", t.left, base, t.right, base)
	t.y = base + 4
	return top, base
}

// title writes a heading between rows.
func (t *timeline) title(s string) {
	t.text("head", 0, t.y+14, s)
	t.y += 20
}

// moments is the axis.
func (t *timeline) moments() {
	for _, at := range t.ticks() {
		t.line("tick", t.x(at), t.y, t.x(at), t.y+4)
		t.text("middle", t.x(at), t.y+16, t.clock(at))
	}
}

// legend explains what the timeline of this run shows: style and meaning.
func legend(r Result) (entries []Setting) {
	events := r.Outcome.Events
	add := func(shown bool, class, meaning string) {
		if shown {
			entries = append(entries, Setting{class, meaning})
		}
	}
	harmful := func(e check.Event) bool { return badOf(e) > 0 }
	failed := func(e check.Event) bool { return e.Err != "" }
	add(slices.ContainsFunc(events, func(e check.Event) bool { return !harmful(e) && !failed(e) }), "band", "an event, from its trigger until it had settled")
	add(slices.ContainsFunc(events, func(e check.Event) bool { return harmful(e) && !failed(e) }), "harm", "an event that hurt users, from its trigger until it had settled")
	add(slices.ContainsFunc(events, failed), "undone", "an event that could not be carried out")
	add(slices.ContainsFunc(events, func(e check.Event) bool { return len(e.Killed) > 0 }), "killed", "an instance was killed (✕ on its row)")
	add(slices.ContainsFunc(r.Outcome.Violations, func(v check.Violation) bool { return !v.Unattributed }), "hurt", "users hurt: when, and on which instance")
	add(slices.ContainsFunc(r.Outcome.Violations, func(v check.Violation) bool { return v.Unattributed }), "excused", "not counted: the drill itself was late")
	add(len(r.Health.Windows) > 0, "late", "the drill itself was late")
	buckets := r.Series.Snapshot().Buckets
	add(slices.ContainsFunc(buckets, func(b Bucket) bool { return b.Breaks > 0 }), "broke", "streams broke; no harm if they went on without a gap")
	recorded := len(buckets) > 0
	add(recorded, "p50", "median time to answer")
	add(recorded, "p99", "99th percentile")
	return entries
}
