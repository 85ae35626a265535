package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/evenkeel/evenkeel/internal/audit"
	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

const manifest = `kind: Deployment
spec:
  grace: 30 # a comment
  hostile: "a%b,c:d` + "\u202e" + `"
  long: ` + "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: 1" + `
`

// planted is a report with one of everything, some of it hostile.
func planted(t *testing.T) Report {
	t.Helper()
	f, notes := source.Parse("a folder/k8s:x,y%.yaml", tree.YAML, []byte(strings.Replace(manifest, "xxx: 1", "xxx", 1)))
	if len(notes) > 0 {
		t.Fatal(notes)
	}
	spec := f.Docs[0].Root.Get("spec")
	made := func(id string, severity rule.Severity, fix rule.Autofix) *rule.Rule {
		return &rule.Rule{ID: id, Severity: severity, Autofix: fix, Surface: "Kubernetes", Title: "what is wrong", Why: "why it matters", Fix: "what to do"}
	}
	shop := &model.Service{Platform: model.Kubernetes, Kind: "Deployment", Name: "shop", Node: spec,
		Grace:   value.Value[time.Duration]{V: 30 * time.Second, State: value.Written, Name: "terminationGracePeriodSeconds"},
		PreStop: value.Value[time.Duration]{V: 15 * time.Second, State: value.Written},
		Needs:   model.Needs{Requests: model.Amount{D: 30 * time.Second}, Flush: model.Amount{D: 5 * time.Second, Stated: true}}}
	findings := []rule.Finding{
		{Rule: made("EK-T-001", rule.Error, rule.Safe), Severity: rule.Error, Node: spec.Get("grace"), Service: shop, Subject: shop.String(),
			Message: "killed too early", Arithmetic: "preStop 15 s + requests 30 s (assumed) + flush 5 s + margin 5 s = 55 s > terminationGracePeriodSeconds 30 s",
			Fix: &rule.Change{Title: "set grace to 55", Edits: edit.Set(spec.Get("grace"), "55")}},
		{Rule: made("EK-T-002", rule.Warn, rule.Guided), Severity: rule.Warn, Node: spec.Get("hostile"), Service: shop,
			Message: "50 % of\n::error::it \x1b[31m", Fix: &rule.Change{Asks: []rule.Choice{{Title: "this"}, {Title: "that", Edits: edit.Set(spec.Get("hostile"), "x")}}}},
		{Rule: made("EK-T-003", rule.Info, rule.No), Severity: rule.Info, Node: spec.Get("long"), Message: strings.Repeat("long words ", 20)},
	}
	return Report{Version: "1.2.3", FailOn: rule.Warn, Result: &audit.Result{
		Files: []*tree.File{f}, Model: &model.Model{Services: []*model.Service{shop}}, Findings: findings,
		Suppressed: []audit.Suppressed{{Finding: findings[0], Reason: "legacy"}},
		Notes:      []tree.Note{{File: "x.yaml", Line: 3, Message: "not valid YAML", Failed: true}, {File: "y.yaml", Message: "something else"}},
	}}
}

func written(t *testing.T, format Format, r Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, format, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestText(t *testing.T) {
	got := written(t, Text, planted(t))
	const want = `a folder/k8s:x,y%.yaml:3:10 error EK-T-001
  killed too early
    3 |   grace: 30 # a comment
      |          ^^
  preStop 15 s + requests 30 s (assumed) + flush 5 s + margin 5 s = 55 s >
    terminationGracePeriodSeconds 30 s
  fix: set grace to 55 (--fix does it)

  Deployment shop on its way out, in seconds
           0           10          20          30           40          50
  preStop  ██████████████████                  │
  requests                   ██████████████████│░░░░░░░░░░░░░░░░░░
  flush                                        │                  ░░░░░░
                             killed after 30 s ^
  does not fit: 15 s of requests, 5 s of flush
`
	if diff := cmp.Diff(want, got[:min(len(want), len(got))]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for line := range strings.Lines(got) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
	if strings.ContainsAny(got, "\x1b\u202e") {
		t.Error("what files say commands the terminal")
	}
	if n := strings.Count(got, "on its way out"); n != 1 {
		t.Errorf("the way out is drawn %d times", n)
	}
	for _, want := range []string{"    2. that", "checked 1 file, 1 service: 1 error, 1 warning, 1 info, 1 suppressed, 2 notes", "note x.yaml:3: not valid YAML", "evenkeel explain EK-T-001"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestTextInColour(t *testing.T) {
	r := planted(t)
	r.Color = true
	colored := written(t, Text, r)
	if !strings.Contains(colored, red+"error"+plain) {
		t.Error("errors are not red")
	}
	r.Color = false
	if got := strings.NewReplacer(red, "", yellow, "", blue, "", bold, "", plain, "").Replace(colored); got != written(t, Text, r) {
		t.Error("colours change the text")
	}
}

func TestTextOfNothing(t *testing.T) {
	files := make([]*tree.File, 13)
	for i := range files {
		files[i] = &tree.File{}
	}
	files[0].Derived = "kustomization.yaml"
	r := Report{Result: &audit.Result{Files: files, Model: &model.Model{Services: make([]*model.Service, 3)}}}
	if got := written(t, Text, r); got != "checked 12 files, 3 services: nothing to report\n" {
		t.Errorf("got %q", got)
	}
}

func TestJSON(t *testing.T) {
	var got map[string]any
	if err := json.Unmarshal([]byte(written(t, JSON, planted(t))), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"rule": "EK-T-001", "severity": "error", "file": "a folder/k8s:x,y%.yaml", "line": 3.0, "column": 10.0,
		"subject": "Deployment shop", "message": "killed too early", "fix": "safe", "change": "set grace to 55", "url": pages + "EK-T-001.md",
		"arithmetic": "preStop 15 s + requests 30 s (assumed) + flush 5 s + margin 5 s = 55 s > terminationGracePeriodSeconds 30 s"}
	if diff := cmp.Diff(want, got["findings"].([]any)[0]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got["schema"] != "evenkeel.dev/check/v1" || got["files"] != 1.0 || len(got["notes"].([]any)) != 2 {
		t.Errorf("got %v", got)
	}
	empty := written(t, JSON, Report{Result: &audit.Result{Model: &model.Model{}}})
	if !strings.Contains(empty, `"findings": []`) || !strings.Contains(empty, `"notes": []`) {
		t.Errorf("lists of nothing are not empty lists:\n%s", empty)
	}
}

// validSARIF checks text by the schema of the standard.
func validSARIF(t *testing.T) func(text string) error {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("testdata/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	return func(text string) error {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			return err
		}
		return schema.Validate(doc)
	}
}

func TestSARIF(t *testing.T) {
	got, valid := written(t, SARIF, planted(t)), validSARIF(t)
	if err := valid(got); err != nil {
		t.Errorf("%v\n%s", err, got)
	}
	if err := valid(written(t, SARIF, Report{Version: "1", Result: &audit.Result{Model: &model.Model{}}})); err != nil {
		t.Errorf("of nothing: %v", err)
	}
	var log sarifLog
	if err := json.Unmarshal([]byte(got), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if len(run.Results) != 4 || len(run.Tool.Driver.Rules) != 3 || len(run.Invocations[0].Notifications) != 2 {
		t.Fatalf("%d results, %d rules, %d notifications", len(run.Results), len(run.Tool.Driver.Rules), len(run.Invocations[0].Notifications))
	}
	if run.Tool.Driver.Rules[0].HelpURI != pages+"EK-T-001.md" || run.Results[3].Suppressions[0].Justification != "legacy" {
		t.Error("no helpUri, or no reason")
	}
	want := []sarifChange{{sarifArtifact{"a%20folder/k8s:x,y%25.yaml"}, []sarifReplacement{{sarifRegion{3, 10, 3, 12}, sarifText{Text: "55"}}}}}
	if diff := cmp.Diff(want, run.Results[0].Fixes[0].Changes); diff != "" {
		t.Errorf("fix (-want +got):\n%s", diff)
	}
}

// A checker that has never refused anything is untested.
func TestSARIFCheckerRefuses(t *testing.T) {
	good, valid := written(t, SARIF, planted(t)), validSARIF(t)
	for what, pair := range map[string][2]string{
		"a level that is none":   {`"level": "note"`, `"level": "info"`},
		"a member that is none":  {`"ruleIndex"`, `"ruleNumber"`},
		"a line that is none":    {`"startLine": 3`, `"startLine": 0`},
		"a text that is missing": {`"text": "killed too early`, `"id": 1, "x": "`},
	} {
		if err := valid(strings.ReplaceAll(good, pair[0], pair[1])); err == nil {
			t.Errorf("%s is valid", what)
		}
	}
}

func TestJUnit(t *testing.T) {
	got := written(t, JUnit, planted(t))
	var s testSuites
	if err := xml.Unmarshal([]byte(got), &s); err != nil {
		t.Fatal(err)
	}
	if s.Tests != 5 || s.Failures != 2 || s.Errors != 1 || s.Suite.Skipped != 1 {
		t.Errorf("%d tests, %d failures, %d errors, %d skipped, want 5, 2, 1, 1", s.Tests, s.Failures, s.Errors, s.Suite.Skipped)
	}
	clean := written(t, JUnit, Report{Result: &audit.Result{Files: []*tree.File{{Name: "x.yaml"}}, Model: &model.Model{}}})
	if !strings.Contains(clean, `<testcase classname="x.yaml" name="has no finding">`) {
		t.Errorf("a clean file is no test:\n%s", clean)
	}
}

func TestGitHub(t *testing.T) {
	lines := strings.Split(written(t, GitHub, planted(t)), "\n")
	if want := "::error file=a folder/k8s%3Ax%2Cy%25.yaml,line=3,col=10,title=EK-T-001 what is wrong::killed too early%0A"; !strings.HasPrefix(lines[0], want) {
		t.Errorf("got  %s\nwant %s", lines[0], want)
	}
	commands := 0
	for _, line := range lines {
		if strings.HasPrefix(line, "::") {
			commands++
		}
	}
	if commands != 5 {
		t.Errorf("%d commands of 3 findings and 2 notes: what files say made one", commands)
	}
}

func TestWriteSaysWhatFormatsThereAre(t *testing.T) {
	for _, f := range Formats {
		if err := Write(io.Discard, f, planted(t)); err != nil {
			t.Error(err)
		}
	}
	if err := Write(io.Discard, "xml", planted(t)); err == nil {
		t.Error("a format that there is not")
	}
}
