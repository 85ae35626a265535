//go:build unix

package runner

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

// crowd sends n requests at once, and tells how many were answered.
func crowd(n int, url string) (answered func() int) {
	var ok atomic.Int64
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if status, body, err := get(url); err == nil && status == http.StatusOK && strings.HasPrefix(body, "ok") {
				ok.Add(1)
			}
		})
	}
	return func() int {
		all.Wait()
		return int(ok.Load())
	}
}

// inFlight waits until the run says that so many requests are.
func (s *started) inFlight(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if _, body, err := get("http://" + s.admin + "/metrics"); err == nil && strings.Contains(body, fmt.Sprintf("evenkeel_run_in_flight %d\n", n)) {
			return
		} else if time.Now().After(end) {
			t.Fatalf("%d requests are not in flight: %q, %v", n, body, err)
		}
	}
}

// Programs that know nothing of leaving, and die at once when told.
func TestEveryRequestInFlightIsAnswered(t *testing.T) {
	for name, command := range map[string]func(*testing.T) []string{
		"python3": func(*testing.T) []string { return []string{"python3", "testdata/server.py", "PORT"} },
		"node":    func(*testing.T) []string { return []string{"node", "testdata/server.js", "PORT"} },
		"spring": func(t *testing.T) []string {
			return []string{"java", "-Dserver.address=127.0.0.1", "-Dserver.shutdown=immediate", "-jar", springJar(t), "--server.port=PORT"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			command := command(t)
			_, err := exec.LookPath(command[0])
			proctest.Require(t, name, err)
			lost := withoutRun(t, slices.Clone(command))

			s := startRun(t, []string{"--withdraw", "2s", "--grace", "40s"}, command...)
			s.whenReady(t)
			answered := crowd(50, "http://"+s.front+"/slow")
			s.inFlight(t, 50)
			s.Signal(syscall.SIGTERM)
			s.WaitHTTP(patience, "http://"+s.probes+"/readyz", http.StatusServiceUnavailable)
			if status, _, err := get("http://" + s.front + "/"); status != http.StatusOK {
				t.Errorf("a request while withdrawing: %d, %v", status, err)
			}
			n := answered()
			t.Logf("%s: %d of 50 requests in flight were answered; without evenkeel run %d of 50", name, n, 50-lost)
			if n != 50 {
				t.Errorf("%d of 50 requests in flight were answered", n)
			}
			if lost == 0 {
				t.Error("control: without evenkeel run nothing was lost")
			}
			if code := s.Wait(patience); code != 128+int(syscall.SIGTERM) {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// withoutRun tells how many of 50 requests are lost when the program itself gets
// the signal.
func withoutRun(t *testing.T, command []string) (lost int) {
	t.Helper()
	port := proctest.FreePort(t)
	for i, a := range command {
		command[i] = strings.ReplaceAll(a, "PORT", strconv.Itoa(port))
	}
	p := proctest.Start(t, exec.CommandContext(t.Context(), command[0], command[1:]...))
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	p.WaitPort(patience, addr)
	answered := crowd(50, "http://"+addr+"/slow")
	time.Sleep(500 * time.Millisecond) // most are inside by now
	p.Signal(syscall.SIGTERM)
	return 50 - answered()
}

// springJar builds the service of testdata/spring.
func springJar(t *testing.T) string {
	t.Helper()
	_, err := exec.LookPath("mvn")
	proctest.Require(t, "spring", err)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/spring")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "mvn", "-q", "-B", "package")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		proctest.Require(t, "spring", fmt.Errorf("mvn package: %w: %s", err, out))
	}
	return filepath.Join(dir, "target", "shop.jar")
}

func TestNothingIsAcceptedAfterWithdrawal(t *testing.T) {
	s := startRun(t, []string{"--withdraw", "100ms", "--grace", "40s"}, "stubborn", "PORT")
	s.whenReady(t)
	answered := crowd(1, "http://"+s.front+"/slow")
	s.inFlight(t, 1)
	s.Signal(syscall.SIGTERM)
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if _, _, err := get("http://" + s.front + "/"); err != nil {
			break
		} else if time.Now().After(end) {
			t.Fatal("connections are accepted for ever")
		}
	}
	if answered() != 1 {
		t.Error("what was in flight was not answered")
	}
}

// A further signal ends the phase that it finds.
func TestASecondSignalShortens(t *testing.T) {
	for name, tc := range map[string]struct {
		flags    []string
		path     string // of a request in flight
		answered int
		until    string // in the log, before the second signal
	}{
		"withdrawing": {[]string{"--withdraw", "10m"}, "/slow", 1, `msg=withdrawing`},
		"draining":    {[]string{"--withdraw", "0s", "--requests", "10m"}, "/long", 0, `msg=draining`},
		"flushing":    {[]string{"--withdraw", "0s", "--flush", "10m"}, "", 0, `msg=flushing`},
	} {
		t.Run(name, func(t *testing.T) {
			s := startRun(t, append(tc.flags, "--grace", "1h"), "stubborn", "PORT")
			s.whenReady(t)
			answered := func() int { return 0 }
			if tc.path != "" {
				answered = crowd(1, "http://"+s.front+tc.path)
				s.inFlight(t, 1)
			}
			s.Signal(syscall.SIGTERM)
			s.awaitState(t, name)
			s.Signal(syscall.SIGTERM)
			if n := answered(); n != tc.answered {
				t.Errorf("%d requests were answered, want %d", n, tc.answered)
			}
			if name != "flushing" { // the program does not know SIGTERM
				s.awaitState(t, "flushing")
				s.Signal(syscall.SIGTERM)
			}
			if code := s.Wait(patience); code != 128+int(syscall.SIGKILL) {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// awaitState waits until the run's metric names the state.
func (s *started) awaitState(t *testing.T, name string) {
	t.Helper()
	number := map[string]int{"withdrawing": 2, "draining": 3, "flushing": 4}[name]
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if _, body, err := get("http://" + s.admin + "/metrics"); err == nil && strings.Contains(body, fmt.Sprintf("evenkeel_run_state %d\n", number)) {
			return
		} else if time.Now().After(end) {
			t.Fatalf("never %s: %q, %v", name, body, err)
		}
	}
}
