//go:build unix

package runner

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestTheExitCodeIsTheProgramsOwn(t *testing.T) {
	for code, command := range map[int][]string{
		0: {"exits", "0", "0s"},
		7: {"exits", "7", "0s"},
		9: {"crashes", "PORT", "300ms"},
	} {
		if got := startRun(t, nil, command...).Wait(patience); got != code {
			t.Errorf("%q: %d, want %d", command, got, code)
		}
	}
	s := startRun(t, []string{"--withdraw", "0s"}, "polite", "PORT")
	s.whenReady(t)
	s.Signal(syscall.SIGTERM)
	if got := s.Wait(patience); got != 3 || !strings.Contains(s.Output(), "told: terminated") {
		t.Errorf("%d, and it was not told:\n%s", got, s.Output())
	}
}

func TestAProgramThatIgnoresSIGTERMIsKilled(t *testing.T) {
	s := startRun(t, []string{"--withdraw", "0s", "--flush", "300ms"}, "stubborn", "PORT")
	s.whenReady(t)
	s.Signal(syscall.SIGTERM)
	if got := s.Wait(patience); got != 128+int(syscall.SIGKILL) {
		t.Errorf("exit code %d", got)
	}
}

// Signals go to the whole group, and nothing of it is left.
func TestChildrenOfTheProgramEndWithIt(t *testing.T) {
	s := startRun(t, []string{"--withdraw", "0s", "--flush", "300ms"}, "forks", "PORT")
	s.whenReady(t)
	child, err := strconv.Atoi(s.WaitLine(patience, `child: (\d+)`)[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(child, 0); err != nil {
		t.Fatalf("control: the child does not run: %v", err)
	}
	s.Signal(syscall.SIGTERM)
	s.Wait(patience)
	if err := syscall.Kill(child, 0); err == nil {
		t.Error("the child outlives the run")
	}
}

func TestReadinessWaitsForTheProgram(t *testing.T) {
	s := startRun(t, nil, "late", "PORT", "1s")
	s.WaitHTTP(patience, "http://"+s.probes+"/livez", http.StatusOK)
	if status, _, err := get("http://" + s.probes + "/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("before the program listens: %d, %v", status, err)
	}
	if status, _, err := get("http://" + s.front + "/"); status != http.StatusServiceUnavailable {
		t.Errorf("a request before the program listens: %d, %v", status, err)
	}
	s.whenReady(t)
	if status, body, err := get("http://" + s.front + "/"); status != http.StatusOK || !strings.Contains(body, "127.0.0.1") {
		t.Errorf("%d %q, %v", status, body, err)
	}
}

func TestWhatCannotWork(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, tc := range map[string]struct {
		flags   []string
		command []string
		code    int
		says    string
	}{
		"no such program":   {nil, []string{"no-such-program-here"}, 127, "not in PATH"},
		"not executable":    {nil, []string{"./testdata/server.py"}, 127, "permission denied"},
		"the same port":     {[]string{"--app", taken.Addr().String(), "--listen", taken.Addr().String()}, []string{"true"}, 2, "the same port"},
		"a port in use":     {[]string{"--listen", taken.Addr().String()}, []string{"true"}, 2, "address already in use"},
		"beyond loopback":   {[]string{"--admin", "0.0.0.0:0"}, []string{"true"}, 2, "loopback"},
		"does not fit":      {[]string{"--grace", "10s", "--requests", "30s"}, []string{"true"}, 2, "> grace 10s"},
		"half of two":       {[]string{"--listen", ""}, []string{"true"}, 2, "go together"},
		"no number":         {[]string{"--grace", "ten"}, []string{"true"}, 2, "grace"},
		"a relative path":   {[]string{"--ready-path", "healthz"}, []string{"true"}, 2, "want a path"},
		"no port":           {[]string{"--probes", "localhost"}, []string{"true"}, 2, "host:port"},
		"a negative budget": {[]string{"--flush", "-3s"}, []string{"true"}, 2, "flush"},
	} {
		t.Run(name, func(t *testing.T) {
			s := startRun(t, tc.flags, tc.command...)
			if code := s.Wait(patience); code != tc.code || !strings.Contains(s.Output(), tc.says) {
				t.Errorf("exit %d, want %d and %q:\n%s", code, tc.code, tc.says, s.Output())
			}
		})
	}
	var o Options
	if err := o.Check(); err == nil || !strings.Contains(err.Error(), "after --") {
		t.Errorf("no program: %v", err)
	}
}

func TestDrainByTheAdminAPI(t *testing.T) {
	s := startRun(t, []string{"--withdraw", "100ms"}, "polite", "PORT")
	s.whenReady(t)
	answered := crowd(1, "http://"+s.front+"/slow")
	s.inFlight(t, 1)
	got, err := Drain(t.Context(), s.admin, patience)
	if want := (Drained{Empty: true}); err != nil || got != want || got.ExitCode(true) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if answered() != 1 {
		t.Error("what was in flight was not answered")
	}
	s.Wait(patience)
	if _, err := Drain(t.Context(), s.admin, time.Second); err == nil {
		t.Error("a run that has ended can be asked")
	}
}

func TestDrainSaysWhatWasCut(t *testing.T) {
	s := startRun(t, []string{"--withdraw", "0s", "--requests", "200ms", "--streams", "200ms"}, "polite", "PORT")
	s.whenReady(t)
	crowd(1, "http://"+s.front+"/long")
	s.inFlight(t, 1)
	got, err := Drain(t.Context(), s.admin, patience)
	if err != nil || got.Cut != 1 || got.ExitCode(true) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

// As with a preStop hook: the hook waits until nothing is in flight, and then
// the platform sends its SIGTERM. The program has its time all the same.
func TestTheSignalAfterAHookDoesNotShorten(t *testing.T) {
	s := startRun(t, []string{"--withdraw", "100ms", "--flush", "30s"}, "flushes", "PORT")
	s.whenReady(t)
	if d, err := Drain(t.Context(), s.admin, patience); err != nil || !d.Empty {
		t.Fatalf("%+v, %v", d, err)
	}
	s.Signal(syscall.SIGTERM)
	if code := s.Wait(patience); code != 4 {
		t.Errorf("exit code %d, want the program's own", code)
	}
}

func TestThePlatformTellsAndIsTold(t *testing.T) {
	s := startRun(t, []string{"--withdraw", "200ms", "--requests", "90s"}, "polite", "PORT") // fits the platform's two minutes
	s.whenReady(t)
	s.Signal(syscall.SIGUSR1)
	if code := s.Wait(patience); code != 3 {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{"reason=spot", "host was told: serving", "host was told: withdrawing", "host was told: flushing", "host released"} {
		if !strings.Contains(s.Output(), want) {
			t.Errorf("missing %q in:\n%s", want, s.Output())
		}
	}
}
