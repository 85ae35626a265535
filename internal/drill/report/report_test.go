package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (write it again with -update):\n%s", name, got)
	}
}

func at(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// clean is a run of 60 s with twelve events in which nothing went wrong.
func cleanRun() Result {
	o := check.Outcome{Duration: 60 * time.Second,
		Requests: check.Requests{Sent: 60000, RawFailures: 5, Masked: 3, Seen: 2, SeenAtKills: 2, Late: 2}}
	exposed := map[check.ID]int{check.G1: 2400, check.G2: 81000, check.G3: 80000, check.G4: 79000, check.G5: 6000, check.G6: 50000,
		check.G8: 1200, check.G9: 3, check.G10: 60000, check.G12: 81000}
	for _, id := range check.IDs() {
		g := check.Guarantee{ID: id, Status: check.NotExercised, Exposed: exposed[id], BoundSession: 1, BoundEvent: 1}
		if g.Exposed > 0 {
			g.Status, g.BoundSession, g.BoundEvent = check.Pass, check.UpperBound(0, g.Exposed), check.UpperBound(0, 12)
		}
		o.Guarantees = append(o.Guarantees, g)
	}
	for i := range 12 {
		begin := at(15 + 3.5*float64(i))
		o.Events = append(o.Events, check.Event{Crossings: 200, Bad: map[check.ID]int{}, Event: history.Event{
			ID: i + 1, Kind: "scale-in", Target: "shop-" + string(rune('a'+i)),
			Triggered: begin, Terminating: begin + at(0.1), Ready: begin + at(1), Settled: begin + at(2.2)}})
	}
	return Result{Strategy: "evenkeel", Users: 200, Outcome: o, Verdict: check.VerdictPass,
		Health: Health{Status: "ok", LatenessP999: 3100 * time.Microsecond, CPU: 0.314159}}
}

// brokenRun has violations of several kinds and one while the drill was late.
func brokenRun() Result {
	r := cleanRun()
	r.Strategy, r.Verdict = "sticky", check.VerdictFail
	o := &r.Outcome
	o.Events = o.Events[:2]
	o.Events[0].Bad = map[check.ID]int{check.G10: 1, check.G1: 2, check.G4: 1}
	o.Events[1].Settled, o.Events[1].Ready = -1, -1
	o.Limited = 0.004
	set := func(id check.ID, g check.Guarantee) {
		row := &o.Guarantees[id-1]
		g.ID, g.Status, g.Exposed = id, check.Fail, row.Exposed
		g.BoundSession, g.BoundEvent = check.UpperBound(g.Bad, g.Exposed), check.UpperBound(1, 2)
		*row = g
	}
	set(check.G1, check.Guarantee{Bad: 2, Lost: 2})
	set(check.G4, check.Guarantee{Bad: 1, Lost: 1, Unattributed: 1})
	set(check.G10, check.Guarantee{Bad: 1})
	o.Violations = []check.Violation{
		{Guarantee: check.G1, Grade: check.Lost, User: "u17", LastGood: at(15.05), At: at(16.21239), Event: 1, Instance: "shop-a",
			Detail: "u17 was logged in and is answered as anonymous",
			Witness: []check.Step{
				{Call: at(14), Return: at(14.002), Kind: history.Login, Status: 200, Instance: "shop-a", Tokens: -1},
				{Call: at(15.049), Return: at(15.05), Kind: history.State, Status: 200, Instance: "shop-a", Tokens: 0, N: 3},
				{Call: at(16.2), Return: at(16.21239), Kind: history.State, Outcome: history.Failed, Status: 401, Instance: "shop-b",
					Tokens: -1, Anonymous: true, Note: "anonymous"},
			}},
		{Guarantee: check.G1, Grade: check.Lost, User: "u18", LastGood: at(15.05), At: at(16.3), Event: 1, Instance: "shop-a",
			Detail: "u18 was logged in and is answered as anonymous"},
		{Guarantee: check.G10, User: "u3", LastGood: at(15.2), At: at(15.9), Event: 1, Failure: "refused",
			Detail: "u3 saw a failed POST (append): refused"},
		{Guarantee: check.G4, Grade: check.Lost, User: "u19", LastGood: at(30), At: at(31), Event: 1, Instance: "shop-a", Detail: "u19-1-5 of u19 was acknowledged and is gone"},
		{Guarantee: check.G4, Grade: check.Lost, User: "u20", LastGood: at(40), At: at(41), Detail: "u20-1-5 of u20 was acknowledged and is gone", Unattributed: true},
	}
	return r
}

func TestJSONGolden(t *testing.T) {
	for name, r := range map[string]Result{"pass.json": cleanRun(), "fail.json": brokenRun()} {
		var buf bytes.Buffer
		if err := JSON(&buf, r); err != nil {
			t.Fatal(err)
		}
		golden(t, name, buf.Bytes())
	}
}

// The fields that scripts rely on, by name and type.
func TestJSONContract(t *testing.T) {
	var buf bytes.Buffer
	if err := JSON(&buf, brokenRun()); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Schema, Verdict, Strategy string
		Duration                  float64 `json:"duration_s"`
		Users                     int
		Guarantees                []struct {
			ID, Name, Status string
			Exposed, Bad     int
			Grades           struct{ Lost, Rollback, Stale int }
			BoundSession     float64 `json:"bound_session"`
			BoundEvent       float64 `json:"bound_event"`
		}
		Requests map[string]int
		Events   []struct {
			ID           int
			Kind, Target string
			At           float64 `json:"at_s"`
			Crossings    int
			Bad          map[string]int
			Phases       map[string]*float64
		}
		Health struct {
			Status   string
			Lateness float64 `json:"lateness_p999_ms"`
			CPU      float64
		}
		Violations []struct {
			Guarantee, Grade, User string
			At                     float64 `json:"at_s"`
			Event                  int
			Instance               string
			Witness                []map[string]any
		}
	}
	if err := json.Unmarshal(buf.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Schema != Schema || doc.Verdict != "fail" || doc.Strategy != "sticky" || doc.Duration != 60 || doc.Users != 200 {
		t.Errorf("head: %+v", doc)
	}
	if g := doc.Guarantees[0]; len(doc.Guarantees) != 12 || g.ID != "G1" || g.Name != "session exists" || g.Status != "fail" ||
		g.Exposed != 2400 || g.Bad != 2 || g.Grades.Lost != 2 || g.BoundSession <= 0 || g.BoundEvent <= 0 {
		t.Errorf("G1: %+v", g)
	}
	for _, field := range []string{"sent", "raw_failures", "masked", "seen", "seen_at_kills", "late", "shed"} {
		if _, ok := doc.Requests[field]; !ok {
			t.Errorf("requests without %q", field)
		}
	}
	first, second := doc.Events[0], doc.Events[1]
	if first.At != 15 || first.Crossings != 200 || first.Bad["G4"] != 1 || first.Bad["G2"] != 0 || *first.Phases["settled_s"] != 17.2 {
		t.Errorf("event 1: %+v", first)
	}
	if _, tested := first.Bad["G2"]; !tested {
		t.Error("event 1 does not say that nothing broke G2")
	}
	if _, tested := first.Bad["G7"]; tested {
		t.Error("event 1 says something about G7, which was not exercised")
	}
	if second.Phases["settled_s"] != nil {
		t.Errorf("event 2 has settled at %v", *second.Phases["settled_s"])
	}
	if v := doc.Violations[0]; v.Guarantee != "G1" || v.Grade != "lost" || v.User != "u17" || v.Event != 1 || v.Instance != "shop-a" || len(v.Witness) != 3 {
		t.Errorf("violation: %+v", v)
	}
	if doc.Health.Lateness != 3.1 || doc.Health.CPU != 0.3142 {
		t.Errorf("health: %+v", doc.Health)
	}
	if bytes.Index(buf.Bytes(), []byte(`"G4":`)) > bytes.Index(buf.Bytes(), []byte(`"G10":`)) {
		t.Error("G10 comes before G4")
	}
}

func TestJSONLists(t *testing.T) {
	var buf bytes.Buffer
	if err := JSON(&buf, Result{Verdict: check.VerdictNotExercised, Unexercised: []check.ID{check.G9}}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(buf.String(), "null") || !strings.Contains(buf.String(), `"G9 (logout is final) was not exercised"`) {
		t.Errorf("of an empty run: %s", buf.String())
	}
	r := brokenRun()
	many := r.Outcome.Violations[2]
	for range 250 {
		r.Outcome.Violations = append(r.Outcome.Violations, many)
	}
	r.Outcome.Guarantees[check.G10-1].Bad = 1000
	doc := newDocument(r)
	if len(doc.Violations) != maxListed+4 || doc.Omitted != 1000-maxListed {
		t.Errorf("%d violations listed, %d omitted", len(doc.Violations), doc.Omitted)
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "result.json")
	if err := os.WriteFile(name, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "latest.json")
	if err := os.Symlink(name, link); err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	for _, to := range []string{name, link, "-"} {
		if err := WriteFile(to, &stdout, cleanRun()); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil || !bytes.Equal(got, stdout.Bytes()) {
		t.Errorf("the file and standard output differ, or %v", err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is no link any more, or %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("%d files in the folder, or %v", len(entries), err)
	}
	if err := WriteFile(os.DevNull, nil, cleanRun()); err != nil {
		t.Errorf("to a device: %v", err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Errorf("the device was replaced, or %v", err)
	}
	if err := WriteFile(filepath.Join(dir, "none", "result.json"), nil, cleanRun()); err == nil {
		t.Error("written into a folder that does not exist")
	}
	if err := WriteFile(dir, nil, cleanRun()); err == nil {
		t.Error("written over a folder")
	}
}
