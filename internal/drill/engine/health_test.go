package engine

import (
	"context"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// watch runs a canary for d of a bubble's time; during is called meanwhile, and
// used is the CPU after a time.
func watch(d time.Duration, used func(at time.Duration) time.Duration, during func(*counters)) (h Health) {
	clock := NewClock()
	var count counters
	c := &canary{clock: clock, load: &count, exhausted: none, used: func() (time.Duration, bool) { return used(clock.Now()), true }}
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() { defer close(ended); c.run(stop) }()
	during(&count)
	time.Sleep(d - clock.Now())
	close(stop)
	<-ended
	return c.health()
}

func none() int64 { return 0 }

func idle(time.Duration) time.Duration { return 0 }

func TestHealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := watch(10*time.Second, func(at time.Duration) time.Duration {
			return at / 2 * time.Duration(runtime.GOMAXPROCS(0))
		}, func(c *counters) { c.sent.Add(1000); c.shed.Add(1) })
		if h.Status != "ok" || len(h.Windows) != 0 || h.LatenessP999 != 0 || h.CPU < .499 || h.CPU > .501 {
			t.Errorf("%+v", h)
		}
	})
}

func TestShedLoadLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := watch(5*time.Second, idle, func(c *counters) {
			c.sent.Add(500)
			time.Sleep(2500 * time.Millisecond)
			c.sent.Add(997)
			c.shed.Add(1)
		})
		if h.Status != "limited" || len(h.Windows) != 1 {
			t.Fatalf("%+v", h)
		}
		w := h.Windows[0]
		if w.From != 2*time.Second || w.To != 3*time.Second || !strings.Contains(w.Why, "shed") {
			t.Errorf("%+v", w)
		}
		if got := h.Limited(10 * time.Second); got != .1 {
			t.Errorf("limited for %v, want a tenth", got)
		}
	})
}

func TestBusyProcessLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cores := time.Duration(runtime.GOMAXPROCS(0))
		h := watch(6*time.Second, func(at time.Duration) time.Duration {
			return cores * max(0, min(at, 4*time.Second)-2*time.Second) // all cores, in the third and fourth second
		}, func(*counters) {})
		if h.Status != "limited" || len(h.Windows) != 1 {
			t.Fatalf("%+v", h)
		}
		if w := h.Windows[0]; w.From != 2*time.Second || w.To != 4*time.Second || !strings.Contains(w.Why, "CPU") {
			t.Errorf("%+v", w)
		}
		if h.CPU < .33 || h.CPU > .34 {
			t.Errorf("CPU %v, want a third", h.CPU)
		}
	})
}

// Connections that this machine has no file or port for are no fault of the
// service: they limit the drill. Those that the service refuses do not.
func TestExhaustedMachineLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fault := syscall.ECONNREFUSED
		c, err := NewClient([]string{"http://192.0.2.1"}, NewClock(), ClientOptions{Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: os.NewSyscallError("socket", fault)}
		}})
		if err != nil {
			t.Fatal(err)
		}
		try := func() {
			if x, err := c.User().Do(t.Context(), Request{Method: "GET", Path: "/"}); err != nil || x.Failure == nil || x.Sent >= 0 {
				t.Errorf("%+v, %v", x, err)
			}
		}
		canary := &canary{clock: c.clock, load: &counters{}, exhausted: c.exhausted.Load, used: func() (time.Duration, bool) { return 0, true }}
		stop, ended := make(chan struct{}), make(chan struct{})
		go func() { defer close(ended); canary.run(stop) }()
		try()
		time.Sleep(2500 * time.Millisecond)
		for _, fault = range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL, syscall.ENOBUFS} {
			try()
		}
		time.Sleep(2500 * time.Millisecond)
		close(stop)
		<-ended
		h := canary.health()
		if len(h.Windows) != 1 || h.Windows[0] != (Window{2 * time.Second, 3 * time.Second, "out of files or ports for connections"}) || c.exhausted.Load() != 4 {
			t.Errorf("%d exhausted, %+v", c.exhausted.Load(), h)
		}
	})
}

// A window that goes on for another reason says both.
func TestReasonsOfAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := watch(5*time.Second, func(at time.Duration) time.Duration {
			return time.Duration(runtime.GOMAXPROCS(0)) * max(0, min(at, 4*time.Second)-2*time.Second)
		}, func(c *counters) {
			time.Sleep(1500 * time.Millisecond)
			c.shed.Add(1)
		})
		if len(h.Windows) != 1 || h.Windows[0].Why != "load shed: all lanes of a user were taken; more than 85 % CPU" {
			t.Errorf("%+v", h.Windows)
		}
		if w := h.Windows[0]; w.From != time.Second || w.To != 4*time.Second {
			t.Errorf("%+v", w)
		}
	})
}

// A canary that is held up finds all ticks that it missed late.
func TestLateTimersLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held := false
		h := watch(4*time.Second, func(at time.Duration) time.Duration {
			if at >= 2*time.Second && !held {
				held = true
				time.Sleep(500 * time.Millisecond)
			}
			return 0
		}, func(*counters) {})
		if h.Status != "limited" || len(h.Windows) != 1 || !strings.Contains(h.Windows[0].Why, "late by 400ms") {
			t.Fatalf("%+v", h)
		}
		if w := h.Windows[0]; w.From != 2500*time.Millisecond && w.From != 2*time.Second {
			t.Errorf("%+v", w)
		}
		if h.LatenessP999 != 400*time.Millisecond {
			t.Errorf("lateness %v", h.LatenessP999)
		}
	})
}

func TestLimitedOfNothing(t *testing.T) {
	if got := (Health{}).Limited(0); got != 0 {
		t.Error(got)
	}
}
