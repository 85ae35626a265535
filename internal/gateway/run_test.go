package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/target"
)

func TestNewRefuses(t *testing.T) {
	_, err := New(Options{})
	if err == nil || err.Error() != "gateway: no group" {
		t.Errorf("got %v", err)
	}
	_, err = New(options(
		GroupOptions{Name: "shop", Routes: []string{"/", "x?"}},
		GroupOptions{Name: "a b", DeregistrationDelay: -1, Affinity: AffinityOptions{Cookie: "a=b"}, Health: unchecked},
		GroupOptions{Name: "ok", Routes: []string{"/"}, Targets: []target.Target{{ID: "a", Address: "h:1"}}},
		GroupOptions{Name: "ok", Routes: []string{"/ok"}},
		GroupOptions{Name: "ok2", Routes: []string{"//"}},
		GroupOptions{Name: "ok3", Targets: []target.Target{{ID: "a", Address: "h:1"}, {ID: "a", Address: "h:1"}, {ID: "", Address: "h:1"}}},
	))
	want := `gateway: group "shop": route "x?", allowed: a path that begins with /
group "a b": allowed as a name: 1 to 64 letters, digits, - and _
group "a b": affinity.cookie: found "a=b", allowed: 1 to 80 letters, digits, _, . and -
group "a b": a negative time
group "ok" is there twice
route "//" leads to both "ok" and "ok2"
group "ok3": target "a" is there twice
group "ok3": invalid: target id "", allowed: 1 to 128 letters, digits and _ . : @ -`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// The end of the gateway: requests in flight finish and their connections are
// told, the listener closes at once and the admin API last.
func TestShutdown(t *testing.T) {
	arrived, finish := make(chan struct{}), make(chan struct{})
	f := start(t, options(shop(app(t, "a", func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-finish
		io.WriteString(w, "whole")
	}))))
	c := dial(t, f.addr)
	io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
	<-arrived
	done := make(chan error)
	go func() { done <- f.stop() }()
	eventually(t, "refusing connections", func() bool {
		c, err := net.Dial("tcp", f.addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	f.call(t, "GET", "/readyz", "").want(t, 503, "leaving \n")
	close(finish)
	a := c.read("POST")
	a.want(t, 200, "whole")
	if !a.Close {
		t.Error("no Connection: close")
	}
	if err := <-done; err != nil {
		t.Errorf("run: %v", err)
	}
	if c, err := net.Dial("tcp", f.admin); err == nil {
		c.Close()
		t.Error("the admin listener is open")
	}
}

// At the shutdown time-out streams are cut: those of the server's and those
// that were taken over from it.
func TestShutdownCuts(t *testing.T) {
	for path, protocol := range map[string]string{"/events": "text/event-stream", "/upgrade": "x"} {
		opt := options(untold(shop(script(t, "a", func(c net.Conn, br *bufio.Reader, _ int) {
			http.ReadRequest(br)
			if path == "/events" {
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
			} else {
				io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
			}
			io.Copy(io.Discard, br)
		}))))
		opt.ShutdownTimeout = 20 * time.Millisecond
		f := start(t, opt)
		c := dial(t, f.addr)
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", path, protocol)
		resp, err := http.ReadResponse(c.br, nil)
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "a stream", func() bool { return f.status(t, "a").Streams == 1 })
		if err := f.stop(); err != nil {
			t.Error(err)
		}
		if _, err := io.ReadAll(resp.Body); path == "/events" && err == nil {
			t.Error("a cut stream ended cleanly")
		}
		if _, err := c.br.ReadByte(); err == nil {
			t.Error("the connection is open")
		}
		if s := f.Stats().Groups[0]; s.Cut != 1 {
			t.Errorf("%s: %d cut", path, s.Cut)
		}
	}
}

// While leaving, connections are still served and told to close.
func TestLinger(t *testing.T) {
	grp := shop(app(t, "a", nil))
	grp.Routes = []string{"/shop"}
	opt := options(grp)
	opt.Linger = time.Millisecond
	f := start(t, opt)
	f.leaving.Store(true)
	for path, status := range map[string]int{"/shop": 200, "/none": 404} {
		a := once(t, f.addr, "GET", path, "")
		a.want(t, status, "")
		if !a.Close {
			t.Errorf("%s: no Connection: close", path)
		}
	}
	if err := f.stop(); err != nil {
		t.Error(err)
	}
}

// Whoever waits for a drain when the gateway stops gets an answer.
func TestDrainEndsWithTheGateway(t *testing.T) {
	arrived := make(chan struct{})
	opt := options(shop(app(t, "a", func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	})))
	opt.ShutdownTimeout = -1
	f := start(t, opt)
	io.WriteString(dial(t, f.addr), "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
	<-arrived
	got := make(chan answer)
	go func() { got <- f.call(t, "POST", "/v1/groups/shop/targets/a/drain?wait=60s", "") }()
	eventually(t, "draining", func() bool { return f.status(t, "a").State == target.Draining })
	if err := f.stop(); err != nil {
		t.Error(err)
	}
	// Cut or stopped: either is true.
	if a := <-got; a.err != nil || a.StatusCode != 503 && a.StatusCode != 200 {
		t.Errorf("%v, %v", a.Response, a.err)
	}
	if err := f.Deregister("shop", "a"); err != nil {
		t.Error(err)
	}
}

func TestMaxConnections(t *testing.T) {
	opt := options(shop(app(t, "a", nil)))
	opt.Traffic.Limits.Connections = 2
	f := start(t, opt)
	first, second, third := dial(t, f.addr), dial(t, f.addr), dial(t, f.addr)
	first.do("GET", "/", "").want(t, 200, "a")
	second.do("GET", "/", "").want(t, 200, "a")
	io.WriteString(third, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	third.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	if _, err := third.br.Peek(1); err == nil {
		t.Error("a third connection was served")
	}
	first.Close()
	third.SetReadDeadline(time.Now().Add(20 * time.Second))
	third.br.Reset(third.Conn)
	third.read("GET").want(t, 200, "a")
}

func TestSetTargets(t *testing.T) {
	g, err := New(options(shop(target.Target{ID: "api", Address: "h:9", Source: "api"})))
	if err != nil {
		t.Fatal(err)
	}
	set := func(targets ...target.Target) string {
		t.Helper()
		changes, err := g.SetTargets("shop", "file", targets)
		if err != nil {
			return "error: " + err.Error()
		}
		return strings.Join(changes, ", ")
	}
	a, b := target.Target{ID: "a", Address: "h:1"}, target.Target{ID: "b", Address: "h:2"}
	heavier := a
	heavier.Weight = 5
	for i, step := range []struct{ got, want string }{
		{set(a, b), "shop/a: registered, shop/b: registered"},
		{set(a, b), ""},
		{set(heavier), "shop/a: changed, shop/b: deregistered"},
		{set(heavier, target.Target{ID: "api", Address: "h:1"}), `error: invalid: target "api" belongs to the source "api"`},
		{set(a, a), `error: invalid: target "a" is there twice`},
		{set(a, target.Target{ID: "x"}), `error: invalid: target "x": address "", allowed: host:port`},
		{set(), "shop/a: deregistered"},
	} {
		if step.got != step.want {
			t.Errorf("step %d: got %q, want %q", i+1, step.got, step.want)
		}
	}
	if targets, _ := g.Targets("shop"); len(targets) != 1 || targets[0].Source != "api" {
		t.Errorf("left: %+v", targets)
	}
}
