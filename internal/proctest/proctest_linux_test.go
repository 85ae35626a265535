package proctest

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// gone waits until pid has ended; a zombie, which only its new parent can
// take away, has.
func gone(t *testing.T, pid int) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); <-tick.C {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return
		}
		if s, ok := parseStat(b); ok && s.state == "Z" {
			return
		}
	}
	t.Fatalf("process %d is still there", pid)
}

// A test binary that is killed takes its processes with it.
func TestParentDeath(t *testing.T) {
	p := Start(t, self("tester"))
	child := pidOf(t, p.WaitLine(limit, `^child (\d+)$`))
	if err := syscall.Kill(child, 0); err != nil {
		t.Fatalf("control: the child does not run: %v", err)
	}
	p.Signal(syscall.SIGKILL) // the tester alone: its child has a group of its own
	p.Wait(limit)
	gone(t, child)
}

// The thread of the goroutine that starts a process may end at any time.
func TestSurvivesTheStartersThread(t *testing.T) {
	for range 5 {
		started := make(chan *Process)
		thread := make(chan int, 1)
		go func() {
			runtime.LockOSThread() // and never unlock: the thread ends with this goroutine
			thread <- syscall.Gettid()
			p, err := start(self("obey"))
			if err != nil {
				t.Error(err)
			}
			started <- p
		}()
		p := <-started
		if p == nil {
			t.FailNow()
		}
		p.t = t
		t.Cleanup(p.Kill)
		p.WaitLine(limit, "up")
		if id := <-thread; id != os.Getpid() { // the main thread alone never ends
			gone(t, id)
		}
		p.Signal(syscall.SIGTERM)
		if code := p.Wait(limit); code != 7 {
			t.Errorf("exit code %d, want 7 of its own will", code)
		}
	}
}

// Leaks finds a child that was started by other means, running or a zombie.
func TestLeaksFindsOthers(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), roleVariable+"=wait")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("[%d]", cmd.Process.Pid)
	if left := strings.Join(Leaks(), "\n"); !strings.Contains(left, name) {
		t.Errorf("%s is not among %q", name, left)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	gone(t, cmd.Process.Pid)
	if left := strings.Join(Leaks(), "\n"); !strings.Contains(left, name+", state Z") {
		t.Errorf("the zombie %s is not among %q", name, left)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("a killed process ended well")
	}
	if left := strings.Join(Leaks(), "\n"); strings.Contains(left, name) {
		t.Errorf("%s is still among %q", name, left)
	}
}

func TestParseStat(t *testing.T) {
	s, ok := parseStat([]byte("42 (a) b (c) S 7 40 40 0 -1"))
	if want := (stat{pid: 42, parent: 7, group: 40, name: "a) b (c", state: "S"}); !ok || s != want {
		t.Errorf("got %+v, %v, want %+v", s, ok, want)
	}
	for _, bad := range []string{"", "42", "42 (a", "42 (a)", "42 (a) S x 40", "x (a) S 7 40", ")("} {
		if s, ok := parseStat([]byte(bad)); ok {
			t.Errorf("%q is %+v", bad, s)
		}
	}
}
