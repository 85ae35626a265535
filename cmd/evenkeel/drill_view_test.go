package main

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
	"github.com/evenkeel/evenkeel/internal/drill/plan"
)

func TestDrillViewFits80x24(t *testing.T) {
	v := drillView{target: "http://" + strings.Repeat("long.", 30), elapsed: 83 * time.Second, length: time.Hour, users: 5000}
	v.now.Load = engine.Stats{Phase: engine.Running, Sent: 12_345_678, Sessions: 4711, Failed: 12_345, InFlight: 4999}
	for _, id := range check.IDs() {
		v.now.Check.Exposed[id], v.now.Check.Bad[id] = 12_345_678, 1234
	}
	for range 30 {
		v.events = append(v.events, "  00:10  event 3: kubectl rollout "+strings.Repeat("x", 100))
	}
	lines := v.Lines(80, 24)
	if len(lines) > 24 {
		t.Errorf("%d lines", len(lines))
	}
	for _, l := range lines {
		if n := utf8.RuneCountInString(l); n > 80 {
			t.Errorf("%d columns: %q", n, l)
		}
	}
	text := strings.Join(lines, "\n")
	for _, want := range []string{"violations so far: G1 1,234", "01:23 / 60:00", "4,711 of 5,000 users", "G12  at most once", "Ctrl-C"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	for _, size := range [][2]int{{20, 6}, {1, 1}, {80, 4}} {
		if tiny := v.Lines(size[0], size[1]); len(tiny) > size[1] {
			t.Errorf("%d lines on a terminal of %v", len(tiny), size)
		}
	}
}

func TestEventsInWords(t *testing.T) {
	for want, e := range map[string]history.Event{
		"event 1: exec begins":                             {ID: 1, Kind: "exec", Settled: -1},
		"event 2: kill shop-1 is over (1.5 s)":             {ID: 2, Kind: "kill", Target: "shop-1", Triggered: time.Second, Settled: 2500 * time.Millisecond},
		"event 3: exec a [31m b could not be done: no way": {ID: 3, Kind: "exec", Target: "a\x1b[31m\nb", Err: "no\tway", Settled: 1},
	} {
		if got := eventInWords(e); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// offering is a dialect that has some calls.
type offering struct {
	engine.Dialect
	kinds map[history.Kind]bool
}

func (o offering) Offers(k history.Kind) bool { return o.kinds[k] }

// Before the load it is said what a pass takes, and what cannot be shown.
func TestExpectation(t *testing.T) {
	all := map[history.Kind]bool{}
	for k := history.Login; k <= history.Stream; k++ {
		all[k] = true
	}
	d := &drilling{plan: &plan.Plan{Tier: check.TierProbe, Duration: time.Minute, Check: check.Options{IdleTimeout: 20 * time.Second}}}
	if got := strings.Join(d.expectation(offering{kinds: all}), "\n"); got != "required: G1 G2 G3 G4 G5 G6 G7 G8 G9 G10 G11 G12" {
		t.Errorf("all is there: %s", got)
	}
	all[history.Incr], d.plan.Check.IdleTimeout = false, 21*time.Second
	got := strings.Join(d.expectation(offering{kinds: all}), "\n")
	if !strings.Contains(got, "will not be exercised: G5 (the service offers no incr), G7 (no session timeout of at most 20s") || !strings.Contains(got, "cannot pass") {
		t.Errorf("two are missing: %s", got)
	}
	d.allowed = []check.ID{check.G5, check.G7}
	if got := strings.Join(d.expectation(offering{kinds: all}), "\n"); strings.Contains(got, "cannot pass") || strings.Contains(got, "required: G1 G2 G3 G4 G5") {
		t.Errorf("both are allowed to be: %s", got)
	}
}

func TestVerdictWords(t *testing.T) {
	v := drillView{now: drill.Progress{}}
	if got := v.verdict(); got != "no violation so far" {
		t.Error(got)
	}
	v.now.Health.Windows = []engine.Window{{Why: "timers late"}}
	if got := v.verdict(); !strings.Contains(got, "at its limits (timers late)") {
		t.Error(got)
	}
}
