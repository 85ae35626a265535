package record_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
	"github.com/evenkeel/evenkeel/internal/drill/record"
	"github.com/evenkeel/evenkeel/internal/drill/report"
	"github.com/evenkeel/evenkeel/internal/proctest"
)

func packed(t testing.TB, lines ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	for _, l := range lines {
		fmt.Fprintln(gz, l)
	}
	if err := gz.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const head = `{"header":{"schema":"evenkeel.dev/drill-run/v1","users":2,"started":"2026-03-04T03:00:00Z","control_ns":0,"required":["G1"]}}`

func TestErrorsAreClear(t *testing.T) {
	for name, test := range map[string]struct {
		file []byte
		want string
	}{
		"empty":            {nil, "ends before its header"},
		"no gzip":          {[]byte("verdict: fail\n"), "this is no record of a drill"},
		"nothing inside":   {packed(t), "ends before its header"},
		"other schema":     {packed(t, `{"header":{"schema":"evenkeel.dev/drill-run/v9"}}`), `line 1: "evenkeel.dev/drill-run/v9" is not a schema that this version reads (evenkeel.dev/drill-run/v1)`},
		"no header":        {packed(t, `{"event":{"ID":1}}`), "line 1: a record has one header, in its first line"},
		"two headers":      {packed(t, head, head), "line 2: a record has one header"},
		"no JSON":          {packed(t, head, "{"), "line 2: unexpected end of JSON"},
		"strange kind":     {packed(t, head, `{"op":{"Kind":"dance","Outcome":"ok"}}`), `line 2: operation "dance" with outcome "ok"`},
		"strange user":     {packed(t, head, `{"op":{"Kind":"login","Outcome":"ok","User":7}}`), "line 2: operation of user 7 of 2"},
		"too many users":   {packed(t, strings.Replace(head, `"users":2`, `"users":99999999`, 1)), "line 1: 99999999 users"},
		"no guarantee":     {packed(t, strings.Replace(head, "G1", "G99", 1)), `line 1: "G99" is no guarantee`},
		"lines missing":    {packed(t, head, `{"result":{"Violations":3}}`), "line 2: 0 violations and 0 buckets, but the result has 3 and 0"},
		"after the result": {packed(t, head, `{"result":{}}`, `{"result":{}}`), "line 3: after the result"},
		"a long line":      {packed(t, head, strings.Repeat("x", 5<<20)), "line 2: bufio.Scanner: token too long"},
	} {
		_, err := record.Read(bytes.NewReader(test.file))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	damaged := packed(t, head, strings.Repeat("a", 5000))
	damaged[len(damaged)-12] ^= 0xff
	if _, err := record.Read(bytes.NewReader(damaged)); err == nil {
		t.Error("a damaged file is read")
	}
	if _, err := record.Load(t.TempDir()); err == nil || !strings.Contains(err.Error(), record.Name) {
		t.Errorf("a folder without a record: %v", err)
	}
	run, err := record.Read(bytes.NewReader(packed(t, head)))
	if err != nil || run.Partial == "" || run.Result.Verdict != check.VerdictInconclusive {
		t.Errorf("a header alone: %+v, %v", run, err)
	}
}

// good is a lawful operation of a user.
func good(user, n int) history.Op {
	at := time.Duration(n) * 10 * time.Millisecond
	name := history.UserName(user)
	if n == 0 {
		return history.Op{User: user, Epoch: 1, Kind: history.Login, Return: time.Millisecond, Status: 200, Instance: "a", SetCookie: "c" + name}
	}
	return history.Op{User: user, Epoch: 1, Kind: history.State, Call: at, Return: at + time.Millisecond, Status: 200, Instance: "a",
		Sent: "c" + name, Seen: &history.Seen{User: name}}
}

// observe records and judges; user 0 is signed out by a stranger at the end.
func observe(t *testing.T, opt record.Options, users, each int) (dir string, w *record.Writer, r report.Result) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "made", "here")
	names := func(user int) string { return fmt.Sprint("person-", user) }
	checking := check.Options{UserName: names, IdleTimeout: time.Hour}
	w, err := record.Create(dir, record.Header{Users: users, Check: checking, Required: []check.ID{check.G1}, Started: time.Now()}, opt)
	if err != nil {
		t.Fatal(err)
	}
	c := check.New(checking)
	both := func(op history.Op) {
		if op.Seen != nil {
			op.Seen.User = names(op.User)
		}
		c.Observe(op)
		w.Observe(op)
	}
	for n := range each {
		for user := range users {
			both(good(user, n))
		}
	}
	away := good(0, each)
	away.Seen, away.Status, away.Outcome, away.Anonymous = nil, 401, history.Failed, true
	both(away)
	o := c.Finish()
	return dir, w, report.Result{Outcome: o, Verdict: check.Judge(o, []check.ID{check.G1}, nil)}
}

// Of users to whom nothing happened the latest 64 operations are kept if asked.
func TestWhatIsKept(t *testing.T) {
	for others, want := range map[bool]int{false: 201, true: 201 + 2*64} {
		dir, w, r := observe(t, record.Options{Others: others}, 3, 200)
		finished, err := w.Finish(r)
		if err != nil {
			t.Fatal(err)
		}
		text := unpacked(t, dir)
		if got := strings.Count(text, `{"op":`); got != want {
			t.Errorf("others %v: %d operations, want %d", others, got, want)
		}
		if v := finished.Outcome.Violations[0]; v.User != "person-0" || !v.Minimal || len(v.Witness) != 3 {
			t.Errorf("violation: %+v", v)
		}
		if strings.Contains(text, `"cu`) {
			t.Error("a cookie is in the record")
		}
		same(t, rendered(t, finished), rendered(t, load(t, dir).Result))
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("%v in the folder, %v", entries, err)
		}
	}
}

// Users with names of their own are judged by them, and options are kept.
func TestAHeaderRoundTrip(t *testing.T) {
	dir, w, r := observe(t, record.Options{}, 3, 20)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	run := load(t, dir)
	if run.Header.Check.IdleTimeout != time.Hour || run.Header.Check.UserName(2) != "person-2" {
		t.Errorf("header: %+v", run.Header)
	}
	if got, want := run.Result.Outcome.Violations, r.Outcome.Violations; len(got) != 1 || got[0].User != want[0].User || got[0].At != want[0].At {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// A record that has become too large says from when on it is not whole.
func TestTooLarge(t *testing.T) {
	dir := t.TempDir()
	w, err := record.Create(dir, record.Header{Users: 1, Required: []check.ID{check.G1}}, record.Options{Limit: 4 << 10})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for start := time.Now(); time.Since(start) < 2500*time.Millisecond; n++ { // it is looked at each second
		w.Observe(good(0, n))
		time.Sleep(time.Millisecond)
	}
	w.Event(history.Event{ID: 1, Kind: "kill"})
	finished, err := w.Finish(report.Result{Verdict: check.VerdictPass, Outcome: check.Outcome{Violations: []check.Violation{{Guarantee: check.G1, User: "u0"}}}})
	if err != nil {
		t.Fatal(err)
	}
	text := unpacked(t, dir)
	if got := strings.Count(text, `{"op":`); got == 0 || got >= n {
		t.Errorf("%d of %d operations are recorded", got, n)
	}
	if !strings.Contains(text, `{"event":`) || len(finished.Notes) != 1 || !strings.Contains(finished.Notes[0], "operations were not recorded") {
		t.Errorf("no event, or notes %q", finished.Notes)
	}
	same(t, rendered(t, finished), rendered(t, load(t, dir).Result))
}

func TestCreate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := record.Create(file, record.Header{}, record.Options{}); err == nil {
		t.Error("a record within a file")
	}
	dir := t.TempDir()
	proctest.Require(t, "proc", os.Symlink("/dev/full", filepath.Join(dir, record.Name)))
	if _, err := record.Create(dir, record.Header{}, record.Options{}); err == nil {
		t.Error("a record on a full disk")
	}
}

func FuzzRead(f *testing.F) {
	const op = `{"op":{"User":0,"Epoch":1,"Kind":"login","Outcome":"ok","Call":1,"Return":2,"Status":200}}`
	lines := []string{head, op, `{"event":{"ID":1,"Kind":"kill","Triggered":1,"Settled":-1}}`,
		`{"op":{"User":1,"Epoch":1,"Kind":"state","Outcome":"failed","Call":3,"Return":4,"Status":401,"Anonymous":true}}`}
	f.Add(strings.Join(lines, "\n") + "\n")
	f.Add(strings.Join(append(lines, `{"violation":{"Guarantee":1,"User":"u1","At":5,"Witness":[{"Kind":2,"Redo":{"Requests":[{"Path":"/x"}]}}]}}`,
		`{"bucket":{"requests":3,"answers":[1,2],"latency":[[3,4]]}}`,
		`{"result":{"Verdict":"fail","Width":250000000,"Instances":["a"],"Buckets":1,"Violations":1,"Outcome":{"Guarantees":[{"ID":1,"Status":"fail","Bad":1}],"Events":[{"ID":1,"Bad":{"1":1}}],"Duration":99}}}`), "\n") + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		file := packed(t, strings.TrimSuffix(text, "\n"))
		run, err := record.Read(bytes.NewReader(file))
		if err == nil {
			rendered(t, run.Result)
		}
		if _, err := record.Read(bytes.NewReader(file[:len(file)/2])); err != nil {
			_ = err.Error()
		}
	})
}
