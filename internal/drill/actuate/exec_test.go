package actuate

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/plan"
)

func TestExec(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "made")
	e, err := happen(t, plan.Event{Exec: "NAME=x; touch " + file + " && echo done"}, Env{})
	if err != nil || e.Kind != "exec" {
		t.Errorf("%+v, %v", e, err)
	}
	wantPhases(t, e, false, false)
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
	_, err = happen(t, plan.Event{Exec: "echo nothing; echo first >&2; echo last >&2; exit 3"}, Env{})
	if err == nil || !strings.Contains(err.Error(), "exit status 3: first / last") {
		t.Errorf("error %v", err)
	}
	_, err = happen(t, plan.Event{Exec: "echo said; false"}, Env{})
	if err == nil || !strings.Contains(err.Error(), "exit status 1: said") {
		t.Errorf("error %v", err)
	}
}

// What a command leaves in the background is its own business.
func TestExecInTheBackground(t *testing.T) {
	begun := time.Now()
	if _, err := happen(t, plan.Event{Exec: "sleep 30 &"}, Env{}); err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("waited %v for it", took)
	}
}

func TestExecCheck(t *testing.T) {
	for command, there := range map[string]bool{
		"true": true, "cd / && true": true, "A=b B=c true": true, "sh -c x": true, "if true; then true; fi": true,
		"$EDITOR file": true, `"unknown thing"`: true, // not plain to see
		"no-such-command --at-all": false, "A=b no-such-command": false, "/no/such/file x": false,
	} {
		err := Check(t.Context(), plan.Event{Exec: command}, Env{})
		if (err == nil) != there {
			t.Errorf("%s: %v", command, err)
		}
		if err != nil && !strings.Contains(err.Error(), "there is no such command") {
			t.Errorf("%s: %v", command, err)
		}
	}
}

// The end of the run ends the command, and what it has started.
func TestExecEndsWithTheRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	a, err := New(plan.Event{Exec: "sh -c 'echo $$ > " + file + ".new && mv " + file + ".new " + file + " && sleep 60'"}, Env{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Do(ctx, drill.NewScene(engine.NewClock(), 1, a.Kind)) }()
	var raw []byte
	for deadline := time.Now().Add(30 * time.Second); raw == nil && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		raw, _ = os.ReadFile(file)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); syscall.Kill(pid, 0) == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still there", pid)
		}
	}
}

func TestExecThatTakesTooLong(t *testing.T) {
	_, err := happen(t, plan.Event{Exec: "sleep 60"}, Env{Limit: 200 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "not over after 200ms") {
		t.Errorf("error %v", err)
	}
}
