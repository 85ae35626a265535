package record_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
	"github.com/evenkeel/evenkeel/internal/drill/record"
	"github.com/evenkeel/evenkeel/internal/drill/report"
	"github.com/evenkeel/evenkeel/internal/proctest"
)

// required of a service without expiry and streams.
var required = []check.ID{check.G1, check.G2, check.G3, check.G4, check.G5, check.G6, check.G8, check.G10, check.G12}

// drilled runs a small drill in which shop-2 is replaced, and keeps its record.
func drilled(t testing.TB, s *shop, harmful bool, opt record.Options) (dir string, w *record.Writer, r report.Result) {
	t.Helper()
	url, dir := s.start(t), t.TempDir()
	dialect := engine.Probe{Secret: secret}
	opt.Describe = record.Describe(dialect)
	checking := check.Options{RenewalGrace: time.Hour}
	w, err := record.Create(dir, record.Header{Version: "test", Started: time.Now(), Users: 12, Control: time.Second, Target: url,
		Config: []report.Setting{{Name: "secret", Value: "***"}}, Required: required, Check: checking}, opt)
	if err != nil {
		t.Fatal(err)
	}
	series, judge := &report.Series{}, check.New(checking) // which no busy machine makes lenient
	run, err := drill.New(drill.Options{
		Load: engine.Options{Targets: []string{url}, Dialect: dialect, Users: 12, Pace: engine.Pace{Think: 100 * time.Millisecond},
			Duration: 4500 * time.Millisecond, Slow: engine.Slow{Kept: -1}},
		Check: checking, Control: time.Second, Every: time.Second,
		Actions: func(int) drill.Action {
			return drill.Action{Kind: "kill", Do: func(_ context.Context, scene *drill.Scene) error {
				scene.Target("shop-2")
				scene.Killed("shop-2")
				if harmful {
					s.lose("shop-2")
				}
				scene.Ready()
				return nil
			}}
		},
		Observe:  func(op history.Op) { series.Observe(op); judge.Observe(op); w.Observe(op) },
		Announce: func(e history.Event) { judge.Event(e); w.Event(e) },
	})
	if err != nil {
		t.Fatal(err)
	}
	result, err := run.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h, o := result.Health, judge.Finish()
	r = report.Result{Verdict: check.Judge(o, required, nil), Unexercised: check.Unexercised(o, required, nil), Outcome: o, Series: series,
		Health: report.Health{Status: h.Status, LatenessP999: h.LatenessP999, CPU: h.CPU}}
	return dir, w, r
}

// rendered are all reports of a result.
func rendered(t testing.TB, r report.Result) map[string]string {
	t.Helper()
	all := map[string]string{"text": report.Text(r)}
	for name, render := range map[string]func(io.Writer, report.Result) error{"html": report.HTML, "json": report.JSON, "junit": report.JUnit,
		"markdown": report.Markdown, "prometheus": report.Prometheus} {
		var b bytes.Buffer
		if err := render(&b, r); err != nil {
			t.Fatal(err)
		}
		all[name] = b.String()
	}
	return all
}

func same(t *testing.T, want, got map[string]string) {
	t.Helper()
	for name := range want {
		if d := cmp.Diff(want[name], got[name]); d != "" {
			t.Errorf("%s is rendered differently:\n%s", name, d)
		}
	}
}

func unpacked(t testing.TB, dir string) string {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, record.Name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	gz, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(gz)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	return string(text)
}

func load(t testing.TB, dir string) *record.Run {
	t.Helper()
	run, err := record.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// The control: nothing is found, and hardly anything kept.
func TestAGoodRun(t *testing.T) {
	t.Parallel()
	dir, w, r := drilled(t, &shop{}, false, record.Options{})
	finished, err := w.Finish(r)
	if err != nil {
		t.Fatal(err)
	}
	if finished.Verdict != check.VerdictPass || len(finished.Outcome.Violations) > 0 {
		t.Fatalf("%s", report.Text(finished))
	}
	run := load(t, dir)
	same(t, rendered(t, finished), rendered(t, run.Result))
	text := unpacked(t, dir)
	if n := strings.Count(text, `{"op":`); n > 0 || run.Partial != "" {
		t.Errorf("%d operations are kept of users to whom nothing happened, or partial: %q", n, run.Partial)
	}
	if n := strings.Count(text, `{"event":`); n < 2 {
		t.Errorf("%d lines of events", n)
	}
}

// The planted fault: found, proved, kept without secrets, and rendered again.
func TestABadRun(t *testing.T) {
	t.Parallel()
	s := &shop{}
	dir, w, r := drilled(t, s, true, record.Options{Others: true})
	finished, err := w.Finish(r)
	if err != nil {
		t.Fatal(err)
	}
	if finished.Verdict != check.VerdictFail {
		t.Fatalf("%s", report.Text(finished))
	}
	same(t, rendered(t, finished), rendered(t, load(t, dir).Result))
	text := unpacked(t, dir)
	page := rendered(t, finished)
	for _, id := range s.issued {
		for name, where := range map[string]string{"record": text, "page": page["html"], "json": page["json"], "markdown": page["markdown"]} {
			if strings.Contains(where, `"`+id+`"`) || strings.Contains(where, id+" ") {
				t.Fatalf("cookie %s is in the %s", id, name)
			}
		}
	}
	for name, where := range page {
		if strings.Contains(where, secret) || strings.Contains(where, "cookie-of") {
			t.Errorf("the secret or a cookie is in the %s", name)
		}
	}
	if strings.Contains(text, secret) {
		t.Error("the secret is in the record")
	}
	i := report.Examples(finished.Outcome)[0]
	v := finished.Outcome.Violations[i]
	if v.Guarantee != check.G1 || !v.Minimal || len(v.Witness) > 3 || v.Witness[0].Kind != history.Login || v.Witness[len(v.Witness)-1].Note == "" {
		t.Errorf("no minimal witness: %+v", v)
	}
	for _, want := range []string{`curl -si -b "$JAR" -c "$JAR" -X POST -H 'X-Evenkeel-Probe: '"$X_EVENKEEL_PROBE" "$BASE"'/probe/login?u=u`, "BASE=http://127.0.0.1:", "# event "} {
		if !strings.Contains(page["markdown"], want) {
			t.Errorf("no %q in %s", want, page["markdown"])
		}
	}
	if !strings.Contains(page["text"], "lost sessions were of shop-2, in") {
		t.Errorf("the instance is not named: %s", page["text"])
	}
}

// A drill that was killed: what is in the file is judged again.
func TestAKilledRun(t *testing.T) {
	t.Parallel()
	dir, w, r := drilled(t, &shop{}, true, record.Options{})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	run := load(t, dir)
	if run.Partial == "" || run.Result.Verdict != check.VerdictFail || len(run.Result.Outcome.Inconclusive) == 0 {
		t.Fatalf("partial %q, %s", run.Partial, run.Result.Verdict)
	}
	ignore := cmp.Options{
		cmpopts.IgnoreFields(check.Outcome{}, "Inconclusive", "Limited"),
		// Which of two overlapping answers showed it first depends on the order
		// in which they were written down.
		cmpopts.IgnoreFields(check.Violation{}, "At", "Witness", "Instance"),
	}
	if d := cmp.Diff(r.Outcome, run.Result.Outcome, ignore); d != "" {
		t.Errorf("judged differently:\n%s", d)
	}
	whole, err := os.ReadFile(filepath.Join(dir, record.Name))
	if err != nil {
		t.Fatal(err)
	}
	header, judged := 0, 0
	for size := 0; size < len(whole); size += max(len(whole)/40, 1) {
		run, err := record.Read(bytes.NewReader(whole[:size]))
		switch {
		case err != nil && !strings.Contains(err.Error(), "ends before its header"):
			t.Errorf("of %d bytes: %v", size, err)
		case err != nil:
			header++
		default:
			judged++
			rendered(t, run.Result)
			if run.Partial == "" || run.Result.Verdict == check.VerdictPass {
				t.Errorf("of %d bytes: %q, %s", size, run.Partial, run.Result.Verdict)
			}
		}
	}
	if header == 0 || judged < 30 {
		t.Errorf("%d ends before the header, %d after it", header, judged)
	}
}

// Each fault has its minimal witness, and its replay.
func TestFaultsAreProved(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		shop *shop
		id   check.ID
		most int
		last string // what the replay's last answer is
	}{
		"a logout that is none": {&shop{reverts: true}, check.G9, 3, "200 OK"}, // the old cookie still opens the session
		"a shared cache":        {&shop{leaks: true}, check.G6, 2, "200 OK"},
		"last writer wins":      {&shop{forgets: true}, check.G4, 3, "200 OK"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, w, r := drilled(t, test.shop, false, record.Options{})
			finished, err := w.Finish(r)
			if err != nil {
				t.Fatal(err)
			}
			o := finished.Outcome
			i := slices.IndexFunc(report.Examples(o), func(i int) bool { return o.Violations[i].Guarantee == test.id })
			if i < 0 {
				t.Fatalf("not found: %s", report.Text(finished))
			}
			v := o.Violations[report.Examples(o)[i]]
			if !v.Minimal || len(v.Witness) > test.most {
				t.Errorf("witness of %d operations, minimal %v: %+v", len(v.Witness), v.Minimal, v)
			}
			for _, s := range v.Witness {
				if s.Redo == nil || len(s.Redo.Requests) == 0 || s.Redo.Requests[0].Path == "" {
					t.Errorf("step %v cannot be done again", s.Kind)
				}
			}
			replay(t, finished, v, test.last)
			if test.id == check.G6 && !strings.Contains(strings.Join(report.Hints(finished), "\n"), "by a cache (Age: 1)") {
				t.Errorf("the cache is not blamed: %q", report.Hints(finished))
			}
		})
	}
}

// replay does a witness again, as a person would, against the service that is
// still there.
func replay(t *testing.T, r report.Result, v check.Violation, last string) {
	t.Helper()
	_, err := exec.LookPath("curl")
	proctest.Require(t, "curl", err)
	r.Outcome.Violations = []check.Violation{v}
	var doc struct{ Violations []struct{ Replay string } }
	if err := json.Unmarshal([]byte(rendered(t, r)["json"]), &doc); err != nil {
		t.Fatal(err)
	}
	script := doc.Violations[0].Replay
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script)
	cmd.Env = append(os.Environ(), "X_EVENKEEL_PROBE="+secret, "TMPDIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, out, script)
	}
	status := regexp.MustCompile(`HTTP/1.1 (\d+ \w+)`).FindAllStringSubmatch(string(out), -1)
	if len(status) != len(v.Witness) || status[len(status)-1][1] != last {
		t.Errorf("answers %q of\n%s", status, script)
	}
}
