//go:build unix

package runner

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// hold opens n connections, makes a request on each, and keeps them.
func hold(t *testing.T, n int, addr, path string) []*held {
	t.Helper()
	list := make([]*held, n)
	work := make(chan int)
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for i := range work {
				h, err := holdOne(addr, path)
				if err != nil {
					failed.Store(&err)
				}
				list[i] = h
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	all.Wait()
	if err := failed.Load(); err != nil {
		t.Fatal(*err)
	}
	t.Cleanup(func() {
		for _, h := range list {
			h.c.Close()
		}
	})
	return list
}

type held struct {
	c    net.Conn
	r    *bufio.Reader
	resp *http.Response
}

func holdOne(addr, path string) (*held, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	if err := c.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		return nil, err
	}
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
	h := &held{c: c, r: bufio.NewReaderSize(c, 512)}
	if h.resp, err = http.ReadResponse(h.r, nil); err != nil {
		c.Close()
		return nil, err
	}
	if path == "/" {
		_, err = io.Copy(io.Discard, h.resp.Body)
	}
	return h, err
}

// Thousands who are connected do not hold the way out up: what is in flight is
// answered, every stream ends after a whole event, and it ends in its budget.
func TestACrowdDoesNotHoldTheWayOutUp(t *testing.T) {
	const idle, watching, busy = 5000, 1000, 20
	s := startRun(t, []string{"--withdraw", "1s", "--requests", "30s", "--streams", "30s", "--grace", "45s"}, "polite", "PORT")
	s.whenReady(t)
	hold(t, idle, s.front, "/")
	streams := hold(t, watching, s.front, "/ticks")
	answered := crowd(busy, "http://"+s.front+"/slow")
	s.inFlight(t, busy)
	s.Signal(syscall.SIGTERM)
	var torn atomic.Int64
	var all sync.WaitGroup
	for _, h := range streams {
		all.Go(func() {
			body, err := io.ReadAll(h.resp.Body)
			if err != nil || !wholeEvents.Match(body) {
				torn.Add(1)
			}
		})
	}
	if n := answered(); n != busy {
		t.Errorf("%d of %d requests in flight were answered", n, busy)
	}
	all.Wait()
	code := s.Wait(patience)
	if torn.Load() > 0 || code != 3 {
		t.Errorf("%d of %d streams did not end after a whole event; exit code %d", torn.Load(), watching, code)
	}
	out := s.Output()
	for _, want := range []string{"report.requests.cut=0", "report.streams.cut=0", fmt.Sprintf("report.told=%d", watching)} {
		if !strings.Contains(out, want) {
			t.Errorf("the report does not say %s:\n%s", want, out)
		}
	}
	if left := regexp.MustCompile(`report\.left=(\S+)`).FindStringSubmatch(out); left == nil || strings.HasPrefix(left[1], "-") {
		t.Errorf("left of the budget: %v", left)
	} else {
		t.Logf("%d idle connections, %d streams, %d requests in flight: nothing cut, %s of the budget left", idle, watching, busy, left[1])
	}
}

var wholeEvents = regexp.MustCompile(`^(id: \d+\ndata: \d+\n\n)*$`)
