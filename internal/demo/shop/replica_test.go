package shop

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

// limit is how long a busy machine may take for anything that must happen.
const limit = 30 * time.Second

// TestMain is a replica where the environment says so.
func TestMain(m *testing.M) {
	if os.Getenv(Environment) == "" {
		os.Exit(proctest.Main(m))
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := RunReplica(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func startReplica(t *testing.T, dir, sessions string, drained bool) (*proctest.Process, string) {
	t.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", proctest.FreePort(t))
	cfg, err := json.Marshal(Config{
		Name: "shop-1", Address: address, Sessions: sessions, Store: filepath.Join(dir, "sessions.db"),
		Orders: filepath.Join(dir, "orders.db"), Cookie: testCookie, Secret: testSecret, Drained: drained,
	})
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), Environment+"="+string(cfg))
	p := proctest.Start(t, cmd)
	p.WaitHTTP(limit, "http://"+address+ReadyPath, http.StatusOK)
	return p, address
}

// ask sends a call of the probe over a connection of its own.
func ask(t *testing.T, address, call, cookie string) *bufio.Reader {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: %s\r\nX-Evenkeel-Probe: %s\r\nCookie: %s=%s\r\n\r\n", call, address, testSecret, testCookie, cookie); err != nil {
		t.Fatal(err)
	}
	return bufio.NewReader(c)
}

// login signs a drill user in and returns the cookie.
func login(t *testing.T, address string) string {
	t.Helper()
	res, err := http.ReadResponse(ask(t, address, "POST /probe/login?u=u1", ""), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || len(res.Cookies()) != 1 || res.Header.Get("X-Instance") != "shop-1" {
		t.Fatalf("login: %d %v", res.StatusCode, res.Header)
	}
	return res.Cookies()[0].Value
}

// A drained replica finishes a slow request, ends a stream with a whole event,
// leaves with 0, and its successor knows the user.
func TestDrainedReplica(t *testing.T) {
	dir := t.TempDir()
	p, address := startReplica(t, dir, "library", true)
	cookie := login(t, address)
	stream, err := http.ReadResponse(ask(t, address, "GET /probe/stream", cookie), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	slow := ask(t, address, "GET /probe/slow?ms=2500", "") // longer than withdrawing
	p.Signal(syscall.SIGTERM)
	res, err := http.ReadResponse(slow, nil)
	if err != nil {
		t.Fatalf("the slow request was not answered: %v", err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != "{}\n" || res.StatusCode != http.StatusOK || !res.Close {
		t.Errorf("slow: %d %q, close %v, %v", res.StatusCode, body, res.Close, err)
	}
	if events, err := io.ReadAll(stream.Body); err != nil || len(events) == 0 {
		t.Errorf("the stream was cut after %q: %v", events, err)
	}
	if code := p.Wait(limit); code != 0 {
		t.Errorf("exit code %d", code)
	}

	_, address = startReplica(t, dir, "library", true)
	res, err = http.ReadResponse(ask(t, address, "GET /probe/state", cookie), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("the successor answers %d", res.StatusCode)
	}
}

// One that is not drained ends at once and cuts what is in flight.
func TestAbruptReplica(t *testing.T) {
	for _, sessions := range []string{"memory", "blob"} {
		t.Run(sessions, func(t *testing.T) {
			p, address := startReplica(t, t.TempDir(), sessions, false)
			cookie := login(t, address)
			stream, err := http.ReadResponse(ask(t, address, "GET /probe/stream", cookie), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Body.Close()
			slow := ask(t, address, "GET /probe/slow?ms=29000", "")
			p.Signal(syscall.SIGTERM)
			if res, err := http.ReadResponse(slow, nil); err == nil {
				res.Body.Close()
				t.Errorf("the slow request was answered with %d", res.StatusCode)
			}
			if _, err := io.ReadAll(stream.Body); err == nil {
				t.Error("the stream came to a regular end")
			}
			if code := p.Wait(limit); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

func TestNotConfigured(t *testing.T) {
	good := func() map[string]any {
		return map[string]any{"name": "a", "address": "127.0.0.1:0", "sessions": "blob", "store": "s.db", "orders": "o.db", "cookie": "c", "secret": testSecret}
	}
	with := func(key string, value any) string {
		cfg := good()
		cfg[key] = value
		raw, err := json.Marshal(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	if _, err := parseConfig(with("name", "a")); err != nil {
		t.Fatalf("the configuration that the others are made of: %v", err)
	}
	t.Chdir(t.TempDir())
	for name, raw := range map[string]string{
		"nothing": "", "no JSON": "x", "two values": with("name", "a") + "{}", "unknown key": with("colour", "red"),
		"wrong type": with("drained", "yes"), "no name": with("name", ""), "no address": with("address", ""),
		"no store": with("store", ""), "no orders": with("orders", ""), "no cookie": with("cookie", ""),
		"short secret": with("secret", "short"), "unknown sessions": with("sessions", "paper"),
	} {
		t.Setenv(Environment, raw)
		if err := RunReplica(t.Context()); !errors.Is(err, ErrNotConfigured) {
			t.Errorf("%s: %v, want ErrNotConfigured", name, err)
		}
	}
}

func TestCheckStore(t *testing.T) {
	dir := t.TempDir()
	for _, kind := range kinds {
		if err := CheckStore(t.Context(), kind, filepath.Join(dir, kind+".db")); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		err := CheckStore(t.Context(), kind, filepath.Join(dir, "none", "x.db"))
		if (err == nil) != (kind == "memory") {
			t.Errorf("%s in a folder that is not there: %v", kind, err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "blob.db"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("session IDs lie in a file of mode %v, %v", info.Mode(), err)
	}
}
