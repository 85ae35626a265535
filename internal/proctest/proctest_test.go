//go:build linux

package proctest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// roleVariable makes the test binary a program for the tests to start.
const roleVariable = "PROCTEST_ROLE"

const limit = 30 * time.Second // generous: it only bounds a test that hangs

var roles = map[string]func() error{
	// lives until it is killed
	"wait": func() error { fmt.Println("up"); select {} },
	// ends with 7 at SIGTERM
	"obey": func() error {
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGTERM)
		fmt.Println("up")
		<-c
		os.Exit(7)
		return nil
	},
	// prints far more than is kept, then a line without an end
	"talk": func() error {
		for i := range 20_000 {
			fmt.Printf("line %d of many\n", i)
		}
		fmt.Fprintln(os.Stderr, "to standard error")
		fmt.Print("the last has no end")
		return nil
	},
	// listens on the address it is given
	"listen": func() error {
		srv := http.Server{Addr: os.Getenv("ADDR"), ReadHeaderTimeout: time.Minute}
		srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
		return srv.ListenAndServe()
	},
	// starts a child in the same group and lives on, or ends
	"parent":  func() error { return spawn(func() { select {} }) },
	"orphans": func() error { return spawn(func() {}) },
	// starts a child with proctest itself and lives until it is killed
	"tester": func() error {
		p, err := start(self("wait"))
		if err != nil {
			return err
		}
		fmt.Println("child", p.Pid())
		select {}
	},
}

func spawn(then func()) error {
	cmd := self("wait")
	if err := cmd.Start(); err != nil {
		return err
	}
	fmt.Println("child", cmd.Process.Pid)
	then()
	return nil
}

// self is the test binary in a role.
func self(role string) *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	return cmd
}

func TestMain(m *testing.M) {
	role, ok := roles[os.Getenv(roleVariable)]
	if !ok {
		os.Exit(Main(m))
	}
	if err := role(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func TestSignalAndExitCode(t *testing.T) {
	p := Start(t, self("obey"))
	p.WaitLine(limit, "^up$")
	p.Signal(syscall.SIGTERM)
	if code := p.Wait(limit); code != 7 {
		t.Errorf("exit code %d, want 7", code)
	}
	k := Start(t, self("wait"))
	k.Kill()
	if code := k.Wait(limit); code != 128+9 {
		t.Errorf("exit code %d after SIGKILL, want 137", code)
	}
	k.Kill() // nobody is left: no error
	if left := ours(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// ours are the leaks that are alive or zombies of this test.
func ours() []string {
	left := Leaks()
	for deadline := time.Now().Add(limit); len(left) > 0 && time.Now().Before(deadline); left = Leaks() {
		runtime.Gosched()
	}
	return left
}

func TestOutput(t *testing.T) {
	p := Start(t, self("talk"))
	if m := p.WaitLine(limit, `^line (1\d*9) of`); m[1] != "19" {
		t.Errorf("the first line that matches: %q", m)
	}
	p.WaitLine(limit, `^the last has no end$`)
	p.Wait(limit)
	if out := p.Output(); len(out) != keep || !strings.HasSuffix(out, "to standard error\nthe last has no end") {
		t.Errorf("kept %d bytes, ending in %q", len(out), out[max(0, len(out)-60):])
	}
	if m := p.WaitLine(limit, `^line 1999(\d)`); len(m) != 2 {
		t.Errorf("after the end: %q", m)
	}
}

// Whoever waits is shown every line, in whatever pieces it comes.
func TestOutputMissesNoLine(t *testing.T) {
	o := &output{}
	for _, piece := range []string{"a", "b\nc", "d\n", "\n", "e"} {
		o.Write([]byte(piece))
	}
	for expression, want := range map[string]string{"^ab$": "ab", "^c.$": "cd", "^$": ""} {
		if m := <-o.await(regexp.MustCompile(expression)); len(m) != 1 || m[0] != want {
			t.Errorf("%s: %q", expression, m)
		}
	}
	open, never := o.await(regexp.MustCompile("^e")), o.await(regexp.MustCompile("never"))
	later := o.await(regexp.MustCompile("needle"))
	select {
	case m := <-open:
		t.Errorf("a line that has not ended was shown: %q", m)
	default:
	}
	o.Write([]byte("f\nneedle\n"))
	o.Write(bytes.Repeat([]byte("hay\n"), keep)) // the needle is not kept
	if m := <-open; m[0] != "e" {
		t.Errorf("got %q", m)
	}
	if m := <-later; len(m) != 1 {
		t.Errorf("got %q", m)
	}
	if strings.Contains(o.String(), "needle") || len(o.kept) > 2*keep {
		t.Errorf("kept %d bytes", len(o.kept))
	}
	o.Write(bytes.Repeat([]byte("x"), keep+1)) // a line without an end
	if len(o.line) > keep {
		t.Errorf("a line of %d bytes is kept", len(o.line))
	}
	o.end()
	if m, ok := <-never; ok {
		t.Errorf("got %q", m)
	}
	if m, ok := <-o.await(regexp.MustCompile("never")); ok {
		t.Errorf("got %q after the end", m)
	}
}

func TestWaitPortAndHTTP(t *testing.T) {
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(FreePort(t)))
	cmd := self("listen")
	cmd.Env = append(cmd.Env, "ADDR="+addr)
	p := Start(t, cmd)
	p.WaitPort(limit, addr)
	p.WaitHTTP(limit, "http://"+addr, http.StatusTeapot)
}

func TestFreePortsDiffer(t *testing.T) {
	seen := map[int]bool{}
	for range 50 {
		port := FreePort(t)
		if seen[port] {
			t.Fatalf("port %d twice", port)
		}
		seen[port] = true
	}
	if firstTime(FreePort(t)) {
		t.Error("a port that was given is given again")
	}
}

// A fake is a testing.TB that notes how a test was ended.
type fake struct {
	testing.TB
	ended string
}

func (f *fake) Helper()                   {}
func (f *fake) Skipf(s string, a ...any)  { f.end("skip", s, a) }
func (f *fake) Fatalf(s string, a ...any) { f.end("fatal", s, a) }
func (f *fake) end(how, s string, a []any) {
	f.ended = how + ": " + fmt.Sprintf(s, a...)
	runtime.Goexit()
}

// ended runs f with a fake in place of t and says how it was ended.
func ended(t *testing.T, f func(testing.TB)) string {
	x := &fake{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(x)
	}()
	<-done
	return x.ended
}

func TestRequire(t *testing.T) {
	missing := errors.New("redis-server: not found")
	for _, c := range []struct {
		env  string
		err  error
		want string
	}{
		{"", nil, ""},
		{"redis", nil, ""},
		{"", missing, "skip: no redis: redis-server: not found (with EVENKEEL_REQUIRE=redis this is a failure)"},
		{"proc,browser", missing, "skip: no redis: redis-server: not found (with EVENKEEL_REQUIRE=redis this is a failure)"},
		{"redistest", missing, "skip: no redis: redis-server: not found (with EVENKEEL_REQUIRE=redis this is a failure)"},
		{"redis", missing, "fatal: EVENKEEL_REQUIRE names redis, which is missing: redis-server: not found"},
		{"proc, redis", missing, "fatal: EVENKEEL_REQUIRE names redis, which is missing: redis-server: not found"},
	} {
		t.Setenv(requireVariable, c.env)
		if got := ended(t, func(tb testing.TB) { Require(tb, "redis", c.err) }); got != c.want {
			t.Errorf("%q: %q, want %q", c.env, got, c.want)
		}
	}
}

// What waits in vain says for what, and does not wait for a process that has
// ended.
func TestWaitingInVain(t *testing.T) {
	for want, f := range map[string]func(*Process){
		`printed no line that matches "never" within 1ms`:  func(p *Process) { p.WaitLine(time.Millisecond, "never") },
		`is still running after 1ms`:                       func(p *Process) { p.Wait(time.Millisecond) },
		`did not accept connections on 127.0.0.1:1 within`: func(p *Process) { p.WaitPort(time.Millisecond, "127.0.0.1:1") },
		`ended without a line that matches "never"`: func(p *Process) {
			p.Kill()
			p.WaitLine(limit, "never")
		},
		`ended and did not answer http://127.0.0.1:1 with 200`: func(p *Process) {
			p.Kill()
			p.WaitHTTP(limit, "http://127.0.0.1:1", 200)
		},
		`send terminated to`: func(p *Process) {
			p.Kill()
			<-p.Exited()
			p.Signal(syscall.SIGTERM)
		},
	} {
		p := Start(t, self("wait"))
		p.WaitLine(limit, "up")
		got := ended(t, func(tb testing.TB) { p.t = tb; f(p) })
		if !strings.Contains(got, want) || !strings.HasPrefix(got, "fatal: ") {
			t.Errorf("got %q, want fatal with %q", got, want)
		}
	}
	if _, err := start(exec.Command("/no/such/program")); err == nil {
		t.Error("a program that is not there was started")
	}
	if _, err := start(&exec.Cmd{Path: "/bin/true", Stdout: os.Stdout}); err == nil {
		t.Error("another standard output was accepted")
	}
}

// The end of a test takes the whole group along, with its leader or without.
func TestCleanupEndsTheGroup(t *testing.T) {
	for _, role := range []string{"parent", "orphans"} {
		var child int
		t.Run(role, func(t *testing.T) {
			p := Start(t, self(role))
			child = pidOf(t, p.WaitLine(limit, `^child (\d+)$`))
			if role == "orphans" {
				p.Wait(limit)
				if !slices.ContainsFunc(Leaks(), func(l string) bool { return strings.Contains(l, fmt.Sprintf("%d", child)) }) {
					t.Errorf("the orphan %d is not among the leaks %v", child, Leaks())
				}
			}
		})
		gone(t, child)
	}
}

func pidOf(t *testing.T, match []string) int {
	t.Helper()
	pid, err := strconv.Atoi(match[1])
	if err != nil {
		t.Fatal(err)
	}
	return pid
}
