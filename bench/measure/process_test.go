package measure

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// burnt is what the child "burn" uses of CPU at least.
const burnt = 100 * time.Millisecond

// burn uses CPU, by the operating system's own account.
func burn(d time.Duration) {
	start, err := SelfCPU()
	for now := start; err == nil && now-start < d; {
		now, err = SelfCPU()
	}
}

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "child" {
		child(os.Args[2])
		return
	}
	os.Exit(m.Run())
}

// child is what the tests start: this binary.
func child(role string) {
	in := bufio.NewScanner(os.Stdin)
	switch role {
	case "burn":
		burn(burnt)
		used, err := SelfCPU()
		if err != nil {
			fmt.Println(err)
		}
		fmt.Println(used)
		in.Scan()
	case "echo":
		fmt.Println(syscall.Getpid())
		for in.Scan() {
			fmt.Println("heard " + in.Text())
		}
	case "fail":
		fmt.Fprintln(os.Stderr, "no such thing")
		os.Exit(3)
	}
}

func startChild(t *testing.T, role string) *Process {
	t.Helper()
	p, err := Self(t.Context(), "child", role)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

func line(t *testing.T, p *Process) string {
	t.Helper()
	s, err := p.Line(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestProcessTalks(t *testing.T) {
	p := startChild(t, "echo")
	line(t, p)
	if err := p.Say("hello"); err != nil {
		t.Fatal(err)
	}
	if got := line(t, p); got != "heard hello" {
		t.Errorf("it said %q", got)
	}
}

func TestStopEndsTheProcess(t *testing.T) {
	p := startChild(t, "echo")
	line(t, p)
	pid := p.cmd.Process.Pid
	p.Stop()
	p.Stop() // again does nothing
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is still there: %v", err)
	}
}

func TestEndOfContextEndsTheProcess(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p, err := Self(ctx, "child", "echo")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	line(t, p)
	cancel()
	select {
	case <-p.Ended():
	case <-time.After(time.Minute):
		t.Fatal("the process outlives its context")
	}
}

func TestEndIsSIGTERM(t *testing.T) {
	p := startChild(t, "echo")
	line(t, p)
	if err := p.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || s.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v", p.cmd.ProcessState)
	}
	if err := p.End(t.Context()); err != nil {
		t.Errorf("ending it again: %v", err)
	}
}

func TestAFailureIsTold(t *testing.T) {
	p := startChild(t, "fail")
	_, err := p.Line(t.Context())
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no such thing") {
		t.Errorf("error %v, want the exit code and what it said", err)
	}
	port, err := FreePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Await(t.Context(), fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
		t.Error("a process that has ended is said to listen")
	}
	if _, err := Start(t.Context(), "/nonexistent/program"); err == nil {
		t.Error("a program that is not there was started")
	}
}
