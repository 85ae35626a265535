package examples

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// broken is a pod that is killed before its hook and its requests are done.
const broken = `apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  template:
    spec:
      terminationGracePeriodSeconds: 30
      containers: [{name: shop, lifecycle: {preStop: {sleep: {seconds: 15}}}}]
`

// The steps of the pipeline run as they stand, in a repository with a finding
// and in one without.
func TestCheckPipelineRuns(t *testing.T) {
	var w workflow
	if err := yaml.Unmarshal([]byte(read(t, "check/github-actions.yaml")), &w); err != nil {
		t.Fatal(err)
	}
	binary := evenkeel(t)
	for name, c := range map[string]struct {
		grace string
		exit  int
		out   string
	}{
		"finding": {"30", 1, "::error file=deploy/shop.yaml,line=7"},
		"control": {"60", 0, ""},
	} {
		dir := t.TempDir()
		deploy(t, dir, strings.Replace(broken, ": 30", ": "+c.grace, 1))
		ran := 0
		for _, s := range w.Jobs["check"].Steps {
			if !strings.Contains(s.Run, "evenkeel check") {
				continue
			}
			ran++
			out, code := shell(t, dir, binary, s.Run)
			want := c.exit
			if s.Name == "Report" {
				want = 0
			} else if !strings.Contains(out, c.out) {
				t.Errorf("%s: %s: no %q in %s", name, s.Name, c.out, out)
			}
			if code != want {
				t.Errorf("%s: %s: exit code %d, want %d: %s", name, s.Name, code, want, out)
			}
		}
		if ran != 2 {
			t.Fatalf("%d steps ran", ran)
		}
		if sarif, err := os.ReadFile(filepath.Join(dir, "evenkeel.sarif")); err != nil || strings.Contains(string(sarif), `"ruleId"`) != (c.exit == 1) {
			t.Errorf("%s: the report: %v", name, err)
		}
	}
}

// The hooks that the example names are those that the repository offers, and
// their entries are commands that run.
func TestCheckHooksRun(t *testing.T) {
	var offered []struct{ ID, Entry, Files string }
	if err := yaml.Unmarshal([]byte(read(t, "../.pre-commit-hooks.yaml")), &offered); err != nil {
		t.Fatal(err)
	}
	var used struct {
		Repos []struct {
			Hooks []struct {
				ID   string
				Args []string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "check/pre-commit.yaml")), &used); err != nil {
		t.Fatal(err)
	}
	binary := evenkeel(t)
	for _, h := range used.Repos[0].Hooks {
		for _, o := range offered {
			if o.ID != h.ID {
				continue
			}
			dir := t.TempDir()
			deploy(t, dir, broken)
			if out, code := shell(t, dir, binary, o.Entry+" "+strings.Join(h.Args, " ")); code != 1 || !strings.Contains(out, "EK-K8S-001") {
				t.Errorf("%s: exit code %d: %s", h.ID, code, out)
			}
			return
		}
	}
	t.Error("the example names no hook that is offered")
}

// What the other examples show has nothing to find.
func TestOtherExamplesPassCheck(t *testing.T) {
	binary := evenkeel(t)
	folders := "kubernetes systemd run gateway probe drill frameworks"
	if out, code := shell(t, ".", binary, "evenkeel check --fail-on info "+folders); code != 0 {
		t.Errorf("exit code %d: %s", code, out)
	}
	if out, code := shell(t, ".", binary, "evenkeel check check/shop.yaml"); code != 1 || !strings.Contains(out, "3 errors") {
		t.Errorf("control: exit code %d: %s", code, out)
	}
}

func deploy(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(dir, "deploy"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "deploy", "shop.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// shell runs a script in dir, with the command evenkeel, and returns what it
// printed and its exit code.
func shell(t *testing.T, dir, binary, script string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-e", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}
