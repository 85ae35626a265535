package report

import (
	"bytes"
	"encoding/xml"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// proved is a broken run whose first violation can be done again.
func proved() Result {
	r := recorded(brokenRun())
	r.Target, r.Notes = "https://shop.example:8443/base", []string{"From 50.0 s on operations were not recorded: the record had come to 512 MB."}
	v := &r.Outcome.Violations[0]
	v.Minimal = true
	do := func(method, path string, presents, gives int) *check.Redo {
		return &check.Redo{Requests: []check.Request{{Method: method, Path: path, Headers: []string{"X-Evenkeel-Probe: $X_EVENKEEL_PROBE"}}}, Epoch: 1, Presents: presents, Gives: gives}
	}
	v.Witness[0].Redo, v.Witness[1].Redo, v.Witness[2].Redo = do("POST", "/probe/login?u=u17", 0, 1), do("GET", "/probe/state", 1, 0), do("GET", "/probe/state", 1, 0)
	return r
}

func rendering(t testing.TB, f func(io.Writer, Result) error, r Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := f(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// verdicts are runs of each verdict, and odd ones.
func verdicts() map[string]Result {
	inconclusive := cleanRun()
	inconclusive.Verdict, inconclusive.Outcome.Inconclusive = check.VerdictInconclusive, []string{"the drill itself was late for 3.2 % of the time"}
	failed := cleanRun()
	failed.Verdict, failed.Outcome.Events[0].Err = check.VerdictEventFailed, "kubectl: exit status 1"
	unexercised := cleanRun()
	unexercised.Verdict, unexercised.Unexercised = check.VerdictNotExercised, []check.ID{check.G7}
	hostile := proved()
	const bad = "</x>\"'`|*_\x00\x1b[2J\u202e\n\\ @all http://evil.example ]]> <script>${HOME}$(id)"
	hostile.Strategy, hostile.Outcome.Events[0].Kind, hostile.Outcome.Events[0].Target = bad, bad, bad
	for i := range hostile.Outcome.Violations {
		v := &hostile.Outcome.Violations[i]
		v.User, v.Instance, v.Detail = bad, bad, bad
	}
	hostile.Outcome.Violations[0].Witness[1].Redo.Requests[0].Path = bad
	return map[string]Result{"pass": recorded(cleanRun()), "fail": proved(), "inconclusive": inconclusive, "event failed": failed,
		"not exercised": unexercised, "long": longRun(), "hostile": hostile, "empty": {}}
}

type strictSuites struct {
	XMLName  xml.Name   `xml:"testsuites"`
	Attrs    []xml.Attr `xml:",any,attr"`
	Failures int        `xml:"failures,attr"`
	Errors   int        `xml:"errors,attr"`
	Tests    int        `xml:"tests,attr"`
	Suites   []struct {
		Attrs    []xml.Attr `xml:",any,attr"`
		Skipped  int        `xml:"skipped,attr"`
		Failures int        `xml:"failures,attr"`
		Cases    []struct {
			Attrs []xml.Attr `xml:",any,attr"`
			Name  string     `xml:"name,attr"`
			Parts []struct {
				XMLName xml.Name
				Message string `xml:"message,attr"`
				Text    string `xml:",chardata"`
			} `xml:",any"`
		} `xml:"testcase"`
		Out   string `xml:"system-out"`
		Other []struct {
			XMLName xml.Name
		} `xml:",any"`
	} `xml:"testsuite"`
}

func TestJUnit(t *testing.T) {
	want := map[string][3]int{ // failures, errors, skipped
		"pass": {0, 0, 2}, "fail": {4, 0, 2}, "inconclusive": {0, 11, 2}, "event failed": {0, 1, 2}, "not exercised": {0, 1, 2},
		"long": {4, 0, 2}, "hostile": {4, 0, 2}, "empty": {0, 1, 0},
	}
	for name, r := range verdicts() {
		text := rendering(t, JUnit, r)
		var s strictSuites
		d := xml.NewDecoder(strings.NewReader(text))
		if err := d.Decode(&s); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var cases [3]int
		suite := s.Suites[0]
		for _, c := range suite.Cases {
			for _, p := range c.Parts {
				cases[slices.Index([]string{"failure", "error", "skipped"}, p.XMLName.Local)]++
				if p.Message == "" || len(c.Parts) != 1 {
					t.Errorf("%s: %s has no message, or several ends", name, c.Name)
				}
			}
		}
		if got := [3]int{s.Failures, s.Errors, suite.Skipped}; got != cases || got != want[name] || s.Tests != len(suite.Cases) || suite.Failures != cases[0] {
			t.Errorf("%s: failures, errors, skipped: %v said, %v there, want %v", name, got, cases, want[name])
		}
		if len(suite.Other) > 0 || suite.Out == "" {
			t.Errorf("%s: unknown elements %v", name, suite.Other)
		}
		if path, err := exec.LookPath("xmllint"); err == nil {
			cmd := exec.CommandContext(t.Context(), path, "--noout", "-")
			cmd.Stdin = strings.NewReader(text)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %s", name, out)
			}
		}
	}
	golden(t, "fail.junit.xml", []byte(rendering(t, JUnit, proved())))
}

func TestPrometheus(t *testing.T) {
	for name, r := range verdicts() {
		parser := expfmt.NewTextParser(model.LegacyValidation)
		families, err := parser.TextToMetricFamilies(strings.NewReader(rendering(t, Prometheus, r)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		value := func(family, label, of string) (v float64, found bool) {
			for _, m := range families["evenkeel_drill_"+family].GetMetric() {
				for _, l := range m.GetLabel() {
					if l.GetName() == label && l.GetValue() == of {
						return m.GetGauge().GetValue(), true
					}
				}
			}
			return 0, false
		}
		verdicts := 0.0
		for _, m := range families["evenkeel_drill_verdict"].GetMetric() {
			verdicts += m.GetGauge().GetValue()
		}
		if v, _ := value("verdict", "verdict", string(r.Verdict)); r.Verdict != "" && (v != 1 || verdicts != 1) {
			t.Errorf("%s: verdict %v of %v", name, v, verdicts)
		}
		if name != "fail" {
			continue
		}
		for _, want := range []struct {
			family, label, of string
			value             float64
		}{{"violations", "guarantee", "G1", 2}, {"exposures", "guarantee", "G1", 2400}, {"requests", "outcome", "sent", 60000},
			{"events", "result", "harmful", 1}, {"guarantee_exercised", "guarantee", "G7", 0}, {"violations_unattributed", "guarantee", "G4", 1}} {
			if got, ok := value(want.family, want.label, want.of); !ok || got != want.value {
				t.Errorf("%s{%s}: %v, want %v", want.family, want.of, got, want.value)
			}
		}
		if _, there := value("violations", "guarantee", "G7"); there {
			t.Error("zero violations of what was not exercised")
		}
	}
}

func TestMarkdown(t *testing.T) {
	markup := regexp.MustCompile(`</?[a-z]+>`)
	for name, r := range verdicts() {
		text := rendering(t, Markdown, r)
		if len(text) >= maxMarkdown {
			t.Errorf("%s: %d bytes", name, len(text))
		}
		if word := verdictWord(r.Verdict); !strings.HasPrefix(text, "## "+word) {
			t.Errorf("%s: the verdict is not first: %.60q", name, text)
		}
		outside := regexp.MustCompile("(?s)```sh.*?```").ReplaceAllString(text, "")
		for _, tag := range markup.FindAllString(outside, -1) {
			if !slices.Contains([]string{"<details>", "</details>", "<summary>", "</summary>"}, tag) {
				t.Errorf("%s: %s", name, tag)
			}
		}
		for _, bad := range []string{"http://evil", "@all", "\x1b", "\x00", "\u202e", "<script"} {
			if strings.Contains(outside, bad) {
				t.Errorf("%s: %q", name, bad)
			}
		}
		if strings.Count(text, "```")%2 != 0 || strings.Count(text, "<details>") != strings.Count(text, "</details>") {
			t.Errorf("%s: something is not closed", name)
		}
	}
	golden(t, "fail.md", []byte(rendering(t, Markdown, proved())))
	golden(t, "pass.md", []byte(rendering(t, Markdown, recorded(cleanRun()))))
}

// A replay is a script that a shell takes, whatever is in it.
func TestReplayIsOneScript(t *testing.T) {
	for name, r := range verdicts() {
		for _, v := range r.Outcome.Violations {
			script := replay(v, r)
			if script == "" {
				continue
			}
			cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", "curl() { :; }\nrm() { exit 9; }\nid() { exit 9; }\n"+script)
			cmd.Env = []string{"X_EVENKEEL_PROBE=x", "HOME=/nowhere", "PATH=/usr/bin:/bin", "TMPDIR=" + t.TempDir()}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s\n%s", name, err, out, script)
			}
		}
	}
	if replay(cleanReplay(), Result{}) == "" {
		t.Error("the control has no script")
	}
	for got, want := range map[string]string{quote("a b"): "'a b'", quote("plain/x"): "plain/x", quote("it's"): `'it'\''s'`,
		quote("p=$PASSWORD&x=$(id)"): `'p='"$PASSWORD"'&x=$(id)'`, quote(""): ""} {
		if got != want {
			t.Errorf("quoted %s, want %s", got, want)
		}
	}
}

func cleanReplay() check.Violation {
	return check.Violation{User: "u1", Witness: []check.Step{{Redo: &check.Redo{Requests: []check.Request{{Method: "GET", Path: "/"}}}}}}
}

// Overlapping operations run at once, and an old cookie is kept for its replay.
func TestReplayOrder(t *testing.T) {
	do := func(kind history.Kind, call, ret float64, presents, gives int) check.Step {
		return check.Step{Kind: kind, Call: at(call), Return: at(ret), Status: 200, Tokens: -1, Redo: &check.Redo{Presents: presents, Gives: gives,
			Requests: []check.Request{{Method: "POST", Path: "/" + kind.String()}}}}
	}
	script := replay(check.Violation{User: "u1", Witness: []check.Step{do(history.Login, 0, 1, 0, 1), do(history.Append, 2, 4, 1, 0),
		do(history.Incr, 3, 5, 1, 0), do(history.Logout, 6, 7, 1, 0), do(history.Replay, 8, 9, 1, 0)}}, Result{})
	var got []string
	for line := range strings.Lines(script) {
		if !strings.HasPrefix(line, "#") {
			got = append(got, strings.TrimSuffix(line, "\n"))
		}
	}
	want := []string{
		`: "${BASE:?the address of the service}"`, `JAR=$(mktemp)   # the cookies of u1`,
		`curl -si -b "$JAR" -c "$JAR" -X POST "$BASE"/login`, `cp "$JAR" "$JAR.1"   # session ID 1`,
		`curl -si -b "$JAR" -X POST "$BASE"/append &`, `curl -si -b "$JAR" -X POST "$BASE"/incr &`, "wait",
		`curl -si -b "$JAR" -c "$JAR" -X POST "$BASE"/logout`, `curl -si -b "$JAR.1" -X POST "$BASE"/replay`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The same result gives the same bytes.
func TestRenderingIsStable(t *testing.T) {
	for name, r := range verdicts() {
		for format, f := range map[string]func(io.Writer, Result) error{"html": HTML, "json": JSON, "junit": JUnit, "markdown": Markdown, "prometheus": Prometheus} {
			if a, b := rendering(t, f, r), rendering(t, f, r); a != b {
				t.Errorf("%s of %s differs", format, name)
			}
		}
	}
}
