// Package systemd holds units: its tests compare them with the programs that
// they start, and let systemd read them.
package systemd

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
	"github.com/evenkeel/evenkeel/internal/runner"
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
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

func TestTheSumFitsTheStopTimeout(t *testing.T) {
	text := read(t, "shop.service")
	opt, err := runner.Parse(strings.Fields(setting(text, "ExecStart"))[1:], io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(setting(text, "TimeoutStopSec"))
	if err != nil {
		t.Fatal(err)
	}
	b, grace := opt.Budget, time.Duration(n)*time.Second
	if fit, err := b.Fit(grace); err != nil || fit != b {
		t.Errorf("the budget: %v, %v", fit, err)
	}
	if _, err := b.Fit(grace - 5*time.Second); err == nil {
		t.Error("control: the budget fits also 5 s less")
	}
	sum := fmt.Sprintf("# %g + max(%g, %g) + %g + margin %g = %g s", b.Withdraw.Seconds(), b.Requests.Seconds(), b.Streams.Seconds(),
		b.Flush.Seconds(), b.Margin().Seconds(), (b.Needed() + b.Margin()).Seconds())
	if !strings.Contains(text, sum) {
		t.Errorf("the sum is %s", sum)
	}
	heartbeat := regexp.MustCompile(`--heartbeat-timeout (\d+)`).FindStringSubmatch(read(t, "shop.service.d/ec2.conf"))
	if h, err := strconv.Atoi(heartbeat[1]); err != nil || time.Duration(h)*time.Second < b.Needed()+b.Margin()+5*time.Second {
		t.Errorf("heartbeat timeout %s, error %v", heartbeat[1], err)
	}
}

// verify lets systemd read the unit, with programs that this machine has.
func verify(t *testing.T, unit, dropIn string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"shop.service": unit, "shop.service.d/ec2.conf": dropIn} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "/usr/local/bin/evenkeel-run", "/bin/true")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "systemd-analyze", "verify", "--man=no", filepath.Join(dir, "shop.service"))
	cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+dir+":")
	out, err := cmd.CombinedOutput()
	var said strings.Builder
	for line := range strings.Lines(string(out)) { // not of the machine's other units
		if strings.Contains(line, "shop.service") || strings.Contains(line, "ec2.conf") {
			said.WriteString(line)
		}
	}
	return said.String(), err
}

func TestSystemdReadsTheUnit(t *testing.T) {
	_, missing := exec.LookPath("systemd-analyze")
	proctest.Require(t, "systemd", missing)
	unit, dropIn := read(t, "shop.service"), read(t, "shop.service.d/ec2.conf")
	if said, err := verify(t, unit, dropIn); said != "" || err != nil {
		t.Errorf("it says: %s (%v)", said, err)
	}
	if said, _ := verify(t, strings.Replace(unit, "KillMode=mixed", "KillMode=gently", 1), dropIn); !strings.Contains(said, "KillMode") && !strings.Contains(said, "kill mode") {
		t.Errorf("control: of a wrong unit it says %q", said)
	}
	if said, _ := verify(t, unit, strings.Replace(dropIn, "Environment=", "Surroundings=", 1)); !strings.Contains(said, "Surroundings") {
		t.Errorf("control: of a wrong drop-in it says %q", said)
	}
}
