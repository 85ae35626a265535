package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
)

// Bounds of the page's tables.
const (
	maxEventRows = 100
	maxBlameRows = 40
)

// guaranteeRow is one promise and how it was kept.
type guaranteeRow struct {
	ID, Name, Promise string
	Tone, Status      string
	Exposed, Unit     string
	Bad, Grades       string
	Sessions, Events  string // bounds
	Excused           string
}

func guaranteeRows(r Result) (rows []guaranteeRow) {
	o := r.Outcome
	for _, g := range o.Guarantees {
		row := guaranteeRow{ID: g.ID.String(), Name: g.ID.Name(), Promise: wordOf[g.ID].promise,
			Unit: unit(g.ID, len(o.Events)), Exposed: number(g.Exposed), Bad: number(g.Bad), Grades: grades(g)}
		row.Sessions, row.Events = bound(g.BoundSession, g.Bad), bound(g.BoundEvent, g.Bad)
		switch g.Status {
		case check.Pass:
			row.Tone, row.Status = tone(r, "good"), "kept"
			if row.Tone != "good" {
				row.Status = "not seen broken"
			}
		case check.Fail:
			row.Tone, row.Status = "bad", "broken"
		case check.NotExercised:
			row.Tone, row.Status = "unknown", "not tested"
		}
		if g.Unattributed > 0 {
			row.Excused = number(g.Unattributed) + " not counted: the drill was late"
		}
		rows = append(rows, row)
	}
	return rows
}

// bound is an upper bound in words. There is none where all were bad, and
// where nothing was tested.
func bound(share float64, bad int) string {
	switch {
	case share < 1:
		return "fewer than " + percent(share)
	case bad > 0:
		return "up to all"
	}
	return "nothing known"
}

// eventRow is one event and what it did.
type eventRow struct {
	ID, At       string
	Kind, Target string
	Phases       []string
	Crossings    string
	Tone, Bad    string
}

// eventRows are the events; of too many, those that did harm come first.
func eventRows(r Result) (rows []eventRow, more string) {
	events := r.Outcome.Events
	shown := slices.Clone(events)
	if len(shown) > maxEventRows {
		slices.SortStableFunc(shown, func(a, b check.Event) int {
			return cmp.Or(-cmp.Compare(len(a.Err), len(b.Err)), -cmp.Compare(badOf(a), badOf(b)))
		})
		shown = shown[:maxEventRows]
		slices.SortFunc(shown, func(a, b check.Event) int { return cmp.Compare(a.ID, b.ID) })
		more = "and " + plural(len(events)-maxEventRows, "more event", "more events")
		if !slices.ContainsFunc(shown, func(e check.Event) bool { return badOf(e) == 0 && e.Err == "" }) {
			more += ", the least harmful"
		}
	}
	for _, e := range shown {
		row := newEventRow(e)
		row.Tone = tone(r, row.Tone)
		rows = append(rows, row)
	}
	return rows, more
}

func newEventRow(e check.Event) eventRow {
	row := eventRow{ID: fmt.Sprint(e.ID), At: short(e.Triggered), Kind: clip(e.Kind, 40), Target: clip(e.Target, 40), Crossings: number(e.Crossings)}
	row.Phases = course(e)
	var bad []string
	for _, id := range check.IDs() {
		if n := e.Bad[id]; n > 0 {
			bad = append(bad, harmed(id, n))
		}
	}
	switch {
	case e.Err != "":
		row.Tone, row.Bad = "unsure", "could not be done: "+say(e.Err)
		if len(bad) > 0 {
			row.Tone, row.Bad = "bad", row.Bad+"; "+strings.Join(bad, ", ")
		}
	case len(bad) > 0:
		row.Tone, row.Bad = "bad", strings.Join(bad, ", ")
	case e.Crossings == 0:
		row.Tone, row.Bad = "unknown", "nobody seen before and after it"
	default:
		row.Tone, row.Bad = "good", "nobody hurt"
	}
	return row
}

// course is an event's phases in order, each with its time from the trigger.
func course(e check.Event) (phases []string) {
	type moment struct {
		at   time.Duration
		name string
	}
	moments := []moment{{e.Terminating, "first instance leaving"}, {e.Ready, "last one ready"}, {e.Settled, "settled"}}
	const most = 4
	for _, k := range e.Killed[:min(len(e.Killed), most)] {
		moments = append(moments, moment{k.At, clip(k.Instance, 40) + " killed"})
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	for _, m := range moments {
		switch after := short(m.at - e.Triggered); {
		case m.at < 0:
		case after == short(0):
			phases = append(phases, m.name+" at once")
		default:
			phases = append(phases, m.name+" after "+after)
		}
	}
	if more := len(e.Killed) - most; more > 0 {
		phases = append(phases, number(more)+" more killed")
	}
	if e.Settled < 0 && e.Err == "" {
		phases = append(phases, "not settled by the end")
	}
	return phases
}

// blameRow is what one event did to the users of one instance.
type blameRow struct {
	Harm, Event, Instance string
	From, To              string
}

// blameRows are the listed violations by guarantee, event and instance; most
// first.
func blameRows(o check.Outcome) (rows []blameRow, more string) {
	type key struct {
		id       check.ID
		event    int
		instance string
	}
	type span struct {
		n           int
		first, last time.Duration
	}
	spans := map[key]span{}
	var keys []key
	for _, v := range o.Violations {
		if v.Unattributed {
			continue
		}
		k := key{v.Guarantee, v.Event, v.Instance}
		s, known := spans[k]
		if !known {
			keys = append(keys, k)
			s.first = v.At
		}
		s.n++
		s.first, s.last = min(s.first, v.At), max(s.last, v.At)
		spans[k] = s
	}
	slices.SortStableFunc(keys, func(a, b key) int {
		return cmp.Or(-cmp.Compare(spans[a].n, spans[b].n), cmp.Compare(a.event, b.event), cmp.Compare(a.id, b.id), strings.Compare(a.instance, b.instance))
	})
	names := map[int]string{}
	for _, e := range o.Events {
		names[e.ID] = eventName(e)
	}
	for _, k := range keys[:min(len(keys), maxBlameRows)] {
		row := blameRow{Harm: harmed(k.id, spans[k].n), Event: names[k.event], Instance: clip(k.instance, 40),
			From: short(spans[k].first), To: short(spans[k].last)}
		if k.event != 0 && row.Event == "" {
			row.Event = fmt.Sprint(k.event)
		}
		rows = append(rows, row)
	}
	if n := len(keys) - maxBlameRows; n > 0 {
		more = "and " + plural(n, "more row", "more rows") + ", smaller than these"
	}
	return rows, more
}
