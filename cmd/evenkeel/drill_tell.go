package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
	"github.com/evenkeel/evenkeel/internal/drill/report"
	"github.com/evenkeel/evenkeel/internal/drill/screen"
)

// text is where words go: standard error when the result goes to standard
// output, so that it can be piped.
func (d *drilling) text() io.Writer {
	for _, f := range d.flags.files() {
		if f.path == "-" {
			return d.io.Err
		}
	}
	return d.io.Out
}

// say prints lines of at most 80 columns.
func (d *drilling) say(lines []string) {
	for _, l := range lines {
		for i, part := range screen.Wrap(l, 76) {
			if i > 0 {
				part = "  " + part
			}
			fmt.Fprintln(d.text(), part)
		}
	}
}

var tierNames = map[check.Tier]string{
	check.TierMarker: "T1, login and marker", check.TierJourney: "T2, journey", check.TierProbe: "T3, probe",
}

// target is the service in words.
func (d *drilling) target() string {
	if len(d.plan.Targets) == 0 {
		return "instances on this machine"
	}
	return strings.Join(d.plan.Targets, ", ")
}

// pace is the load in words.
func (d *drilling) pace() string {
	if r := d.plan.Pace.Rate; r > 0 {
		return fmt.Sprintf("%g operations/s", r)
	}
	return fmt.Sprintf("each doing something every %v", cmp.Or(d.plan.Pace.Think, 500*time.Millisecond))
}

// headline says what is about to be drilled.
func (d *drilling) headline() []string {
	p := d.plan
	lines := []string{
		fmt.Sprintf("drilling %s (%s)", d.target(), tierNames[p.Tier]),
		fmt.Sprintf("%s, %s, for %v; %s", screen.Count(p.Users, "user", "users"), d.pace(), p.Duration, d.eventsInWords()),
	}
	if d.file != "" {
		lines = append(lines, "as "+d.file+" says")
	}
	return lines
}

func (d *drilling) eventsInWords() string {
	if len(d.actions) == 0 {
		return "no events"
	}
	var kinds []string
	for _, a := range d.actions {
		kinds = append(kinds, a.Kind)
	}
	return fmt.Sprintf("after %v every %v: %s", d.plan.Control, d.plan.Events.Every, strings.Join(kinds, ", "))
}

// expectation says what a pass takes, and what this run cannot show.
func (d *drilling) expectation(found engine.Dialect) []string {
	missing := d.unexercisable(found)
	required := slices.DeleteFunc(check.Required(d.plan.Tier), func(id check.ID) bool { return slices.Contains(d.allowed, id) })
	lines := []string{"required: " + join(required)}
	var not []string
	bad := false
	for _, id := range check.IDs() {
		if why, is := missing[id]; is {
			not = append(not, fmt.Sprintf("%v (%s)", id, why))
			bad = bad || slices.Contains(required, id)
		}
	}
	if len(not) == 0 {
		return lines
	}
	line := "will not be exercised: " + strings.Join(not, ", ")
	if bad {
		line += "; so this run cannot pass, unless --allow-unexercised lists what is required of these"
	}
	return append(lines, line)
}

func join(ids []check.ID) string {
	var names []string
	for _, id := range ids {
		names = append(names, id.String())
	}
	return cmp.Or(strings.Join(names, " "), "nothing")
}

// unexercisable are the guarantees that this run cannot exercise, and why.
func (d *drilling) unexercisable(found engine.Dialect) map[check.ID]string {
	missing := map[check.ID]string{}
	for _, need := range []struct {
		kind history.Kind
		ids  []check.ID
	}{
		{history.State, []check.ID{check.G1, check.G2, check.G3, check.G4, check.G6, check.G12}},
		{history.Append, []check.ID{check.G2, check.G3, check.G4, check.G12}},
		{history.Incr, []check.ID{check.G5}},
		{history.Logout, []check.ID{check.G9}},
		{history.Stream, []check.ID{check.G11}},
	} {
		for _, id := range need.ids {
			if !found.Offers(need.kind) && missing[id] == "" {
				missing[id] = "the service offers no " + need.kind.String()
			}
		}
	}
	// The engine tries timeouts of at most a third of the load.
	idle, absolute, most := d.plan.Check.IdleTimeout, d.plan.Check.AbsoluteTimeout, d.plan.Duration/3
	if (idle == 0 || idle > most) && (absolute == 0 || absolute > most) {
		missing[check.G7] = fmt.Sprintf("no session timeout of at most %v, a third of the run, is configured", most.Round(time.Second))
	}
	return missing
}

// output is a file that was asked for.
type output struct {
	flag, path string
	write      func(name string, stdout io.Writer, r report.Result) error
}

func (flags *drillFlags) files() []output {
	all := []output{
		{"json", flags.json, report.WriteFile}, {"html", flags.html, report.WriteHTML}, {"junit", flags.junit, report.WriteJUnit},
		{"markdown", flags.markdown, report.WriteMarkdown}, {"prometheus", flags.prom, report.WritePrometheus},
	}
	return slices.DeleteFunc(all, func(o output) bool { return o.path == "" })
}

// settings are how the drill was set up.
func (d *drilling) settings() []report.Setting {
	return []report.Setting{
		{Name: "target", Value: d.target()}, {Name: "tier", Value: tierNames[d.plan.Tier]},
		{Name: "users", Value: screen.Thousands(d.plan.Users)}, {Name: "load", Value: d.pace()},
		{Name: "duration", Value: d.plan.Duration.String()}, {Name: "events", Value: d.eventsInWords()},
		{Name: "may stay unexercised", Value: join(d.allowed)}, {Name: "seed", Value: fmt.Sprint(d.seed)},
	}
}

// result is what the drill showed, judged; the record adds how it was set up.
func (d *drilling) result(ctx context.Context, got drill.Result) report.Result {
	if ctx.Err() != nil {
		got.Outcome.Inconclusive = append(got.Outcome.Inconclusive,
			fmt.Sprintf("it was interrupted after %v of %v", time.Since(d.started).Round(time.Second), d.plan.Duration))
	}
	r := got.Report(check.Required(d.plan.Tier), d.allowed)
	r.Series = &d.series
	return r
}

// conclude tells the verdict, writes what was asked for, and returns the exit
// code. A violation that was found before an interrupt is one.
func (d *drilling) conclude(ctx context.Context, r report.Result) (int, error) {
	out := d.text()
	fmt.Fprintf(out, "\n%s", report.Text(r))
	if err := d.flags.write(d.io.Out, r); err != nil {
		return exitUsage, err
	}
	fmt.Fprintf(out, "\nverdict: %s\n", strings.ReplaceAll(string(r.Verdict), "_", " "))
	if ctx.Err() != nil && r.Verdict != check.VerdictFail {
		return exitInterrupted, nil
	}
	return r.Verdict.ExitCode(), nil
}

// write writes the files that were asked for.
func (flags *drillFlags) write(stdout io.Writer, r report.Result) error {
	for _, f := range flags.files() {
		if err := f.write(f.path, stdout, r); err != nil {
			return fmt.Errorf("--%s: %w", f.flag, err)
		}
	}
	return nil
}

// reason is the verdict's line of the report.
func reason(r report.Result) string {
	head, _, _ := strings.Cut(report.Text(r), "\n  ")
	return strings.Join(strings.Fields(head), " ")
}
