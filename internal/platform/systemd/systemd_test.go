//go:build unix

package systemd

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/drain"
	"github.com/evenkeel/evenkeel/internal/platform/host"
	"github.com/evenkeel/evenkeel/internal/platform/host/hosttest"
	"github.com/evenkeel/evenkeel/internal/proctest"
)

func TestMain(m *testing.M) { os.Exit(proctest.Goroutines(m)) }

// manager is the end of NOTIFY_SOCKET that systemd has: see sd_notify(3).
type manager struct {
	path string
	conn *net.UnixConn
	done chan struct{}

	mu    sync.Mutex
	lines []string
}

func newManager(t *testing.T, path string) *manager {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	m := &manager{path: path, conn: c, done: make(chan struct{})}
	go m.read()
	t.Cleanup(m.close)
	return m
}

func (m *manager) read() {
	defer close(m.done)
	buf := make([]byte, 4096)
	for {
		n, err := m.conn.Read(buf)
		if err != nil {
			return
		}
		m.mu.Lock()
		m.lines = append(m.lines, strings.Split(string(buf[:n]), "\n")...)
		m.mu.Unlock()
	}
}

func (m *manager) close() { m.conn.Close(); <-m.done }

func (m *manager) count(prefix string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.lines {
		if strings.HasPrefix(l, prefix) {
			n++
		}
	}
	return n
}

func (m *manager) waits(t *testing.T, prefix string, n int) {
	t.Helper()
	hosttest.Eventually(t, fmt.Sprintf("%d x %s", n, prefix), func() bool { return m.count(prefix) >= n })
}

func socketPath(t *testing.T) string { return filepath.Join(t.TempDir(), "notify") }

func unit(socket string, watchdog time.Duration) (*Host, *hosttest.Log) {
	log := new(hosttest.Log)
	return New(Options{Socket: socket, Watchdog: watchdog, Tick: time.Millisecond, Status: time.Millisecond, Extend: time.Millisecond}, log.Logger()), log
}

func TestTheManagerIsTold(t *testing.T) {
	for _, path := range []string{socketPath(t), fmt.Sprintf("@evenkeel-test-%d", os.Getpid())} {
		m := newManager(t, path)
		h, log := unit(path, 40*time.Millisecond)
		var load hosttest.Load
		load.Set(host.Load{State: drain.Starting, Requests: 1}) // zero would be nothing new
		stop := hosttest.Run(t, h, load.Get)
		m.waits(t, "STATUS=starting", 1)
		m.waits(t, "WATCHDOG=1", 2)
		if m.count("READY=1") != 0 {
			t.Error("READY=1 before it serves")
		}
		load.Set(host.Load{State: drain.Serving, Requests: 3, Streams: 2})
		m.waits(t, "READY=1", 1)
		m.waits(t, "STATUS=serving: 3 requests, 2 streams in flight", 1)
		if m.count("STOPPING=1")+m.count("EXTEND_TIMEOUT_USEC=") != 0 {
			t.Error("it speaks of stopping while it serves")
		}
		load.Set(host.Load{State: drain.Draining, Streams: 1})
		m.waits(t, "STOPPING=1", 1)
		m.waits(t, "EXTEND_TIMEOUT_USEC=10000000", 3)
		load.Set(host.Load{State: drain.Stopped})
		m.waits(t, "STATUS=stopped", 1)
		load.Looks(t, 2)
		extended := m.count("EXTEND_TIMEOUT_USEC=")
		load.Looks(t, 20)
		stop()
		if n := m.count("EXTEND_TIMEOUT_USEC="); n != extended {
			t.Errorf("extended %d times after the end", n-extended)
		}
		if m.count("READY=1") != 1 || m.count("STOPPING=1") != 1 || log.String() != "" {
			t.Errorf("said %q, log %s", m.lines, log)
		}
	}
}

// A process that hangs gets neither a longer timeout nor a fed watchdog, and
// Run returns.
func TestALoadThatHangs(t *testing.T) {
	m := newManager(t, socketPath(t))
	h, _ := unit(m.path, 20*time.Millisecond)
	release := make(chan struct{})
	var n int
	stop := hosttest.Run(t, h, func() host.Load {
		if n++; n > 100 {
			<-release
		}
		return host.Load{State: drain.Draining}
	})
	m.waits(t, "WATCHDOG=1", 1)
	hosttest.Eventually(t, "it is quiet", func() bool {
		before := m.count("")
		time.Sleep(100 * time.Millisecond) // five watchdog intervals
		return before == m.count("")
	})
	stop()
	close(release)
}

// What was not heard is said again.
func TestAManagerThatIsAway(t *testing.T) {
	path := socketPath(t)
	h, log := unit(path, 0)
	var load hosttest.Load
	load.Set(host.Load{State: drain.Serving})
	hosttest.Run(t, h, load.Get)
	hosttest.Eventually(t, "trouble", func() bool { return log.Count("fails") == 1 })
	load.Looks(t, 20)
	m := newManager(t, path)
	m.waits(t, "READY=1", 1)
	hosttest.Eventually(t, "no trouble", func() bool { return log.Count("works again") == 1 })
	if n := log.Count("fails"); n != 1 {
		t.Errorf("%d lines for one trouble: %s", n, log)
	}
}

// A manager that does not read blocks nobody: its queue is full after some
// datagrams.
func TestAManagerThatDoesNotRead(t *testing.T) {
	path := socketPath(t)
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	h, log := unit(path, 2*time.Millisecond)
	stop := hosttest.Run(t, h, func() host.Load { return host.Load{State: drain.Draining} })
	hosttest.Eventually(t, "trouble", func() bool { return log.Count("fails") == 1 })
	stop()
}

func TestSocketsThatAreNone(t *testing.T) {
	for _, path := range []string{"vsock:2:1234", "relative", "/does/not/exist"} {
		if err := send(path, []string{"READY=1"}); err == nil {
			t.Errorf("%s: no error", path)
		}
	}
}

func TestWatchdogVariables(t *testing.T) {
	tests := []struct {
		usec, pid string
		want      time.Duration
		bad       bool
	}{
		{"", "", 0, false},
		{"3000000", "", 3 * time.Second, false},
		{"3000000", "42", 3 * time.Second, false},
		{"3000000", "43", 0, false},
		{"0", "42", 0, true},
		{"-1", "42", 0, true},
		{"99999999999999999999", "42", 0, true},
		{"9223372036854775807", "", 0, true},
	}
	for _, tt := range tests {
		env := map[string]string{"WATCHDOG_USEC": tt.usec, "WATCHDOG_PID": tt.pid}
		got, err := watchdogOf(func(k string) string { return env[k] }, 42)
		if got != tt.want || (err != nil) != tt.bad {
			t.Errorf("%q for %q: got %v, error %v", tt.usec, tt.pid, got, err)
		}
	}
}

// systemctl is a program with this script.
func systemctl(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "systemctl")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestGrace(t *testing.T) {
	const own = "0::/system.slice/shop.service\n"
	echo := func(v string) string {
		return `[ "$*" = "show --property=TimeoutStopUSec -- shop.service" ] && [ -z "$NOTIFY_SOCKET" ] && echo "TimeoutStopUSec=` + v + `"`
	}
	tests := []struct {
		name, cgroup, script string
		want                 time.Duration
		bad                  bool
	}{
		{"control", own, echo("1min 30s"), 90 * time.Second, false},
		{"never", own, echo("infinity"), 24 * time.Hour, false},
		{"version 1", "12:pids:/x.service\n1:name=systemd:/system.slice/shop.service\n0::/\n", echo("45s"), 45 * time.Second, false},
		{"a delegated group", "0::/system.slice/shop.service/payload\n", echo("45s"), 45 * time.Second, false},
		{"user's", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/shop.service\n", `[ "$1" = --user ] && echo TimeoutStopUSec=5s`, 5 * time.Second, false},
		{"a session", "0::/user.slice/user-1000.slice/session-1.scope\n", echo("45s"), 0, false},
		{"a container", "0::/\n", echo("45s"), 0, false},
		{"no manager", own, "echo 'System has not been booted with systemd' >&2; exit 1", 0, true},
		{"garbage", own, "head -c 1000 /dev/zero", 0, true},
		{"nonsense", own, echo("a while"), 0, true},
		{"nothing", own, ":", 0, true},
	}
	t.Setenv("NOTIFY_SOCKET", "/run/systemd/notify")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := New(Options{Invocation: true}, new(hosttest.Log).Logger())
			h.cgroup = filepath.Join(t.TempDir(), "cgroup")
			if err := os.WriteFile(h.cgroup, []byte(tt.cgroup), 0o600); err != nil {
				t.Fatal(err)
			}
			h.systemctl = systemctl(t, tt.script)
			got, from, err := h.Grace(t.Context())
			if got != tt.want || (err != nil) != tt.bad || (from == "") != (tt.want == 0) {
				t.Errorf("got %v from %q, error %v; want %v", got, from, err, tt.want)
			}
		})
	}
}

func TestGraceDoesNotWaitForEver(t *testing.T) {
	h := New(Options{Invocation: true}, new(hosttest.Log).Logger())
	h.cgroup = filepath.Join(t.TempDir(), "cgroup")
	if err := os.WriteFile(h.cgroup, []byte("0::/shop.service\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.systemctl = systemctl(t, "exec sleep 600")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, _, err := h.Grace(ctx); err == nil {
		t.Error("no error")
	}
	h.systemctl = "evenkeel-no-such-program"
	if d, from, err := h.Grace(t.Context()); d != 0 || from != "" || err != nil {
		t.Errorf("without systemctl: %v from %q, error %v; want unknown", d, from, err)
	}
}

func TestSpan(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "500ms": 500 * time.Millisecond, "1min 30s": 90 * time.Second, "1.500s": 1500 * time.Millisecond, "2h 5us": 2*time.Hour + 5*time.Microsecond,
		"1d": 24 * time.Hour, "1month": 24 * time.Hour, "584542y 2w": 24 * time.Hour, " 90s\n": 90 * time.Second,
	} {
		if got, err := parseSpan(text); got != want || err != nil {
			t.Errorf("%q: got %v, error %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "s", "90", "-5s", "1e9s", "5 s", "5sec", "NaNs", "0x10s", "5s;", "\x00"} {
		if got, err := parseSpan(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
}

func FuzzSpan(f *testing.F) {
	for _, s := range []string{"1min 30s", "infinity", "999999999999y 1us", "1.5.5s", ". s", "0us 0us"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := parseSpan(s); d < 0 || d > forever || err != nil && d != 0 {
			t.Errorf("%q: %v, error %v", s, d, err)
		}
	})
}

func FuzzUnit(f *testing.F) {
	f.Add("0::/system.slice/shop.service\n")
	f.Add("0::.service")
	f.Add("::/../a.service/")
	f.Fuzz(func(t *testing.T, s string) {
		if u, _ := unitOf(s); u != "" && (!strings.HasSuffix(u, ".service") || strings.Contains(u, "/")) {
			t.Errorf("%q: unit %q", s, u)
		}
	})
}

func TestScrub(t *testing.T) {
	got := Scrub([]string{"PATH=/bin", "NOTIFY_SOCKET=/x", "WATCHDOG_PID=1", "LISTEN_FDS=1", "LISTEN_FDS_OTHER=1", "INVOCATION_ID=1"})
	if want := []string{"PATH=/bin", "LISTEN_FDS_OTHER=1", "INVOCATION_ID=1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
