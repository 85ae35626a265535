package drain

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A traffic is random clients, and what they and the handlers know by
// themselves of how each exchange ended.
type traffic struct {
	t  *testing.T
	l  *memory
	ns func() time.Duration

	mu      sync.Mutex
	entered map[int]bool // by number: reached the handler, and when it should end
	broken  map[int]bool // the client did not get all of it
}

// ServeHTTP holds a request for the time it asks for: "work" heeds nothing,
// "heed" its context, "sse" and "hijack" are streams that leave when told,
// "deaf" is one that does not.
func (tr *traffic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	n, err := strconv.Atoi(q.Get("n"))
	d, err2 := time.ParseDuration(q.Get("d"))
	if err := errors.Join(err, err2); err != nil {
		tr.t.Error(err)
		return
	}
	tr.mu.Lock()
	tr.entered[n] = true
	tr.mu.Unlock()
	switch q.Get("kind") {
	case "work":
		time.Sleep(d)
	case "heed":
		wait(d, r.Context().Done())
	case "panic":
		time.Sleep(d)
		panic(http.ErrAbortHandler)
	case "sse":
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush() // an error shows in the write that follows
		wait(d, Leaving(r.Context()))
	case "deaf":
		Stream(r.Context())
		time.Sleep(d)
	case "hijack":
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		leaving := Leaving(r.Context())
		go func() {
			defer c.Close()
			wait(d, leaving)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ndone")
		}()
		return
	}
	io.WriteString(w, "done")
}

func wait(d time.Duration, done <-chan struct{}) {
	select {
	case <-time.After(d):
	case <-done:
	}
}

// client sends requests over connections of its own, one after another.
func (tr *traffic) client(next func() (n int, path string, ok bool)) {
	var c *client
	for {
		n, path, ok := next()
		if !ok {
			break
		}
		if c == nil {
			conn, err := tr.l.dial()
			if err != nil {
				break
			}
			c = &client{c: conn, r: bufio.NewReader(conn)}
		}
		r := c.do(path)
		if r.err != nil {
			tr.mu.Lock()
			tr.broken[n] = true
			tr.mu.Unlock()
		}
		if r.err != nil || r.close {
			c.c.Close()
			c = nil
		}
		time.Sleep(tr.ns())
	}
	if c != nil {
		c.c.Close()
	}
}

// Random traffic and random events: whatever happens when, the way out keeps
// its bound, and what Report says is what the clients saw.
func TestRandomWaysOut(t *testing.T) {
	totals := struct{ finished, late, cut, streamsCut, shortened int }{}
	for seed := range uint64(300) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := randomWayOut(t, rand.New(rand.NewPCG(seed, 7)))
				totals.finished += r.Requests.Finished
				totals.late += r.Requests.Late + r.Streams.Late
				totals.cut += r.Requests.Cut
				totals.streamsCut += r.Streams.Cut
				totals.shortened += r.Shortened
			})
		})
	}
	if totals.finished < 100 || totals.late < 20 || totals.cut < 100 || totals.streamsCut < 100 || totals.shortened < 50 {
		t.Errorf("the runs exercise too little: %+v", totals)
	}
}

func randomWayOut(t *testing.T, rng *rand.Rand) Report {
	var rngMu sync.Mutex
	within := func(d time.Duration) time.Duration {
		rngMu.Lock()
		defer rngMu.Unlock()
		return time.Duration(rng.Int64N(int64(d)))
	}
	pick := func(n int) int { return int(within(time.Duration(n))) }
	part := func() time.Duration {
		return []time.Duration{None, s, 5 * s, 30 * s}[pick(4)]
	}
	opt := Options{Budget: Budget{part(), part(), part(), 3 * s}, Grace: time.Hour, Logger: slog.New(slog.DiscardHandler)}
	d, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	var signals chan<- os.Signal
	d.notify = func(c chan<- os.Signal, _ ...os.Signal) func() { signals = c; return func() {} }
	for i := range pick(4) {
		hangs := within(2 * s)
		d.Hook(fmt.Sprint(i), pick(3), func(ctx context.Context) error {
			live, _ := d.ledger.counts()
			if live[plain]+live[stream] > 0 {
				t.Errorf("a hook runs while %v are in flight", live)
			}
			wait(hangs, ctx.Done())
			return ctx.Err()
		})
	}
	tr := &traffic{t: t, l: newMemory(), ns: func() time.Duration { return within(3 * s) },
		entered: map[int]bool{}, broken: map[int]bool{}}
	d.Listen(&http.Server{Handler: d.Handler(tr), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}, tr.l)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()

	var report Report
	var left time.Time // the beginning of the way out
	done := make(chan struct{})
	go func() { <-d.Reached(Withdrawing); left = time.Now() }()
	go func() { defer close(done); report, _ = d.Run(ctx) }()
	<-d.Reached(Serving)

	var clients sync.WaitGroup
	var n atomic.Int64
	kinds := []string{"work", "heed", "panic", "sse", "deaf", "hijack"}
	panics := map[int]bool{}
	for range 2 + pick(12) {
		clients.Go(func() {
			tr.client(func() (int, string, bool) {
				k, i := kinds[pick(len(kinds))], int(n.Add(1))
				tr.mu.Lock()
				panics[i] = k == "panic"
				tr.mu.Unlock()
				q := url.Values{"n": {fmt.Sprint(i)}, "kind": {k}, "d": {fmt.Sprint(within(20 * s))}}
				return i, "/?" + q.Encode(), d.State() < Flushing
			})
		})
	}
	happens := []func(){
		func() { signals <- syscall.SIGTERM }, func() { signals <- syscall.SIGTERM }, func() { signals <- syscall.SIGTERM }, func() { signals <- syscall.SIGTERM },
		cancel, d.Drain,
		func() {
			select {
			case tr.l.fail <- errors.New("boom"):
			default:
			}
		},
	}
	for range 1 + pick(4) {
		time.Sleep(within(20 * s))
		synctest.Wait()
		if d.State() < Stopped {
			happens[pick(len(happens))]()
		}
	}
	synctest.Wait()
	if d.State() == Serving {
		d.Drain()
	}
	<-done
	if took := time.Since(left); took > d.Budget().Needed() {
		// Nothing may happen between the end of Run and this but what was due.
		if over := report.Phases.Withdraw + report.Phases.Drain + report.Phases.Flush; over > d.Budget().Needed() {
			t.Errorf("took %v of %v", over, d.Budget().Needed())
		}
	}
	checkReport(t, d, report)
	time.Sleep(time.Minute) // handlers that were cut return
	clients.Wait()
	synctest.Wait()

	tr.mu.Lock()
	defer tr.mu.Unlock()
	var broken []int
	for i := range tr.broken {
		if tr.entered[i] && !panics[i] {
			broken = append(broken, i)
		}
	}
	slices.Sort(broken)
	most := report.Requests.Cut + report.Streams.Cut
	cutPanics := 0 // a handler that was to panic is broken either way: it may have been cut before
	for i := range tr.entered {
		if panics[i] && tr.broken[i] {
			cutPanics++
		}
	}
	if len(broken) > most || len(broken)+cutPanics < most {
		t.Errorf("clients saw %d broken answers %v (and %d that panicked), the report says %d cut", len(broken), broken, cutPanics, most)
	}
	return report
}
