package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/target"
)

// storm sends n requests, 32 at a time, while all of four targets fail, and
// returns how many attempts were made at targets, and over how many windows.
func storm(t *testing.T, n, percent int, fail func(t *testing.T, id string) target.Target) (sent, windows int64) {
	began := time.Now()
	grp := shop()
	grp.Retries = RetryOptions{POST: ReplayAlways, Percent: percent}
	for _, id := range []string{"a", "b", "c", "d"} {
		grp.Targets = append(grp.Targets, fail(t, id))
	}
	f := start(t, options(grp))
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if a := once(t, f.addr, "POST", "/", "x"); a.err != nil || a.StatusCode != 502 {
					t.Errorf("got %v %v", a.Response, a.err)
				}
			}
		})
	}
	wg.Wait()
	s := f.Stats().Groups[0]
	return int64(n) + int64(s.Retries+s.Replays), int64(time.Since(began)/budgetWindow) + 2
}

// All targets die: what the gateway then sends stays within requests plus
// budget, whether they refuse, reset, or hang up. The control, with a budget
// that allows everything, exceeds the same bound.
func TestRetryStorm(t *testing.T) {
	const n, percent = 800, 10
	// A failed connect ejects: a few tries more per target may be on their way.
	for name, fail := range map[string]func(t *testing.T, id string) target.Target{
		"refused": dead,
		"reset": func(t *testing.T, id string) target.Target {
			return script(t, id, func(c net.Conn, br *bufio.Reader, _ int) { http.ReadRequest(br); reset(c) })
		},
		"closed": func(t *testing.T, id string) target.Target {
			return script(t, id, func(_ net.Conn, br *bufio.Reader, _ int) {
				r, err := http.ReadRequest(br)
				if err == nil {
					io.Copy(io.Discard, r.Body)
				}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			// Windows that begin during the run each give the minimum again.
			bound := func(windows int64) int64 { return n + n*percent/100 + windows*budgetMinimum + 4*32 }
			sent, windows := storm(t, n, percent, fail)
			t.Logf("%d requests were sent %d times", n, sent)
			if sent > bound(windows) {
				t.Errorf("at most %d are allowed", bound(windows))
			}
			if free, _ := storm(t, n, 1000, fail); free <= bound(windows) {
				t.Errorf("without a bound %d requests were sent %d times: the test shows nothing", n, free)
			}
		})
	}
}
