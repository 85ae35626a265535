package engine

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds beyond which the drill is no witness.
const (
	canaryEvery = 100 * time.Millisecond
	windowSize  = time.Second
	maxCPU      = 0.85
	maxShed     = 0.001
)

// Window is a time in which the drill itself was at its limits, so that a
// failure within it may be the drill's own.
type Window struct {
	From, To time.Duration
	Why      string // reasons of its seconds, the first of each kind, "; " between them
}

// Health tells how far the drill was able to do its work.
type Health struct {
	Status       string        // "ok", or "limited" if there is a window
	LatenessP999 time.Duration // of a timer that is due every 100 ms
	CPU          float64       // of this process, as a share of GOMAXPROCS cores; 0 to 1
	Windows      []Window      // in order, apart from one another
}

// Limited is the share of d that is within windows.
func (h Health) Limited(d time.Duration) float64 {
	var sum time.Duration
	for _, w := range h.Windows {
		sum += w.To - w.From
	}
	if d <= 0 {
		return 0
	}
	return min(float64(sum)/float64(d), 1)
}

// canary watches the process in windows of one second: whether timers fire in
// time, how much CPU is used, how much load is shed and whether connections can
// be made. GOMAXPROCS is the
// measure for CPU, because it follows the cgroup's quota.
type canary struct {
	clock Clock
	load  *counters
	used  func() (cpu time.Duration, ok bool)
	// exhausted counts connections that this machine could not make.
	exhausted func() int64
	lateness  histogram
	share     atomic.Uint64 // CPU of the whole run, in millionths

	mu      sync.Mutex
	windows []Window
}

// reading is what is compared between the ends of a window.
type reading struct {
	at         time.Duration
	cpu        time.Duration
	sent, shed int64
	exhausted  int64
}

func (c *canary) read() reading {
	cpu, _ := c.used() // where it cannot be known it stays zero
	return reading{c.clock.Now(), cpu, c.load.sent.Load(), c.load.shed.Load(), c.exhausted()}
}

// run watches until stop is closed.
func (c *canary) run(stop <-chan struct{}) {
	first := c.read()
	last, worst := first, time.Duration(0)
	timer := time.NewTimer(canaryEvery)
	defer timer.Stop()
	for due := first.at + canaryEvery; ; {
		select {
		case <-stop:
			c.judge(first, last, c.read(), worst)
			return
		case <-timer.C:
		}
		now := c.clock.Now()
		for ; due <= now; due += canaryEvery { // a tick that was missed altogether was late too
			c.lateness.record(now - due)
			worst = max(worst, now-due)
		}
		if now-last.at >= windowSize {
			r := c.read()
			c.judge(first, last, r, worst)
			last, worst = r, 0
		}
		timer.Reset(due - c.clock.Now())
	}
}

// judge decides about the window from a to b. With ten ticks in it the 99.9th
// percentile of their lateness is the worst.
func (c *canary) judge(first, a, b reading, worst time.Duration) {
	if b.at <= a.at {
		return
	}
	c.share.Store(uint64(share(first, b) * 1e6))
	var why []string
	if worst > lateBound {
		why = append(why, "timers late by "+worst.Round(time.Millisecond).String())
	}
	if share(a, b) > maxCPU && b.at-a.at >= windowSize/2 {
		why = append(why, "more than 85 % CPU")
	}
	if sent, shed := b.sent-a.sent, b.shed-a.shed; float64(shed) > maxShed*float64(sent+shed) {
		why = append(why, "load shed: all lanes of a user were taken")
	}
	if b.exhausted > a.exhausted {
		why = append(why, "out of files or ports for connections")
	}
	if len(why) > 0 {
		c.limited(a.at, b.at, why)
	}
}

// limited notes a window, or that the last one goes on.
func (c *canary) limited(from, to time.Duration, why []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.windows)
	if n == 0 || c.windows[n-1].To != from {
		c.windows = append(c.windows, Window{from, to, strings.Join(why, "; ")})
		return
	}
	w := &c.windows[n-1]
	w.To = to
	for _, reason := range why {
		if kind, _, _ := strings.Cut(reason, " "); !strings.Contains(w.Why, kind+" ") {
			w.Why += "; " + reason
		}
	}
}

// share of the cores that the process used from a to b.
func share(a, b reading) float64 {
	return float64(b.cpu-a.cpu) / (float64(b.at-a.at) * float64(runtime.GOMAXPROCS(0)))
}

func (c *canary) health() Health {
	c.mu.Lock()
	windows := append([]Window(nil), c.windows...)
	c.mu.Unlock()
	h := Health{
		Status: "ok", LatenessP999: c.lateness.quantile(.999),
		CPU: float64(c.share.Load()) / 1e6, Windows: windows,
	}
	if len(windows) > 0 {
		h.Status = "limited"
	}
	return h
}
