package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// upgradeLoad sends requests on kept connections and never a second time: every
// broken connection is a failed request.
type upgradeLoad struct {
	addr         string
	sent, failed atomic.Int64
	first        atomic.Value // the first failure
	sockets      atomic.Int64 // upgraded connections that broke
	wg           sync.WaitGroup
}

func (l *upgradeLoad) fail(what string, err error) {
	l.failed.Add(1)
	l.first.CompareAndSwap(nil, fmt.Sprintf("%s: %v", what, err))
}

// http1 is one client that does not look whether its connection was closed
// before it sends.
func (l *upgradeLoad) http1(ctx context.Context) {
	var c *rawConn
	for ctx.Err() == nil {
		if c == nil {
			var err error
			if c, err = dialRaw(l.addr); err != nil {
				l.sent.Add(1)
				l.fail("connect", err)
				continue
			}
		}
		l.sent.Add(1)
		err := c.send("/")
		again := false
		if err == nil {
			var status int
			if status, _, again, err = c.read(); err == nil && status != http.StatusOK {
				err = fmt.Errorf("status %d", status)
			}
		}
		if err != nil {
			l.fail("request", err)
		}
		if !again {
			c.Close()
			c = nil
		}
		pause(ctx, 5*time.Millisecond)
	}
	if c != nil {
		c.Close()
	}
}

// http2 sends POSTs in clear text HTTP/2; the client may send those again that
// GOAWAY says were not processed, as the protocol wants.
func (l *upgradeLoad) http2(ctx context.Context) {
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	t := &http.Transport{Protocols: p}
	defer t.CloseIdleConnections()
	for ctx.Err() == nil {
		l.sent.Add(1)
		req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), "POST", "http://"+l.addr+"/", strings.NewReader("x"))
		if err != nil {
			l.fail("http2", err)
			return
		}
		resp, err := (&http.Client{Transport: t, Timeout: patience}).Do(req)
		if err != nil {
			l.fail("http2", err)
			continue
		}
		if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "ok" || resp.ProtoMajor != 2 {
			l.fail("http2", fmt.Errorf("%d %q %w", resp.ProtoMajor, b, err))
		}
		resp.Body.Close()
		pause(ctx, 5*time.Millisecond)
	}
}

// socket exchanges lines on an upgraded connection.
func (l *upgradeLoad) socket(ctx context.Context, up *sync.WaitGroup) {
	c, err := dialRaw(l.addr)
	if err == nil {
		defer c.Close()
		err = c.send("/socket", "Connection: Upgrade", "Upgrade: echo")
	}
	if err == nil {
		_, _, _, err = c.read()
	}
	up.Done()
	for i := 0; ctx.Err() == nil && err == nil; i++ {
		line := fmt.Sprintln("line", i)
		if _, err = io.WriteString(c, line); err != nil {
			break
		}
		var got string
		if got, err = c.br.ReadString('\n'); err == nil && got != line {
			err = fmt.Errorf("got %q", got)
		}
		pause(ctx, 5*time.Millisecond)
	}
	if err != nil {
		l.sockets.Add(1)
		l.first.CompareAndSwap(nil, fmt.Sprintf("socket: %v", err))
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// upgradeUnderLoad upgrades a gateway twice while clients are at it, and
// returns what they met. It returns when both old processes have handed over.
func upgradeUnderLoad(t *testing.T, linger string) *upgradeLoad {
	t.Helper()
	g := prepareGateway(t).start("--linger", linger)
	if got := g.call("PUT", "/v1/groups/shop/targets/late", `{"address":"`+g.targets[0]+`"}`); !strings.HasPrefix(got, "201 ") {
		t.Fatal(got)
	}
	l := &upgradeLoad{addr: g.addr}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var up sync.WaitGroup
	for range 5 {
		up.Add(1)
		l.wg.Go(func() { l.socket(ctx, &up) })
	}
	for range 30 {
		l.wg.Go(func() { l.http1(ctx) })
	}
	for range 5 {
		l.wg.Go(func() { l.http2(ctx) })
	}
	up.Wait()
	enough := func(n int64) func() bool { return func() bool { return l.sent.Load() >= n } }
	g.eventually("load", enough(1000))
	was := g.pid()
	g.Signal(syscall.SIGUSR2)
	for range 2 {
		g.eventually("a new process", func() bool { pid := g.pid(); return pid != "" && pid != was })
		was = g.pid()
		g.eventually("load after the upgrade", enough(l.sent.Load()+2000))
		if pid, err := strconv.Atoi(was); err != nil || strconv.Itoa(g.Pid()) == was {
			t.Fatalf("process %s: %v", was, err)
		} else if err := syscall.Kill(pid, syscall.SIGUSR2); err != nil {
			t.Fatal(err)
		}
	}
	g.eventually("the third process", func() bool { pid := g.pid(); return pid != "" && pid != was })
	if got := g.get("/v1/groups"); !strings.Contains(got, `"id":"late"`) {
		t.Errorf("what the API had registered is gone: %s", got)
	}
	g.eventually("the end of both lingerings", func() bool { return strings.Count(g.Output(), "closing idle connections") >= 2 })
	g.eventually("load after it", enough(l.sent.Load()+1000))
	stop()
	l.wg.Wait()
	if code := g.Wait(patience); code != 0 {
		t.Errorf("exit code %d", code)
	}
	return l
}

// Two upgrades in a row lose no request, though no client sends one again, and
// cut no upgraded connection.
func TestGatewayUpgradeLosesNothing(t *testing.T) {
	l := upgradeUnderLoad(t, "3s")
	t.Logf("%d requests, %d failed, %d upgraded connections broke", l.sent.Load(), l.failed.Load(), l.sockets.Load())
	if l.failed.Load() != 0 || l.sockets.Load() != 0 {
		t.Errorf("%d of %d requests failed, %d upgraded connections broke: %v", l.failed.Load(), l.sent.Load(), l.sockets.Load(), l.first.Load())
	}
}

// Without the lingering the harness must find lost requests.
func TestGatewayUpgradeWithoutLingerIsFound(t *testing.T) {
	l := upgradeUnderLoad(t, "0s")
	t.Logf("%d requests, %d failed: %v", l.sent.Load(), l.failed.Load(), l.first.Load())
	if l.failed.Load() == 0 {
		t.Error("no request was lost")
	}
	if l.sockets.Load() != 0 {
		t.Errorf("%d upgraded connections broke", l.sockets.Load())
	}
}

// A new process that does not come up changes nothing for the old one.
func TestGatewayUpgradeFails(t *testing.T) {
	g := prepareGateway(t)
	g.start("--linger", "0s", "--log-format", "json")
	g.write("targets: [{id: a, address: nowhere}]")
	g.Signal(syscall.SIGUSR2)
	g.WaitLine(patience, `"msg":"upgrade failed, this process goes on".*exit status 2`)
	if got := g.get("/metrics"); !strings.Contains(got, "\nevenkeel_handover_failures_total 1\n") {
		t.Errorf("metrics: %.2000s", got)
	}
	if got := g.call("PUT", "/v1/groups/shop/targets/late", `{"address":"`+g.targets[0]+`"}`); !strings.HasPrefix(got, "201 ") {
		t.Errorf("a write afterwards: %s", got)
	}
	g.write("targets: [{id: a, address: " + g.targets[0] + "}]")
	g.Signal(syscall.SIGUSR2)
	g.WaitLine(patience, `^upgrade: process \d+ serves, this one ends$`)
	if code := g.Wait(patience); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if got := g.get("/v1/groups"); !strings.Contains(got, `"id":"late"`) {
		t.Errorf("after the upgrade: %s", got)
	}
}

// The program is looked for again, so that a replaced one is started; told to
// end while that one does not come up, the gateway leaves no process behind.
func TestGatewayEndsDuringAnUpgrade(t *testing.T) {
	g := prepareGateway(t).start("--linger", "0s")
	script := filepath.Join(filepath.Dir(g.binary), "new")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho I am process $$\nexec sleep 600\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(script, g.binary); err != nil {
		t.Fatal(err)
	}
	g.Signal(syscall.SIGUSR2)
	pid, err := strconv.Atoi(g.WaitLine(patience, `^I am process (\d+)$`)[1])
	if err != nil {
		t.Fatal(err)
	}
	g.Signal(syscall.SIGUSR2) // joins the first
	g.Signal(syscall.SIGTERM)
	if code := g.Wait(patience); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the new process: %v", err)
	}
	if n := strings.Count(g.Output(), "I am process"); n != 1 {
		t.Errorf("%d new processes", n)
	}
}
