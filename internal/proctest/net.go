package proctest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// given are the ports that FreePort has handed out: the kernel may offer one
// again as soon as it is closed.
var given struct {
	sync.Mutex
	ports map[int]bool
}

// FreePort is a TCP port of 127.0.0.1 that nobody listens on and that was not
// handed out in this test binary before. Another program may take it before it
// is used: where the program under test can listen on port 0 and say where it
// is, let it.
func FreePort(t testing.TB) int {
	t.Helper()
	for {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("no free port: %v", err)
		}
		addr, ok := l.Addr().(*net.TCPAddr)
		if err := l.Close(); err != nil || !ok {
			t.Fatalf("no free port: %v", err)
		}
		if firstTime(addr.Port) {
			return addr.Port
		}
	}
}

func firstTime(port int) bool {
	given.Lock()
	defer given.Unlock()
	if given.ports[port] {
		return false
	}
	if given.ports == nil {
		given.ports = map[int]bool{}
	}
	given.ports[port] = true
	return true
}

// WaitPort waits until addr accepts a TCP connection.
func (p *Process) WaitPort(limit time.Duration, addr string) {
	p.t.Helper()
	p.poll(limit, "accept connections on "+addr, func(ctx context.Context) error {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return c.Close()
	})
}

// WaitHTTP waits until GET url answers with the status.
func (p *Process) WaitHTTP(limit time.Duration, url string, status int) {
	p.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	p.poll(limit, fmt.Sprintf("answer %s with %d", url, status), func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			return err
		}
		if res.StatusCode != status {
			return fmt.Errorf("status %d", res.StatusCode)
		}
		return nil
	})
}

// poll tries every 10 ms until there is no error; the end of the process or of
// the time ends the test with the last error of the attempts.
func (p *Process) poll(limit time.Duration, what string, try func(context.Context) error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return
		}
		select {
		case <-p.done:
			p.t.Fatalf("%s ended and did not %s: %v", p, what, err)
		case <-ctx.Done():
			p.t.Fatalf("%s did not %s within %v: %v", p, what, limit, err)
		case <-tick.C:
		}
	}
}
