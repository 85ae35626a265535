//go:build unix

package drain

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/drain/handover"
)

// upgradeForTest is a service that SIGUSR2 replaces: it gives its listener on,
// and goes the way out with those who are connected.
func upgradeForTest() error {
	in, err := handover.Inherit("traffic")
	if err != nil {
		return err
	}
	l := in.Take("traffic", os.Getenv("DRAIN_TEST_ADDRESS"))
	if l == nil {
		plain, err := net.Listen("tcp", os.Getenv("DRAIN_TEST_ADDRESS"))
		if err != nil {
			return err
		}
		l = handover.Wrap(plain, os.Getenv("DRAIN_TEST_ADDRESS"))
	}
	if err := in.Prepared(); err != nil {
		return err
	}
	d, err := New(Options{Grace: time.Hour, Budget: Budget{Withdraw: time.Second, Requests: time.Minute, Streams: time.Minute}})
	if err != nil {
		return err
	}
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: d.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%d", os.Getpid())
	}))}
	d.Listen(srv, l)
	upgrade := make(chan os.Signal, 1)
	signal.Notify(upgrade, syscall.SIGUSR2)
	go func() {
		<-l.Accepting()
		in.Serving()
		fmt.Println("serving:", os.Getpid())
		for range upgrade {
			if _, err := (handover.Upgrade{Listeners: []handover.Named{{Name: "traffic", Listener: l}}}).Run(context.Background()); err != nil {
				fmt.Println("failed:", err)
				continue
			}
			if err := l.Stop(); err != nil {
				fmt.Println("failed:", err)
			}
			d.Drain()
			return
		}
	}()
	_, err = d.Run(context.Background(), srv)
	return err
}

// keepAlive is a client that sends requests on one connection for as long as
// it may, and never sends one again.
func keepAlive(ctx context.Context, addr string, count func(pid string, err error)) {
	var c net.Conn
	var r *bufio.Reader
	for ; ctx.Err() == nil; time.Sleep(2 * time.Millisecond) {
		if c == nil {
			var err error
			if c, err = net.Dial("tcp", addr); err != nil {
				count("", err)
				continue
			}
			r = bufio.NewReader(c)
		}
		_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		var body []byte
		closing := true
		if err == nil {
			var resp *http.Response
			if resp, err = http.ReadResponse(r, nil); err == nil {
				body, err = io.ReadAll(resp.Body)
				closing = resp.Close
				resp.Body.Close()
			}
		}
		count(string(body), err)
		if err != nil || closing {
			c.Close()
			c = nil
		}
	}
	if c != nil {
		c.Close()
	}
}

func TestAnUpgradeLosesNothing(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), serveVariable+"=upgrade", "DRAIN_TEST_ADDRESS="+addr)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out) // of both: the second process has the first one's output
	serving := func() int {
		t.Helper()
		for lines.Scan() {
			var pid int
			if n, _ := fmt.Sscanf(lines.Text(), "serving: %d", &pid); n == 1 {
				return pid
			}
			t.Log(lines.Text())
		}
		t.Fatal("no process serves")
		return 0
	}
	first := serving()

	ctx, stop := context.WithCancel(t.Context())
	var answered, failed atomic.Int64
	var seen sync.Map
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() {
			keepAlive(ctx, addr, func(pid string, err error) {
				if err != nil {
					failed.Add(1)
					return
				}
				answered.Add(1)
				seen.Store(pid, true)
			})
		})
	}
	await := func(pid int) {
		t.Helper()
		for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
			if _, ok := seen.Load(strconv.Itoa(pid)); ok {
				return
			} else if time.Now().After(end) {
				t.Fatalf("process %d answers nobody", pid)
			}
		}
	}
	await(first)
	if err := cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	second := serving()
	await(second)
	if err := cmd.Wait(); err != nil { // the first one has gone its way out
		t.Errorf("the first process: %v", err)
	}
	before := answered.Load()
	for answered.Load() < before+100 {
		time.Sleep(time.Millisecond)
	}
	stop()
	clients.Wait()
	if err := syscall.Kill(second, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	t.Logf("%d requests answered, %d failed", answered.Load(), failed.Load())
	if failed.Load() > 0 {
		t.Errorf("%d of %d requests failed", failed.Load(), answered.Load())
	}
}
