package demo

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/check"
)

// played is an act in which every guarantee was exercised, and lost sessions
// were lost.
func played(t *testing.T, name string, lost int) act {
	t.Helper()
	s, err := StrategyNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	var o check.Outcome
	for _, id := range check.IDs() {
		g := check.Guarantee{ID: id, Status: check.Pass, Exposed: 100}
		if id == check.G1 && lost > 0 {
			g.Status, g.Bad = check.Fail, lost
		}
		o.Guarantees = append(o.Guarantees, g)
	}
	return act{strategy: s, result: drill.Result{Outcome: o}, verdict: check.Judge(o, check.RequiredDemo(), nil)}
}

// The verdict is one: in words, in the file and as the exit code. A sticky part
// that lost nothing shows no difference.
func TestConclude(t *testing.T) {
	for _, tc := range []struct {
		sticky, ours int
		code         int
		verdict      string
	}{
		{sticky: 5, ours: 0, code: 0, verdict: "pass"},
		{sticky: 0, ours: 0, code: 3, verdict: "inconclusive"},
		{sticky: 0, ours: 2, code: 1, verdict: "fail"},
		{sticky: 5, ours: 2, code: 1, verdict: "fail"},
	} {
		var out bytes.Buffer
		file := filepath.Join(t.TempDir(), "result.json")
		d := &demo{opt: Options{Users: 10, JSON: file}, io: IO{Out: &out, Err: &out}}
		code, err := d.conclude([]act{played(t, "sticky", tc.sticky), played(t, "evenkeel", tc.ours)})
		if err != nil || code != tc.code {
			t.Errorf("%+v: code %d, %v", tc, code, err)
		}
		if !strings.HasSuffix(out.String(), "\nverdict: "+tc.verdict+"\n") {
			t.Errorf("%+v: ends with %q", tc, out.String()[max(0, out.Len()-80):])
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var result struct{ Verdict, Strategy string }
		if err := json.Unmarshal(raw, &result); err != nil || result.Verdict != tc.verdict || result.Strategy != "evenkeel" {
			t.Errorf("%+v: the file says %+v, %v", tc, result, err)
		}
	}
}

func TestAddressThatPeopleCanUse(t *testing.T) {
	opt := Options{Page: ":0"}
	l, err := opt.listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d := &demo{page: &page{listener: l}}
	if got := d.address(); !strings.HasPrefix(got, "http://localhost:") {
		t.Errorf("%s", got)
	}
}
