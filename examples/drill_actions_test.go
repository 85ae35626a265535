package examples

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/internal/proctest"
	"github.com/evenkeel/evenkeel/probe"
)

// workflow is what a pipeline's file says, as far as the drill is concerned.
type workflow struct {
	On   map[string]any
	Jobs map[string]struct {
		Continue any `yaml:"continue-on-error"`
		Steps    []workflowStep
	}
}

type workflowStep struct {
	Name, If, Uses, Run string
	Shell               string
	Continue            any `yaml:"continue-on-error"`
	Env                 map[string]string
	With                map[string]any
}

// drillJob are the steps of the pipeline of the examples.
func drillJob(t *testing.T) []workflowStep {
	t.Helper()
	var w workflow
	if err := yaml.Unmarshal([]byte(read(t, "drill/github-actions.yaml")), &w); err != nil {
		t.Fatal(err)
	}
	job, ok := w.Jobs["staging"]
	if !ok || len(w.On) == 0 || job.Continue != nil {
		t.Fatalf("no job staging that runs and may fail: %+v", w)
	}
	return job.Steps
}

// evenkeel is the command, built.
func evenkeel(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "evenkeel")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../cmd/evenkeel").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// unknownFlags are those of a script's drills that the command does not have;
// used is how many there are.
func unknownFlags(script, help string) (unknown []string, used int) {
	has := regexp.MustCompile(`(?m)^ {2,6}(?:(-\w), )?(--[\w-]+)`).FindAllStringSubmatch(help, -1)
	for line := range strings.SplitSeq(strings.ReplaceAll(script, "\\\n", " "), "\n") {
		if !strings.HasPrefix(strings.TrimSpace(line), "evenkeel drill") {
			continue
		}
		for word := range strings.FieldsSeq(line) {
			name, _, _ := strings.Cut(word, "=")
			if !strings.HasPrefix(name, "-") {
				continue
			}
			used++
			if !slices.ContainsFunc(has, func(m []string) bool { return slices.Contains(m[1:], name) }) {
				unknown = append(unknown, name)
			}
		}
	}
	return unknown, used
}

// The pipeline deploys, drills with flags that exist, cannot pass over the
// drill's exit code, and keeps what the drill has written.
func TestDrillInActions(t *testing.T) {
	steps := drillJob(t)
	at := func(name string) int {
		return slices.IndexFunc(steps, func(s workflowStep) bool { return s.Name == name })
	}
	deploy, drill, keep := at("Deploy"), at("Drill"), at("Keep the evidence")
	if deploy < 0 || drill <= deploy || keep <= drill {
		t.Fatalf("steps %d, %d and %d", deploy, drill, keep)
	}
	s := steps[drill]
	if s.Continue != nil || s.If != "" || s.Shell != "" || strings.ContainsAny(s.Run, "|&;") {
		t.Errorf("the exit code may be lost: %+v", s)
	}
	if !strings.Contains(s.Run, `--markdown "$GITHUB_STEP_SUMMARY"`) {
		t.Errorf("no summary: %s", s.Run)
	}
	kept, _ := steps[keep].With["path"].(string)
	for _, m := range regexp.MustCompile(`--(?:html|junit|history) (\S+)`).FindAllStringSubmatch(s.Run, -1) {
		if !slices.Contains(strings.Fields(kept), m[1]) {
			t.Errorf("%s is not kept", m[1])
		}
	}
	if len(strings.Fields(kept)) != 3 || !strings.Contains(steps[keep].If, "!cancelled()") {
		t.Errorf("kept: %q if %q", kept, steps[keep].If)
	}
	help, err := exec.CommandContext(t.Context(), evenkeel(t), "drill", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		script  string
		unknown []string
		used    int
	}{
		{s.Run, nil, 5},
		{"evenkeel drill -c a \\\n  --summary b --html=c\n", []string{"--summary"}, 3}, // the planted fault
		{"evenkeel drill -x a\n", []string{"-x"}, 1},
	} {
		if unknown, used := unknownFlags(test.script, string(help)); !slices.Equal(unknown, test.unknown) || used != test.used {
			t.Errorf("%s: unknown %q of %d, want %q of %d", test.script, unknown, used, test.unknown, test.used)
		}
	}
}

// The step itself, run as a runner runs it: what it ends with is the drill's
// exit code, and everything is there that is kept.
func TestDrillStepOfActions(t *testing.T) {
	shell, err := exec.LookPath("bash")
	proctest.Require(t, "bash", err)
	steps := drillJob(t)
	script := steps[slices.IndexFunc(steps, func(s workflowStep) bool { return s.Name == "Drill" })].Run
	bin := filepath.Dir(evenkeel(t))
	for name, test := range map[string]struct {
		target string
		code   int
		says   string // the summary
	}{
		"a service that loses sessions": {forgetful(t, true), 1, "## FAIL"},
		"nobody listens":                {"http://127.0.0.1:1", 2, ""},
	} {
		dir := t.TempDir()
		config := "version: 1\ntarget: " + test.target + "\nusers: 10\nduration: 4s\ncontrol: 1s\nprobe: {secret: \"${EVENKEEL_PROBE_SECRET}\"}\n"
		summary := filepath.Join(dir, "summary.md")
		for file, text := range map[string]string{filepath.Join(dir, "drill.yaml"): config, summary: ""} {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), shell, "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
			"GITHUB_STEP_SUMMARY="+summary, "EVENKEEL_PROBE_SECRET="+probeSecret)
		out, _ := cmd.CombinedOutput()
		code, says := cmd.ProcessState.ExitCode(), read(t, summary)
		// A machine that is too busy to tell is said to be so, with its own code.
		if busy := code == 3 && strings.HasPrefix(says, "## INCONCLUSIVE"); !busy && (code != test.code || !strings.HasPrefix(says, test.says)) {
			t.Errorf("%s: exit code %d, want %d, and the summary %q: %s", name, code, test.code, says, out)
		}
		for file, begins := range map[string]string{"report.html": "<!doctype html>", "drill.xml": "<?xml"} {
			if test.code == 1 && !strings.HasPrefix(read(t, filepath.Join(dir, file)), begins) {
				t.Errorf("%s: %s begins otherwise than %q", name, file, begins)
			}
		}
	}
}

const probeSecret = "a-secret-of-more-than-24-bytes"

// forgetful is a service with the probe that loses each fourth session after
// three requests, or none.
func forgetful(t *testing.T, loses bool) (url string) {
	t.Helper()
	var mu sync.Mutex
	var users []string // by session
	requests := map[int]int{}
	session := func(r *http.Request) int {
		c, err := r.Cookie("sid")
		if err != nil {
			return -1
		}
		n, err := strconv.Atoi(c.Value)
		if err != nil || n < 0 || n >= len(users) {
			return -1
		}
		return n
	}
	p, err := probe.New(probeSecret, probe.Calls{
		Principal: func(_ http.ResponseWriter, r *http.Request) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			n := session(r)
			if n < 0 {
				return "", nil
			}
			if requests[n]++; loses && n%4 == 3 && requests[n] > 3 {
				users[n] = ""
			}
			return users[n], nil
		},
		SignIn: func(w http.ResponseWriter, _ *http.Request, who string) error {
			mu.Lock()
			defer mu.Unlock()
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: strconv.Itoa(len(users)), Path: "/"})
			users = append(users, who)
			return nil
		},
		SignOut: func(_ http.ResponseWriter, r *http.Request) error {
			mu.Lock()
			defer mu.Unlock()
			if n := session(r); n >= 0 {
				users[n] = ""
			}
			return nil
		},
		State: func(http.ResponseWriter, *http.Request) (probe.State, error) { return probe.State{}, nil },
	}, probe.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	return srv.URL
}
