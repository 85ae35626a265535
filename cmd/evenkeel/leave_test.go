package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

// command is this test binary under the name that makes it the command, with a
// temporary folder of its own.
func command(t *testing.T, args ...string) (cmd *exec.Cmd, tmp string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tmp = t.TempDir()
	path := filepath.Join(tmp, "evenkeel")
	if err := os.Link(self, path); err != nil {
		copyFile(t, self, path)
	}
	cmd = exec.CommandContext(context.Background(), path, args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	return cmd, tmp
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o700)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// eventuallyAlone polls until nothing is left of the demo under tmp.
func eventuallyAlone(t *testing.T, tmp string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		left := replicasRunning(tmp)
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("replicas still running: %v", left)
		}
	}
}

// Wherever the demo is when it is interrupted or killed, its replicas end with
// it; interrupted, it says 130 and cleans up.
func TestLeavesNothing(t *testing.T) {
	proctest.Require(t, "proc", nil)
	const (
		early   = "users shop"                             // the replicas are being started
		running = "^00:0[0-9]  a(ll)? replicas? (is|are) " // in the middle of the first event
		second  = "evenkeel, for [0-9]+"                   // between the strategies
	)
	for _, tc := range []struct {
		name, line string
		signal     os.Signal
		code       int
	}{
		{"interrupt while starting", early, syscall.SIGINT, 130},
		{"interrupt while running", running, syscall.SIGINT, 130},
		{"terminate between strategies", second, syscall.SIGTERM, 130},
		{"kill while starting", early, syscall.SIGKILL, 128 + 9},
		{"kill while running", running, syscall.SIGKILL, 128 + 9},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cmd, tmp := command(t, "demo", "--for", "30s", "--control", "2s", "--every", "2s", "--users", "20", "--page", "off")
			p := proctest.Start(t, cmd)
			p.WaitLine(60*time.Second, tc.line)
			p.Signal(tc.signal)
			if code := p.Wait(60 * time.Second); code != tc.code {
				t.Errorf("exit code %d, want %d; output:\n%s", code, tc.code, p.Output())
			}
			eventuallyAlone(t, tmp)
			left, err := filepath.Glob(tmp + "/evenkeel-demo-*")
			if err != nil {
				t.Fatal(err)
			}
			if len(left) > 0 && tc.code == 130 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// The result is the contract that other programs read.
func TestResultSchema(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the demo for 15 s")
	}
	proctest.Require(t, "proc", nil)
	cmd, tmp := command(t, "demo", "--strategy", "shared", "--for", "15s", "--every", "3s", "--control", "3s", "--page", "off", "--json", "-")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if cmd.ProcessState.ExitCode() != exitBad {
		t.Fatalf("exit code %d, want 1 (%v)", cmd.ProcessState.ExitCode(), err)
	}
	var result struct {
		Schema     string
		Verdict    string
		Strategy   string
		Users      int
		Guarantees []struct {
			ID, Status   string
			Exposed, Bad int
		}
		Events []struct {
			Kind string
			At   float64 `json:"at_s"`
		}
	}
	if err := json.Unmarshal(out, &result); err != nil {
		t.Fatalf("standard output is not the result alone: %v", err)
	}
	if result.Schema != "evenkeel.dev/drill/v1" || result.Verdict != "fail" || result.Strategy != "shared" || result.Users != 200 || len(result.Events) < 3 {
		t.Errorf("%+v", result)
	}
	for _, g := range result.Guarantees {
		if g.ID == "G1" && g.Bad > 0 {
			t.Errorf("shared lost %d sessions: its store outlives the replicas", g.Bad)
		}
		if g.ID == "G4" && (g.Status != "fail" || g.Bad == 0) {
			t.Errorf("shared lost no update: %+v", g)
		}
	}
	eventuallyAlone(t, tmp)
}
