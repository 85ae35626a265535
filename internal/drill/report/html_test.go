package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

func pow10(x float64) float64 { return math.Pow(10, x) }

func render(t testing.TB, r Result) string {
	t.Helper()
	var buf bytes.Buffer
	if err := HTML(&buf, r); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

// recorded adds to a result what only the page shows.
func recorded(r Result) Result {
	r.Series = &Series{}
	for i := range 120 {
		when := float64(i) / 2
		op := answer([]string{"shop-a", "shop-b", "shop-c"}[i%3], when, when+0.001*float64(1+i%7))
		if i == 32 {
			op.Failure, op.Status, op.Instance = &history.Failure{What: "refused"}, 0, ""
		}
		r.Series.Observe(op)
	}
	r.Started = time.Date(2026, 3, 4, 3, 0, 0, 0, time.UTC)
	r.Control = 15 * time.Second
	r.Config = []Setting{{"address", "127.0.0.1:8080"}, {"users", "200"}}
	return r
}

// longRun is ten minutes at 100 requests a second with an event every five
// seconds, 150 instances and a thousand violations.
func longRun() Result {
	r := cleanRun()
	rng := rand.New(rand.NewPCG(7, 7))
	o := &r.Outcome
	r.Strategy, r.Verdict, r.Control = "sticky", check.VerdictFail, 10*time.Second
	o.Duration, o.Events = 10*time.Minute, nil
	name := func(second int) string { return fmt.Sprintf("shop-%d", second/4+rng.IntN(4)) }
	r.Series = &Series{}
	for i := range 60_000 {
		when := float64(i) / 100
		r.Series.Observe(answer(name(int(when)), when, when+0.002*rng.ExpFloat64()))
	}
	kinds := []string{"scale-in", "rolling-restart", "kill", "scale-out"}
	for i := range 118 {
		begin := at(10 + 5*float64(i))
		e := check.Event{Crossings: 200, Bad: map[check.ID]int{}, Event: history.Event{ID: i + 1, Kind: kinds[i%4],
			Target: name(10 + 5*i), Triggered: begin, Terminating: begin, Ready: -1, Settled: begin + at(1.5)}}
		if e.Kind == "kill" {
			e.Killed = []history.Kill{{Instance: e.Target, At: begin}}
		}
		o.Events = append(o.Events, e)
	}
	for i := range 1000 {
		id := []check.ID{check.G1, check.G1, check.G4, check.G10}[i%4]
		n := rng.IntN(100)
		e := &o.Events[n]
		v := check.Violation{Guarantee: id, Grade: check.Lost, User: "u1", LastGood: e.Triggered, At: e.Triggered + at(rng.Float64()),
			Event: n + 1, Instance: e.Target, Detail: "u1 was logged in and is answered as anonymous"}
		for s := range 12 {
			v.Witness = append(v.Witness, check.Step{Call: v.At - at(float64(12-s)), Return: v.At - at(float64(12-s)) + at(.001),
				Kind: history.Append, Token: "u1-1-1", Status: 200, Instance: e.Target, Tokens: -1})
		}
		v.Witness[11].Return, v.Witness[11].Note = v.At, "anonymous"
		e.Bad[id]++
		g := &o.Guarantees[id-1]
		g.Bad++
		g.Lost++
		g.Status = check.Fail
		o.Violations = append(o.Violations, v)
	}
	return r
}

func TestHTMLGolden(t *testing.T) {
	for name, r := range map[string]Result{"pass.html": recorded(cleanRun()), "fail.html": proved()} {
		golden(t, name, []byte(render(t, r)))
	}
}

// checkPage holds for every page: one whole file that needs nothing else.
func checkPage(t *testing.T, html string) {
	t.Helper()
	if len(html) >= 1<<20 {
		t.Errorf("%d bytes", len(html))
	}
	for _, bad := range []string{"<script", "src=", "url(", "@import", "NaN", "Inf", "%!", "<no value>", "ZgotmplZ", "\x00"} {
		if strings.Contains(html, bad) {
			i := strings.Index(html, bad)
			t.Errorf("%q in …%s…", bad, html[max(0, i-60):min(len(html), i+60)])
		}
	}
	if links := regexp.MustCompile(`href="[^"]*"`).FindAllString(html, -1); !slices.Equal(links, []string{`href="data:,"`}) {
		t.Errorf("links %q", links)
	}
	// An address may stand in the text, and in what a picture is called; nothing
	// is fetched from it.
	inert := regexp.MustCompile(`(?s)\b(aria-label|class|d)="[^"]*"`).ReplaceAllString(html, "")
	if tag := regexp.MustCompile(`<[a-z](?:"[^"]*"|[^">])*//(?:"[^"]*"|[^">])*>`).FindString(inert); tag != "" {
		t.Errorf("an address in %s", tag)
	}
	var open []string
	for _, tag := range tags(html) {
		name, closing := strings.CutPrefix(tag, "/")
		switch {
		case slices.Contains([]string{"meta", "link", "br"}, name):
		case closing && (len(open) == 0 || open[len(open)-1] != name):
			t.Fatalf("</%s> within %q", name, open)
		case closing:
			open = open[:len(open)-1]
		default:
			open = append(open, name)
		}
	}
	if len(open) > 0 {
		t.Errorf("not closed: %q", open)
	}
}

var tagPattern = regexp.MustCompile(`<(/?[a-z][a-z0-9]*)(?:"[^"]*"|[^">])*>`)

// tags are the names of the elements as they open and close.
func tags(html string) (names []string) {
	for _, m := range tagPattern.FindAllStringSubmatch(html, -1) {
		names = append(names, m[1])
	}
	return names
}

// Whatever the service says is text.
func TestHTMLEscapes(t *testing.T) {
	with := func(s string) string {
		r, instance := recorded(brokenRun()), "a"+s // which sorts alike for every s
		o := &r.Outcome
		r.Strategy, o.Events[0].Kind, o.Events[0].Target, o.Events[1].Err = s, s, s, s
		o.Events[0].Killed = []history.Kill{{Instance: instance, At: at(15.1)}}
		r.Health.Windows = []Window{{at(20), at(21), s}}
		r.Config = []Setting{{s, s}}
		r.Series.Observe(answer(instance, 1, 1.1))
		for i := range o.Violations {
			v := &o.Violations[i]
			v.User, v.Instance, v.Detail = s, instance, s
			for j := range v.Witness {
				v.Witness[j].Instance, v.Witness[j].Token = instance, s
			}
		}
		o.Violations[0].Witness[2].Note = s
		return render(t, r)
	}
	plain := tags(with(strings.Repeat("x", 34)))
	for _, s := range []string{
		`"><script>alert(1)</script>xxxxxxx`,
		`</title></svg><img onerror=x() />x`,
		"</style><style>*{display:none}</st",
		`{{.Title}}<!-- ' onload=alert(1)xx`,
		"\x00\x1b[31m\u202e<b>\r\n javascript:x(1)xxx",
	} {
		html := with(s)
		checkPage(t, html)
		if got := tags(html); !slices.Equal(got, plain) {
			t.Errorf("%q changes the page", s)
		}
		for _, bad := range []string{"<script>alert", "<img", "<b>\r", "\x1b", "\u202e", "onload=alert(1)xx\""} {
			if strings.Contains(html, bad) {
				t.Errorf("%q is in the page", bad)
			}
		}
	}
}

func TestHTMLSize(t *testing.T) {
	r := longRun()
	began := time.Now()
	html := render(t, r)
	t.Logf("10 minutes, 118 events, 1,000 violations: %d KB in %v", len(html)>>10, time.Since(began))
	checkPage(t, html)

	// The worst: everything is broken all the time, and named at length.
	long := strings.Repeat(`"<&é`, 200)
	for i := range 900 {
		e := r.Outcome.Events[i%len(r.Outcome.Events)]
		e.ID, e.Kind, e.Target, e.Err = 1000+i, long, long, long
		r.Outcome.Events = append(r.Outcome.Events, e)
	}
	for i := range r.Outcome.Guarantees {
		g := &r.Outcome.Guarantees[i]
		g.Status, g.Bad = check.Fail, 100_000
		for s := range 2000 {
			v := check.Violation{Guarantee: g.ID, User: long, Detail: long, Instance: fmt.Sprint(s, long), Event: 1000 + s, At: at(float64(s) * .3)}
			for range 12 {
				v.Witness = append(v.Witness, check.Step{Instance: long, Token: long, Note: long, Call: at(1), Return: at(2)})
			}
			r.Outcome.Violations = append(r.Outcome.Violations, v)
		}
	}
	for i := range 30_000 {
		r.Series.Observe(answer(fmt.Sprint(i%300, long), 0, float64(i)*.02))
	}
	for range 5000 {
		r.Health.Windows = append(r.Health.Windows, Window{0, at(600), long})
		r.Config = append(r.Config, Setting{long, long})
	}
	began = time.Now()
	html = render(t, r)
	t.Logf("the worst: %d KB in %v", len(html)>>10, time.Since(began))
	checkPage(t, html)
}

// section is the part of the page with that ID.
func section(t *testing.T, html, id string) string {
	t.Helper()
	_, rest, found := strings.Cut(html, `id="`+id+`"`)
	if !found {
		t.Fatalf("no section %s", id)
	}
	part, _, _ := strings.Cut(rest, "</section>")
	return part
}

func TestHTMLRows(t *testing.T) {
	html := render(t, recorded(brokenRun()))
	checkPage(t, html)
	for id, want := range map[string]int{"guarantees": 12, "events": 2 + 3, "blame": 3, "witnesses": 3, "trust": 3} {
		part := section(t, html, id)
		if got := strings.Count(part, "<tr") - strings.Count(part, "<thead"); got != want {
			t.Errorf("%s: %d rows, want %d", id, got, want)
		}
	}
	if got := strings.Count(html, "<article>"); got != 3 {
		t.Errorf("%d examples, want one for each guarantee that was broken", got)
	}
	if got, want := strings.Count(section(t, html, "hints"), "<li>"), len(Hints(brokenRun()))+3; got != want {
		t.Errorf("%d hints and lines of whose users were hurt, want %d", got, want)
	}
	for _, want := range []string{
		"Users were hurt: 2 sessions lost, 1 update lost and 1 request failed.",
		"All of it during events: 1 of 2 did harm.",
		`<tr class="bad"><td><strong>You stay signed in</strong>`, "fewer than 0.27 %", "not settled by the end",
		"<strong>2 sessions lost</strong>", "1 (scale-in shop-a)", "← anonymous", "1 not counted: the drill was late",
		"In the first 15.0 s nothing was scaled and nobody was hurt", "2026-03-04 03:00:00 UTC", "127.0.0.1:8080",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("%q is missing", want)
		}
	}
	many := recorded(longRun())
	part := section(t, render(t, many), "events")
	if got := strings.Count(part, "<tr") - 2; got != maxEventRows+maxBlameRows {
		t.Errorf("%d rows of events and blame, want %d", got, maxEventRows+maxBlameRows)
	}
	if !strings.Contains(part, "and 18 more events") {
		t.Error("the page does not say that there are more events")
	}
}

// The timeline and the tables say which event and which instance.
func TestHTMLAttributes(t *testing.T) {
	html := render(t, recorded(brokenRun()))
	timeline := section(t, html, "timeline")
	for _, want := range []string{`class="band harm"`, "1 scale-in shop-a: 4 bad", "2 sessions lost, event 1, shop-a", ">shop-a</text>", ">shop-c</text>", `class="excused"`} {
		if !strings.Contains(timeline, want) {
			t.Errorf("the timeline lacks %q", want)
		}
	}
}

// What was not exercised is never shown as good, nor is anything in a run that
// proves nothing.
func TestHTMLNothingGreenUnproven(t *testing.T) {
	html := render(t, cleanRun())
	if got := strings.Count(section(t, html, "guarantees"), `<tr class="unknown">`); got != 2 {
		t.Errorf("%d guarantees greyed, want G7 and G11", got)
	}
	for _, row := range guaranteeRows(cleanRun()) {
		if untested := row.ID == "G7" || row.ID == "G11"; untested != (row.Tone == "unknown") || untested == (row.Tone == "good") {
			t.Errorf("%s is %s", row.ID, row.Tone)
		}
	}
	untested := Result{Verdict: check.VerdictNotExercised, Unexercised: []check.ID{check.G1}}
	for _, tile := range tiles(untested) {
		if tile.Tone != "unknown" || tile.Figure != "?" {
			t.Errorf("untested: %+v", tile)
		}
	}
	r := recorded(cleanRun())
	r.Verdict, r.Outcome.Inconclusive = check.VerdictInconclusive, []string{"the drill itself was late"}
	html = render(t, r)
	if strings.Contains(html, `class="good"`) {
		t.Error("something is green in a run that proves nothing")
	}
	if !strings.Contains(html, "proves nothing") || !strings.Contains(html, "Run it again") {
		t.Error("an inconclusive run does not say so, or not what to do")
	}
}

func TestHTMLOdd(t *testing.T) {
	odd := func(change func(*Result)) Result {
		r := recorded(brokenRun())
		change(&r)
		return r
	}
	for name, test := range map[string]struct {
		r    Result
		want string
	}{
		"nothing at all": {Result{}, "Nothing happened that could be drawn"},
		"no series":      {odd(func(r *Result) { r.Series = nil }), "were not recorded"},
		"empty series":   {odd(func(r *Result) { r.Series = &Series{} }), "were not recorded"},
		"no events":      {odd(func(r *Result) { r.Outcome.Events = nil }), "There were no events"},
		"no violations":  {odd(func(r *Result) { r.Outcome.Violations = nil }), "none was kept as an example"},
		"no duration":    {odd(func(r *Result) { r.Outcome.Duration = 0 }), "<svg"},
		"no control":     {odd(func(r *Result) { r.Control = 0 }), "no phase without events"},
		"only control":   {odd(func(r *Result) { r.Control = time.Hour }), "before the first event"},
		"unknown":        {odd(func(r *Result) { r.Verdict = "strange" }), "STRANGE"},
		"failed event": {odd(func(r *Result) {
			r.Verdict, r.Outcome.Events[0].Err = check.VerdictEventFailed, "kubectl: exit status 1"
		}), "could not be done: kubectl: exit status 1"},
		"no phases": {odd(func(r *Result) {
			r.Outcome.Events[0].Event = history.Event{ID: 1, Kind: "kill", Triggered: -1, Terminating: -1, Ready: -1, Settled: -1}
		}), "nobody was hurt"},
		"unknown event":  {odd(func(r *Result) { r.Outcome.Violations[0].Event = 77 }), "in event 77"},
		"nobody crossed": {odd(func(r *Result) { r.Outcome.Events[1].Crossings = 0 }), "nobody seen before and after it"},
		"witness of one": {odd(func(r *Result) { r.Outcome.Violations[0].Witness = r.Outcome.Violations[0].Witness[2:] }), "← anonymous"},
		"witness without times": {odd(func(r *Result) {
			r.Outcome.Violations[0].Witness = []check.Step{{Tokens: -1}, {Tokens: -1, Note: "anonymous", Kind: 99}}
		}), "kind(99)"},
		"a nanosecond":   {odd(func(r *Result) { r.Outcome.Duration = 1 }), "<svg"},
		"ten days":       {odd(func(r *Result) { r.Outcome.Duration = 240 * time.Hour }), "<svg"},
		"one violation":  {odd(func(r *Result) { r.Outcome.Violations = r.Outcome.Violations[:1] }), "<svg"},
		"before the run": {odd(func(r *Result) { r.Outcome.Violations[0].At = -5 }), "<svg"},
		"after the run":  {odd(func(r *Result) { r.Outcome.Violations[0].At = time.Hour }), "<svg"},
		"killed":         {odd(func(r *Result) { r.Outcome.Events[0].Killed = []history.Kill{{Instance: "shop-a", At: at(15.1)}} }), "✕"},
	} {
		t.Run(name, func(t *testing.T) {
			html := render(t, test.r)
			checkPage(t, html)
			if !strings.Contains(html, test.want) {
				t.Errorf("%q is missing", test.want)
			}
		})
	}
}

// How many events there were decides what was proved.
func TestEventLimit(t *testing.T) {
	run := func(events, bad int) check.Outcome {
		var o check.Outcome
		for i := range events {
			e := check.Event{Event: history.Event{ID: i + 1, Settled: 1}, Bad: map[check.ID]int{}}
			if i < bad {
				e.Bad[check.G1] = 3
			}
			o.Events = append(o.Events, e)
		}
		return o
	}
	for _, test := range []struct {
		events, bad int
		want        string
	}{
		{0, 0, "No event was carried out"}, {20, 0, "fewer than 14.0 %"}, {59, 0, "fewer than 5.0 %"},
		{1, 0, "1 event did no harm"}, {20, 1, "1 of 20 events did harm. With 95 % confidence fewer than 21."}, {3, 3, "3 of 3 events did harm. Losses"},
	} {
		if got := eventLimit(run(test.events, test.bad)); !strings.Contains(got, test.want) {
			t.Errorf("%d events, %d bad: %q lacks %q", test.events, test.bad, got, test.want)
		}
	}
}

func TestWriteHTML(t *testing.T) {
	r := recorded(brokenRun())
	name := filepath.Join(t.TempDir(), "report.html")
	var stdout bytes.Buffer
	if err := errors.Join(WriteHTML(name, nil, r), WriteHTML("-", &stdout, r)); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(name)
	if err != nil || string(got) != render(t, r) || stdout.String() != string(got) {
		t.Errorf("the file is not the page, or %v", err)
	}
	for render, write := range map[string]func(string, io.Writer, Result) error{"json": WriteFile, "html": WriteHTML} {
		if err := write("-", broken{}, r); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s to a closed pipe: %v", render, err)
		}
	}
}

// broken refuses all that is written.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
