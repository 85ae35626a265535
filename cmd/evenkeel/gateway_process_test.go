package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

// A request in flight when the gateway is told to end is answered, and its
// connection is told to close.
func TestGatewayEndsInGoodOrder(t *testing.T) {
	g := prepareGateway(t).start("--linger", "100ms")
	c, err := dialRaw(g.addr)
	if err != nil {
		t.Fatal(err)
	}
	c.send("/held")
	<-g.arrived
	g.Signal(syscall.SIGTERM)
	g.WaitLine(patience, "^leaving: 1 request and 0 streams in flight$")
	close(g.release)
	if status, body, again, err := c.read(); status != 200 || body != "whole" || again || err != nil {
		t.Errorf("%d %q, again %v, %v", status, body, again, err)
	}
	g.WaitLine(patience, "^ended: nothing was cut$")
	if code := g.Wait(patience); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if g.pid() != "" {
		t.Error("the pid file is still there")
	}
}

// A second signal cuts what the first would wait for.
func TestGatewaySecondSignalCuts(t *testing.T) {
	g := prepareGateway(t).start("--linger", "10m", "--withdraw", "10m")
	defer close(g.release)
	c, err := dialRaw(g.addr)
	if err != nil {
		t.Fatal(err)
	}
	c.send("/held")
	<-g.arrived
	g.Signal(syscall.SIGINT)
	g.WaitLine(patience, "^leaving: 1 request and ")
	if got := g.get("/readyz"); !strings.HasPrefix(got, "503 leaving") {
		t.Errorf("while leaving the readiness probe gets %q", got)
	}
	other, err := dialRaw(g.addr) // it is withdrawing: everybody is served
	if err != nil {
		t.Fatal(err)
	}
	other.send("/")
	if status, _, again, err := other.read(); status != 200 || again || err != nil {
		t.Errorf("%d, again %v, %v", status, again, err)
	}
	g.Signal(syscall.SIGTERM)
	g.WaitLine(patience, "^ended: 1 cut$")
	if code := g.Wait(patience); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A broken file changes nothing and can be seen; a good one is taken.
func TestGatewayReload(t *testing.T) {
	g := prepareGateway(t).start("--linger", "0s")
	g.write("targets: [{id: b, address: nowhere}]")
	g.Signal(syscall.SIGHUP)
	g.eventually("an error", func() bool { return g.lastError() != "" })
	if got := g.lastError(); !strings.Contains(got, "evenkeel.yaml:10:") || !strings.Contains(got, "nowhere") {
		t.Errorf("last_error %q", got)
	}
	c, err := dialRaw(g.addr)
	if err != nil {
		t.Fatal(err)
	}
	c.send("/")
	if status, body, _, err := c.read(); status != 200 || body != "ok" {
		t.Errorf("%d %q, %v", status, body, err)
	}
	g.write("targets: [{id: b, address: " + g.targets[0] + "}]")
	g.Signal(syscall.SIGHUP)
	g.eventually("the new target", func() bool {
		return g.lastError() == "" && strings.Contains(g.get("/v1/groups"), `"id":"b"`)
	})
}

// A lifecycle hook drains with one call, which answers when nothing is left.
func TestGatewayDrainCall(t *testing.T) {
	g := prepareGateway(t).start("--linger", "0s")
	c, err := dialRaw(g.addr)
	if err != nil {
		t.Fatal(err)
	}
	c.send("/held")
	<-g.arrived
	const call = "/v1/groups/shop/targets/a/drain"
	if got := g.call("POST", call, ""); got != `200 {"empty":false,"in_flight":1,"streams":0,"bound_sessions":0,"cut":0}`+"\n" {
		t.Errorf("got %s", got)
	}
	answer := make(chan string)
	go func() { answer <- g.call("POST", call+"?wait=5m", "") }() // joins the first
	close(g.release)
	if got := <-answer; got != `200 {"empty":true,"in_flight":0,"streams":0,"bound_sessions":0,"cut":0}`+"\n" {
		t.Errorf("got %s", got)
	}
	if status, body, _, err := c.read(); status != 200 || body != "whole" {
		t.Errorf("%d %q, %v", status, body, err)
	}
}

// systemd's protocols: sockets come in, and states go out.
func TestGatewayUnderSystemd(t *testing.T) {
	proctest.Require(t, "proc", nil)
	g := prepareGateway(t)
	states := filepath.Join(t.TempDir(), "notify")
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: states, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notify.Close()
	expect := func(want string) {
		t.Helper()
		b := make([]byte, 1000)
		notify.SetReadDeadline(time.Now().Add(patience))
		n, err := notify.Read(b)
		if err != nil || !strings.HasPrefix(string(b[:n]), want) {
			t.Fatalf("told %q, %v, want %q", b[:n], err, want)
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	socket, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	sh, err := exec.LookPath("sh")
	proctest.Require(t, "proc", err)
	cmd, _ := command(t, "gateway", "-c", g.config, "--state", "off", "--admin", "off", "--linger", "0s")
	cmd.Args = append([]string{"sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=shop.socket exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = sh
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+states)
	cmd.ExtraFiles = []*os.File{socket}
	g.Process = proctest.Start(t, cmd)
	expect("READY=1\nSTATUS=serving " + ln.Addr().String())
	socket.Close()
	ln.Close()
	c, err := dialRaw(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c.send("/")
	if status, _, _, err := c.read(); status != 200 {
		t.Errorf("%d, %v", status, err)
	}
	g.Signal(syscall.SIGHUP)
	expect("RELOADING=1\nMONOTONIC_USEC=")
	expect("READY=1")
	g.Signal(syscall.SIGUSR2)
	expect("RELOADING=1\nMONOTONIC_USEC=")
	second := g.WaitLine(patience, `^upgrade: process (\d+) serves, this one ends$`)[1]
	got := map[string]bool{} // two processes tell, in either order
	for range 2 {
		b := make([]byte, 1000)
		n, err := notify.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(b[:n]), "\n")
		got[first] = true
	}
	if !got["MAINPID="+second] || !got["READY=1"] {
		t.Errorf("told %v", got)
	}
	if code := g.Wait(patience); code != 0 {
		t.Errorf("exit code %d", code)
	}
	pid := 0
	fmt.Sscan(second, &pid)
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	expect("STOPPING=1")
}
