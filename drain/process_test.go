//go:build unix

package drain

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
	"strings"
	"syscall"
	"testing"
	"time"
)

// serveVariable makes the test binary the program that the process tests
// start.
const serveVariable = "DRAIN_TEST_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(serveVariable) == "" {
		os.Exit(m.Run())
	}
	serve := serveForTest
	if os.Getenv(serveVariable) == "upgrade" {
		serve = upgradeForTest
	}
	if err := serve(); err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serveForTest is what a service's main looks like. It says on its standard
// output where it is; /slow answers when a line comes on its standard input.
func serveForTest() error {
	// Minutes, so that a test which ends at all has proved its point.
	d, err := New(Options{Grace: time.Hour, Budget: Budget{Withdraw: time.Second, Requests: 10 * time.Minute, Streams: 10 * time.Minute}})
	if err != nil {
		return err
	}
	if os.Getenv(serveVariable) == "shortened" {
		d.budget.Withdraw = 10 * time.Minute
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /readyz", d.Ready())
	mux.HandleFunc("GET /slow", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Println("slow: in flight")
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
			fmt.Println("stdin:", err)
		}
		io.WriteString(w, "slow but whole")
	})
	srv := &http.Server{Handler: d.Handler(mux), ReadHeaderTimeout: time.Minute}
	d.Listen(srv, l)
	d.Hook("last word", 1, func(context.Context) error { fmt.Println("hook: ran"); return nil })
	go func() {
		for _, s := range []State{Serving, Withdrawing, Draining} {
			<-d.Reached(s)
			fmt.Printf("state: %v %v\n", s, l.Addr())
		}
	}()
	r, err := d.Run(context.Background(), srv)
	fmt.Printf("report: %d finished, %d cut\n", r.Requests.Finished, r.Requests.Cut)
	return err
}

// program is the test binary as a service.
type program struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Scanner
	seen  []string
}

func startProgram(t *testing.T, mode string) *program {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The context kills the program when something here waits in vain.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	p := &program{t: t, cmd: exec.CommandContext(ctx, exe)}
	p.cmd.Env = append(os.Environ(), serveVariable+"="+mode)
	p.cmd.Stderr = os.Stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.lines = bufio.NewScanner(stdout)
	return p
}

// line reads on to a line with the prefix and returns the rest of it.
func (p *program) line(prefix string) string {
	p.t.Helper()
	for p.lines.Scan() {
		p.seen = append(p.seen, p.lines.Text())
		if rest, ok := strings.CutPrefix(p.lines.Text(), prefix); ok {
			return strings.TrimSpace(rest)
		}
	}
	p.t.Fatalf("the program ended without a line %q; it said %q", prefix, p.seen)
	return ""
}

func (p *program) terminate() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
}

func (p *program) exitCode() int {
	p.t.Helper()
	var exit *exec.ExitError
	if err := p.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return p.cmd.ProcessState.ExitCode()
}

func fetch(addr, path string) reply {
	res, err := http.Get("http://" + addr + path)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return reply{status: res.StatusCode, body: string(b), close: res.Close, err: err}
}

// SIGTERM with a request in flight: not ready, then closed, and the request
// still gets its whole answer; exit code 0.
func TestProcessFinishesWhatIsInFlight(t *testing.T) {
	p := startProgram(t, "finishes")
	addr := p.line("state: serving")
	slow := make(chan reply, 1)
	go func() { slow <- fetch(addr, "/slow") }()
	p.line("slow: in flight")
	p.terminate()
	p.line("state: draining")
	if r := fetch(addr, "/readyz"); !errors.Is(r.err, syscall.ECONNREFUSED) {
		t.Errorf("a new connection while draining: %+v, want refused", r)
	}
	if _, err := io.WriteString(p.stdin, "go on\n"); err != nil {
		t.Fatal(err)
	}
	if r := <-slow; !r.whole(200, "slow but whole") || !r.close {
		t.Errorf("the request in flight: %+v", r)
	}
	p.line("hook: ran")
	if got := p.line("report:"); got != "1 finished, 0 cut" {
		t.Errorf("report: %s", got)
	}
	if code := p.exitCode(); code != 0 {
		t.Errorf("exit code %d, want 0; it said %q", code, p.seen)
	}
}

// Each further SIGTERM ends a phase that would last for minutes.
func TestProcessIsShortened(t *testing.T) {
	p := startProgram(t, "shortened")
	addr := p.line("state: serving")
	slow := make(chan reply, 1)
	go func() { slow <- fetch(addr, "/slow") }()
	p.line("slow: in flight")
	p.terminate()
	p.line("state: withdrawing")
	if r := fetch(addr, "/readyz"); !r.whole(503, "withdrawing") {
		t.Errorf("readiness while withdrawing: %+v", r)
	}
	p.terminate()
	p.line("state: draining")
	p.terminate()
	if r := <-slow; r.err == nil {
		t.Errorf("the request that was cut: %+v", r)
	}
	p.line("hook: ran")
	if got := p.line("report:"); got != "0 finished, 1 cut" {
		t.Errorf("report: %s", got)
	}
	if got := p.line("failed:"); !strings.HasPrefix(got, "cut 1 requests") {
		t.Errorf("error: %s", got)
	}
	if code := p.exitCode(); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
}
