package render

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/internal/policy"
	"github.com/evenkeel/evenkeel/internal/proctest"
	"github.com/evenkeel/evenkeel/internal/runner"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// policies are those that every target is rendered for.
var policies = []string{"default", "streams", "memory", "spot", "spring", "aws"}

func load(t *testing.T, name string) (*policy.Policy, *policy.Service) {
	t.Helper()
	p, err := policy.Load("../policy/testdata/policies/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	return p, &p.Services[0]
}

// rendered are the files of a target by their names.
func rendered(t *testing.T, name, target string) map[string]string {
	t.Helper()
	p, s := load(t, name)
	return byName(t, target, p, s)
}

func byName(t *testing.T, target string, p *policy.Policy, s *policy.Service) map[string]string {
	t.Helper()
	files, err := Render([]string{target}, p, s)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range files {
		if out[f.Name] != "" || len(f.Data) == 0 {
			t.Fatalf("file %s twice or empty", f.Name)
		}
		out[f.Name] = string(f.Data)
	}
	return out
}

// each runs f for all targets and policies.
func each(t *testing.T, f func(t *testing.T, name, target string)) {
	for _, name := range policies {
		for _, target := range Names() {
			t.Run(name+"/"+target, func(t *testing.T) { f(t, name, target) })
		}
	}
}

// No secret, nothing that a template left, no blanks at the ends of lines.
func TestFilesAreClean(t *testing.T) {
	each(t, func(t *testing.T, name, target string) {
		for file, text := range rendered(t, name, target) {
			for _, bad := range []string{"hunter2", "{{", "<no value>", "%!", " \n", "\t", "\n\n\n"} {
				if strings.Contains(text, bad) {
					t.Errorf("%s has %q:\n%s", file, bad, text)
				}
			}
			if !strings.HasSuffix(text, "\n") || strings.HasPrefix(text, "\n") {
				t.Errorf("%s does not begin and end as a text file", file)
			}
		}
	})
}

// Golden files are those of one policy.
func TestGolden(t *testing.T) {
	for _, target := range Names() {
		for file, got := range rendered(t, "streams", target) {
			path := filepath.Join("testdata", "streams", file)
			if *update {
				if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("%s (-update rewrites it): %s", path, d)
			}
		}
	}
}

func TestYAMLAndJSONAreRead(t *testing.T) {
	each(t, func(t *testing.T, name, target string) {
		for file, text := range rendered(t, name, target) {
			switch filepath.Ext(file) {
			case ".yaml", ".yml":
				dec := yaml.NewDecoder(strings.NewReader(text))
				for n := 0; ; n++ {
					var v map[string]any
					if err := dec.Decode(&v); err != nil {
						if err.Error() != "EOF" || n == 0 {
							t.Errorf("%s: %v\n%s", file, err, text)
						}
						break
					}
				}
			case ".json":
				if !json.Valid([]byte(text)) {
					t.Errorf("%s is no JSON:\n%s", file, text)
				}
			}
		}
	})
}

// Terraform's files are as terraform fmt would have them.
func TestHCLIsFormatted(t *testing.T) {
	for _, name := range policies {
		text := rendered(t, name, "terraform")["main.tf"]
		if _, diags := hclsyntax.ParseConfig([]byte(text), "main.tf", hcl.InitialPos); diags.HasErrors() {
			t.Errorf("%s: %v", name, diags)
		}
		if again := string(hclwrite.Format([]byte(text))); again != text {
			t.Errorf("%s: %s", name, cmp.Diff(text, again))
		}
	}
	if _, diags := hclsyntax.ParseConfig([]byte("a = {"), "main.tf", hcl.InitialPos); !diags.HasErrors() {
		t.Error("control: broken HCL was taken")
	}
}

// program is the path of a Debian program, also in sbin; thing is what
// EVENKEEL_REQUIRE calls it.
func program(t *testing.T, name, thing string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/" + name); err != nil {
			proctest.Require(t, thing, err)
		}
	}
	return path
}

// says runs a checker on one file of text.
func says(t *testing.T, file, text string, command func(path string) []string) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), file)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	args := command(path)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+filepath.Dir(path)+":")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// takes demands that a checker accepts a file, without a warning.
func takes(t *testing.T, file, text string, command func(path string) []string) {
	t.Helper()
	out, err := says(t, file, text, command)
	if err != nil || strings.Contains(strings.ToLower(out), "warn") {
		t.Errorf("%v: %s\n%s", err, out, text)
	}
}

func haproxyCommand(program string) func(cfg string) []string {
	return func(cfg string) []string { return []string{program, "-c", "-f", cfg} }
}

// nginxCommand keeps nginx out of the folders of an nginx that is installed.
func nginxCommand(program string) func(cfg string) []string {
	return func(cfg string) []string {
		dir := filepath.Dir(cfg)
		return []string{program, "-t", "-q", "-c", cfg, "-p", dir, "-e", filepath.Join(dir, "error.log"), "-g", "pid " + filepath.Join(dir, "pid") + ";"}
	}
}

func TestHAProxyTakesIt(t *testing.T) {
	command := haproxyCommand(program(t, "haproxy", "haproxy"))
	for _, name := range policies {
		text := rendered(t, name, "haproxy")["haproxy.cfg"]
		takes(t, "haproxy.cfg", text, command)
		if _, err := says(t, "haproxy.cfg", strings.Replace(text, "hard-stop-after", "hard-stop-before", 1), command); err == nil {
			t.Errorf("%s: control: a wrong word was taken", name)
		}
	}
}

func TestNginxTakesIt(t *testing.T) {
	command := nginxCommand(program(t, "nginx", "nginx"))
	for _, name := range policies {
		text := rendered(t, name, "nginx")["nginx.conf"]
		takes(t, "nginx.conf", text, command)
		if _, err := says(t, "nginx.conf", strings.Replace(text, "keepalive_timeout", "keepalive_time_out", 1), command); err == nil {
			t.Errorf("%s: control: a wrong word was taken", name)
		}
	}
}

func TestSystemdTakesIt(t *testing.T) {
	path := program(t, "systemd-analyze", "systemd")
	command := func(unit string) []string { return []string{path, "verify", "--man=no", unit} }
	for _, name := range policies {
		for file, text := range rendered(t, name, "systemd") {
			text = strings.ReplaceAll(text, "/usr/local/bin/evenkeel", "/bin/true") // a program that this machine has
			out, err := says(t, file, text, command)
			if err != nil || strings.Contains(out, file) {
				t.Errorf("%s: %v: %s\n%s", name, err, out, text)
			}
			out, _ = says(t, file, strings.Replace(text, "KillMode=mixed", "KillMode=gently", 1), command)
			if !strings.Contains(out, file) {
				t.Errorf("%s: control: of a wrong unit it says %q", name, out)
			}
		}
	}
}

// What the unit tells evenkeel run fits the time that systemd gives it.
func TestSystemdGivesEnoughTime(t *testing.T) {
	for _, name := range policies {
		for _, text := range rendered(t, name, "systemd") {
			opt, err := runner.Parse(strings.Fields(setting(text, "ExecStart"))[2:], io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			n, err := strconv.Atoi(setting(text, "TimeoutStopSec"))
			if err != nil {
				t.Fatal(err)
			}
			grace := time.Duration(n) * time.Second
			if fit, err := opt.Budget.Fit(grace); err != nil || fit != opt.Budget {
				t.Errorf("%s: the budget: %v, %v", name, fit, err)
			}
			if _, err := opt.Budget.Fit(grace - time.Second); err == nil {
				t.Errorf("%s: control: it fits also a second less", name)
			}
		}
	}
}

// setting is the value of a unit's setting, "" if it is not there.
func setting(text, name string) string {
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), name+"="); ok {
			return v
		}
	}
	return ""
}
