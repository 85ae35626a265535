//go:build unix

package fleet

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The test binary plays all roles: an instance, a process that has a fleet, and
// an instance with a child of its own.
const role = "FLEET_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "instance":
		instance()
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		hold()
	case "holder":
		hold()
	case "parent":
		parent()
	case "family":
		family()
	case "talker":
		fmt.Println(strings.Repeat("x", ringSize))
		fmt.Fprintln(os.Stderr, "last words")
		os.Exit(3)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// instance serves HTTP at ADDRESS, ready at the third request; SIGTERM ends it
// with code 7.
func instance() {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	ln, err := net.Listen("tcp", os.Getenv("ADDRESS"))
	if err != nil {
		fatal(err)
	}
	n := 0
	go func() {
		fatal(http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if n++; n < 3 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		})))
	}()
	<-term
	fmt.Println("terminated")
	os.Exit(7)
}

// hold connects to HOLD, says its number, and lives until it is killed: the
// other end sees it go.
func hold() {
	conn, err := net.Dial("tcp", os.Getenv("HOLD"))
	if err != nil {
		fatal(err)
	}
	fmt.Fprintln(conn, os.Getpid())
	if _, err := io.Copy(io.Discard, conn); err != nil {
		fatal(err)
	}
	fatal(errors.New("the test has gone"))
}

// parent has a fleet of three holders, started from goroutines whose threads
// end, and lives until it is killed.
func parent() {
	f := New(Options{})
	exe, err := os.Executable()
	if err != nil {
		fatal(err)
	}
	var wg sync.WaitGroup
	for n := range 3 {
		wg.Go(func() {
			runtime.LockOSThread() // never unlocked: the thread ends here
			if _, err := f.Start(Command{Name: fmt.Sprint(n), Path: exe, Env: []string{role + "=holder"}, Log: os.Stderr}); err != nil {
				fatal(err)
			}
		})
	}
	wg.Wait()
	fmt.Println("started")
	select {}
}

// family starts a holder in its own process group, and ends when it is told.
func family() {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	exe, err := os.Executable()
	if err != nil {
		fatal(err)
	}
	child := exec.Command(exe)
	child.Env = append(os.Environ(), role+"=stubborn")
	if err := child.Start(); err != nil {
		fatal(err)
	}
	<-term
	os.Exit(0)
}

func newFleet(t *testing.T, opt Options) *Fleet {
	t.Helper()
	f := New(opt)
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func launch(t *testing.T, f *Fleet, as string, env ...string) *Instance {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	i, err := f.Start(Command{Name: as, Path: exe, Env: append(env, role+"="+as)})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

const patient = time.Minute

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	t.Cleanup(cancel)
	return ctx
}

// holders accepts connections of holders.
type holders struct {
	net.Listener
	t *testing.T
}

func newHolders(t *testing.T) *holders {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	if err := ln.(*net.TCPListener).SetDeadline(time.Now().Add(patient)); err != nil {
		t.Fatal(err)
	}
	return &holders{ln, t}
}

func (h *holders) env() string { return "HOLD=" + h.Addr().String() }

// next is a holder's connection, after it has said its number.
func (h *holders) next() net.Conn {
	h.t.Helper()
	conn, err := h.Accept()
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(patient)); err != nil {
		h.t.Fatal(err)
	}
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		h.t.Fatal(err)
	}
	return conn
}

// gone waits until the process behind the connection has ended.
func gone(conn net.Conn) error {
	if _, err := conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("it lives: %w", err)
	}
	return nil
}

func TestLifeOfAnInstance(t *testing.T) {
	begun := time.Now()
	now := func() time.Duration { return time.Since(begun) + time.Hour }
	f := newFleet(t, Options{Now: now, Ready: patient})
	address, err := FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	i := launch(t, f, "instance", "ADDRESS="+address)
	if i.Name() != "instance" || i.PID() <= 0 || len(f.Instances()) != 1 || i.Started() < time.Hour {
		t.Errorf("%q, %d, %v", i.Name(), i.PID(), i.Started())
	}
	ready, err := i.WaitReady(within(t), "http://"+address+"/")
	if err != nil {
		t.Fatal(err)
	}
	sent, err := i.Terminate()
	if err != nil {
		t.Fatal(err)
	}
	exit, err := i.Wait(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if exit.Code != 7 || exit.Signal != 0 || i.Output() != "terminated\n" {
		t.Errorf("exit %+v, output %q", exit, i.Output())
	}
	if i.Started() > ready || ready > sent || sent > exit.At {
		t.Errorf("started %v, ready %v, sent %v, ended %v are out of order", i.Started(), ready, sent, exit.At)
	}
	if len(f.Instances()) != 0 {
		t.Error("it is still among the instances")
	}
	for name, signal := range map[string]func() error{
		"terminate": func() error { _, err := i.Terminate(); return err },
		"kill":      func() error { _, err := i.Kill(); return err },
		"pause":     func() error { _, err := i.Pause(); return err },
	} {
		if err := signal(); !errors.Is(err, ErrEnded) {
			t.Errorf("%s after the end: %v, want ErrEnded", name, err)
		}
	}
}

func TestKill(t *testing.T) {
	f := newFleet(t, Options{})
	h := newHolders(t)
	i := launch(t, f, "stubborn", h.env())
	conn := h.next()
	if _, err := i.Terminate(); err != nil {
		t.Error(err)
	}
	kill, err := i.Kill()
	if err != nil || kill.Instance != "stubborn" {
		t.Errorf("%+v, %v", kill, err)
	}
	exit, err := i.Wait(within(t))
	if err != nil || exit.Signal != syscall.SIGKILL || exit.Code != 137 || exit.At < kill.At {
		t.Errorf("exit %+v, %v", exit, err)
	}
	if err := gone(conn); err != nil {
		t.Error(err)
	}
}

// A paused instance does not answer; afterwards it does.
func TestPause(t *testing.T) {
	f := newFleet(t, Options{Ready: patient})
	address, err := FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	i := launch(t, f, "instance", "ADDRESS="+address)
	url := "http://" + address + "/"
	if _, err := i.WaitReady(within(t), url); err != nil {
		t.Fatal(err)
	}
	if _, err := i.Pause(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := i.WaitReady(ctx, url); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("paused, and answers: %v", err)
	}
	if _, err := i.Continue(); err != nil {
		t.Fatal(err)
	}
	if _, err := i.WaitReady(within(t), url); err != nil {
		t.Error(err)
	}
	if _, err := i.Pause(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil { // kills the paused too
		t.Error(err)
	}
	if exit, err := i.Wait(within(t)); err != nil || exit.Signal != syscall.SIGKILL {
		t.Errorf("%+v, %v", exit, err)
	}
}

func TestNotReady(t *testing.T) {
	f := newFleet(t, Options{Ready: patient})
	address, err := FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	i := launch(t, f, "talker")
	_, err = i.WaitReady(within(t), "http://"+address+"/")
	if err == nil || !strings.Contains(err.Error(), "code 3") || !strings.Contains(err.Error(), "last words") {
		t.Errorf("%v, want its code and last words", err)
	}
	if out := i.Output(); len(out) != ringSize || !strings.HasSuffix(out, "x\nlast words\n") {
		t.Errorf("%d bytes of output that end with %q", len(out), out[max(0, len(out)-20):])
	}
	h := newHolders(t)
	held := launch(t, f, "holder", h.env())
	h.next()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := held.WaitReady(ctx, "http://"+address+"/"); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("%v, want the deadline and the last answer", err)
	}
	if _, err := held.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("wait: %v", err)
	}
}

func TestStartFails(t *testing.T) {
	f := newFleet(t, Options{})
	if _, err := f.Start(Command{Path: filepath.Join(t.TempDir(), "none")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no program: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Start(Command{Path: "/bin/true"}); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v, want ErrClosed", err)
	}
	if err := New(Options{}).Close(); err != nil {
		t.Errorf("closing an empty fleet: %v", err)
	}
}

func TestLogFile(t *testing.T) {
	f := newFleet(t, Options{})
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	i, err := f.Start(Command{Path: exe, Env: []string{role + "=talker"}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.Wait(within(t)); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(log.Name())
	if err != nil || !strings.HasSuffix(string(b), "last words\n") || i.Output() != "" {
		t.Errorf("%d bytes in the log, %v; output %q", len(b), err, i.Output())
	}
	if i.Name() != filepath.Base(exe) {
		t.Errorf("name %q", i.Name())
	}
}

// Close ends and reaps all, also those that are being started.
func TestClose(t *testing.T) {
	f := newFleet(t, Options{})
	h := newHolders(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	first := launch(t, f, "stubborn", h.env())
	conn := h.next()
	var wg sync.WaitGroup
	started := make(chan *Instance, 40)
	for range 4 {
		wg.Go(func() {
			for range 10 {
				i, err := f.Start(Command{Path: exe, Env: []string{role + "=stubborn", h.env()}})
				if errors.Is(err, ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				started <- i
			}
		})
	}
	all := []*Instance{first, <-started}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	close(started)
	for i := range started {
		all = append(all, i)
	}
	for _, i := range all {
		if exit, err := i.Wait(within(t)); err != nil || exit.Signal != syscall.SIGKILL {
			t.Errorf("%+v, %v", exit, err)
		}
		if err := syscall.Kill(i.PID(), 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d is not reaped: %v", i.PID(), err)
		}
	}
	if err := gone(conn); err != nil {
		t.Error(err)
	}
}

// What an instance leaves in its group ends with it.
func TestGroup(t *testing.T) {
	f := newFleet(t, Options{})
	h := newHolders(t)
	for name, end := range map[string]func(*Instance) error{
		"terminated": func(i *Instance) error { _, err := i.Terminate(); return err },
		"killed":     func(i *Instance) error { _, err := i.Kill(); return err },
	} {
		i := launch(t, f, "family", h.env())
		child := h.next()
		if err := end(i); err != nil {
			t.Fatal(err)
		}
		if _, err := i.Wait(within(t)); err != nil {
			t.Fatal(err)
		}
		if err := gone(child); err != nil {
			t.Errorf("%s: the child: %v", name, err)
		}
	}
}

// A process with a fleet is killed: its instances go with it. They were started
// from threads that have ended, which must not have ended them before.
func TestNothingOutlivesTheParent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is a parent-death signal on Linux only")
	}
	h := newHolders(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), role+"=parent", h.env())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	children := []net.Conn{h.next(), h.next(), h.next()}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "started\n" {
		t.Fatalf("parent said %q, %v", line, err)
	}
	for _, c := range children { // control: they live while it lives
		if err := c.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if err := gone(c); err == nil {
			t.Error("an instance ended before its parent")
		}
		if err := c.SetReadDeadline(time.Now().Add(patient)); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, c := range children {
		if err := gone(c); err != nil {
			t.Errorf("an instance outlived its parent: %v", err)
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the parent was not killed")
	}
}
