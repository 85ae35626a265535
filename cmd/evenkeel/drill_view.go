package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
	"github.com/evenkeel/evenkeel/internal/drill/screen"
)

// drillView is how a drill stands at one moment.
type drillView struct {
	target          string
	elapsed, length time.Duration
	users           int
	now             drill.Progress
	events, log     []string
}

func (d *drilling) view(now drill.Progress) screen.Picture {
	v := drillView{
		target: d.target(), elapsed: min(now.Load.Elapsed, d.plan.Duration), length: d.plan.Duration,
		users: d.plan.Users, now: now,
	}
	v.events, v.log = d.log.lines()
	return v
}

// verdict is how it goes so far.
func (v drillView) verdict() string {
	var bad []string
	for _, id := range check.IDs() {
		if n := v.bad(id); n > 0 {
			bad = append(bad, fmt.Sprintf("%v %s", id, screen.Thousands(n)))
		}
	}
	if len(bad) > 0 {
		return "violations so far: " + strings.Join(bad, ", ")
	}
	if why := v.late(); why != "" {
		return "no violation so far, but the drill is at its limits (" + why + ")"
	}
	return "no violation so far"
}

// bad are the violations that are proven, and sessions and changes that are
// missing at the moment.
func (v drillView) bad(id check.ID) int { return v.now.Check.Bad[id] + v.now.Check.Suspect[id] }

// late says why the drill is no good witness at the moment.
func (v drillView) late() string {
	if n := len(v.now.Health.Windows); n > 0 && v.now.Load.Elapsed-v.now.Health.Windows[n-1].To < 3*time.Second {
		return v.now.Health.Windows[n-1].Why
	}
	return ""
}

// Lines draws the view.
func (v drillView) Lines(width, height int) []string {
	clock := screen.Minutes(v.elapsed) + " / " + screen.Minutes(v.length)
	head := screen.Clip(v.verdict(), width-len(clock)-1)
	load := v.now.Load
	out := []string{
		head + strings.Repeat(" ", max(1, width-utf8.RuneCountInString(head)-len(clock))) + clock,
		v.target,
		fmt.Sprintf("%s: %s of %s users in, p99 %v, %s requests, %s failed, %d in flight",
			load.Phase, screen.Thousands(int(load.Sessions)), screen.Thousands(v.users), load.FromSend.P99.Round(time.Millisecond/10),
			screen.Thousands(int(load.Sent)), screen.Thousands(int(load.Failed)), load.InFlight),
		"",
		"  guarantee                     exposed          bad",
	}
	for _, id := range check.IDs() {
		out = append(out, fmt.Sprintf("  %-4v %-20s %12s %12s", id, id.Name(), screen.Thousands(v.now.Check.Exposed[id]), screen.Thousands(v.bad(id))))
	}
	out = append(out, "")
	foot := []string{"", "  Ctrl-C ends the load and says what is known"}
	return screen.Fit(out, v.events, foot, width, height)
}

// Plain is the view as one line.
func (v drillView) Plain() string {
	return fmt.Sprintf("%s  %s; %s requests, %s users signed in", screen.Minutes(v.elapsed), v.verdict(),
		screen.Thousands(int(v.now.Load.Sent)), screen.Thousands(int(v.now.Load.Sessions)))
}

// Log is what was said of events.
func (v drillView) Log() []string { return v.log }

// drillLog turns events into lines. The zero value is empty; it is safe for
// concurrent use.
type drillLog struct {
	mu     sync.Mutex
	events []history.Event
	said   []string
}

// add takes an event when it begins and when it is over.
func (l *drillLog) add(e history.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = append(l.said, screen.Minutes(max(e.Triggered, e.Settled))+"  "+eventInWords(e))
	if i := slices.IndexFunc(l.events, func(x history.Event) bool { return x.ID == e.ID }); i >= 0 {
		l.events[i] = e
		return
	}
	l.events = append(l.events, e)
}

// lines are the events, one each, and what was said of them in order.
func (l *drillLog) lines() (lines, said []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events {
		lines = append(lines, "  "+screen.Minutes(e.Triggered)+"  "+eventInWords(e))
	}
	return lines, slices.Clone(l.said)
}

func eventInWords(e history.Event) string {
	s := fmt.Sprintf("event %d: %s", e.ID, e.Kind)
	if e.Target != "" {
		s += " " + screen.Clip(printable(e.Target), 60)
	}
	switch {
	case e.Err != "":
		return s + " could not be done: " + screen.Clip(printable(e.Err), 400)
	case e.Settled >= 0:
		return fmt.Sprintf("%s is over (%.1f s)", s, (e.Settled - e.Triggered).Seconds())
	}
	return s + " begins"
}

// printable makes one line without control characters of a text of others.
func printable(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "?"), func(r rune) bool { return r < 0x20 || r == 0x7f || r == ' ' }), " ")
}
