package examples

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/drain"
	"github.com/evenkeel/evenkeel/internal/runner"
)

var (
	entrypoint = regexp.MustCompile(`(?s)\nENTRYPOINT (\[.*?\])\n`)
	sum        = regexp.MustCompile(`# (\d+ \+ max\(\d+, \d+\) \+ \d+ \+ margin [\d.]+ = [\d.]+ s)`)
	manifest   = regexp.MustCompile(`args: \[(.*)\]`)
)

// Every command line of the examples is one that evenkeel-run takes, fits the
// grace period that it is for, and has the right sum beside it.
func TestRunExamples(t *testing.T) {
	files, err := filepath.Glob("run/*/Dockerfile")
	if err != nil || len(files) != 5 {
		t.Fatalf("%d Dockerfiles, %v", len(files), err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found := entrypoint.FindSubmatch(text)
		if found == nil {
			t.Errorf("%s: no ENTRYPOINT in JSON", name)
			continue
		}
		var line []string
		if err := json.Unmarshal([]byte(strings.ReplaceAll(string(found[1]), "\\\n", "")), &line); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if line[0] != "/evenkeel-run" {
			t.Errorf("%s starts %q", name, line[0])
		}
		checkRun(t, name, line[1:], text)
	}
	text, err := os.ReadFile("run/init-container.yaml")
	if err != nil {
		t.Fatal(err)
	}
	args := strings.Split(string(manifest.FindSubmatch(text)[1]), ", ")
	for i, a := range args {
		args[i] = strings.Trim(a, `"`)
	}
	checkRun(t, "init-container.yaml", args, text)
}

func checkRun(t *testing.T, name string, args []string, text []byte) {
	t.Helper()
	opt, err := runner.Parse(args, io.Discard)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	grace := opt.Grace
	if grace == 0 {
		grace = drain.DefaultGrace
	}
	b, err := opt.Budget.Fit(grace)
	if err != nil || b != opt.Budget {
		t.Errorf("%s: %v, %v", name, b, err)
	}
	s := func(d time.Duration) string { return fmt.Sprintf("%g", d.Seconds()) }
	want := fmt.Sprintf("%s + max(%s, %s) + %s + margin %s = %s s", s(b.Withdraw), s(b.Requests), s(b.Streams), s(b.Flush),
		s(b.Margin()), s(b.Needed()+b.Margin()))
	if got := sum.FindSubmatch(text); got == nil || string(got[1]) != want {
		t.Errorf("%s: its sum is %q, want %q", name, got, want)
	}
}
