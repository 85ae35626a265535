package link

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/redis/rueidis"
)

func sentinelURL(f *redistest.Failover) string {
	return "redis-sentinel://" + strings.Join(f.SentinelAddrs(), ",") + "/" + f.Name
}

func TestSentinelsLeadToTheNextMaster(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*redistest.Failover){
		"killed":    (*redistest.Failover).KillMaster,
		"cut off":   (*redistest.Failover).Partition,
		"untouched": nil,
	} {
		t.Run(name, func(t *testing.T) {
			f := redistest.StartFailover(t, 2)
			w := start(t, sentinelURL(f), Options{})
			before := f.WaitMaster(t)
			if err := errors.Join(w.set(t, "k"), w.read(t, "k")); err != nil {
				t.Fatal(err)
			}
			addr, err := w.Node(t.Context(), "k")
			if err != nil || addr != before {
				t.Fatalf("the master is %s, %v; want %s", addr, err, before)
			}
			w.quiet()
			if fault == nil { // the control
				if _, err := w.Ping(t.Context()); err != nil || w.heard("all") || w.Stats().Opened != 0 {
					t.Errorf("without a fault: %v, %v, %+v", err, w.invalidated, w.Stats())
				}
				return
			}
			fault(f)
			for until := time.Now().Add(5 * time.Second); time.Now().Before(until); {
				_ = w.readsItsWrites(t) // from one master or the other, or from none
			}
			after := f.WaitMaster(t)
			eventually(t, "calls reach the next master", func() error {
				err := errors.Join(w.trySet(t, "k"), w.tryRead(t, "k"))
				addr, _ := w.Node(t.Context(), "k")
				return errors.Join(err, unless(addr == after, addr+" is not "+after), w.readsItsWrites(t))
			})
			if !w.heard("all") {
				t.Error("nobody told that the master changed")
			}
			eventually(t, "the next master answers Ping", func() error {
				ctx, cancel := context.WithTimeout(t.Context(), budget)
				defer cancel()
				_, err := w.Ping(ctx)
				return err
			})
			if n, err := f.Server(after).Do("EXISTS", "k"); err != nil || n != int64(1) {
				t.Errorf("the key is not on the next master: %v, %v", n, err)
			}
		})
	}
}

// readsItsWrites fails the test if the client that tracks reads something else
// than what the plain one has just written to the same master. Both may fail.
func (w *world) readsItsWrites(t *testing.T) error {
	t.Helper()
	w.writes++
	want, to := fmt.Sprint("write ", w.writes), w.plain.master()
	err := w.Call(t.Context(), "k", func(ctx context.Context, c rueidis.Client) error {
		return c.Do(ctx, c.B().Set().Key("k").Value(want).Build()).Error()
	})
	if err != nil {
		return err
	}
	return w.Tracked(t.Context(), "k", func(ctx context.Context, c rueidis.Client) error {
		got, err := c.Do(ctx, c.B().Get().Key("k").Build()).ToString()
		if err == nil && got != want && w.plain.master() == to {
			t.Errorf("read %q after %q was written", got, want)
		}
		return err
	})
}

func TestSentinelsHavePasswordsOfTheirOwn(t *testing.T) {
	s := redistest.Start(t, "--requirepass", "one")
	sentinels := redistest.StartSentinels(t, 1, s.Addr, "shop", "sentinel auth-pass shop one", "requirepass two")
	at := "@" + sentinels[0].Addr
	right := "redis-sentinel://:one" + at + "/shop?sentinel_password=two"
	w := start(t, right, Options{})
	if err := errors.Join(w.set(t, "k"), w.read(t, "k")); err != nil {
		t.Error(err)
	}
	source := rotating{}
	source.set("one")
	w = start(t, "redis-sentinel://"+sentinels[0].Addr+"/shop?sentinel_password=two", Options{Credentials: source.get})
	if err := w.set(t, "k"); err != nil {
		t.Errorf("with a credentials function: %v", err)
	}
	for name, url := range map[string]string{
		"no password for the Sentinel":    "redis-sentinel://:one" + at + "/shop",
		"wrong password for the Sentinel": "redis-sentinel://:one" + at + "/shop?sentinel_password=one",
		"wrong password for the server":   "redis-sentinel://:two" + at + "/shop?sentinel_password=two",
	} {
		w := start(t, url, Options{})
		err := w.set(t, "k")
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		wantFailure(t, err, Unauthorized, "sentinel_password")
	}
	unknown := start(t, strings.Replace(right, "/shop", "/shoe", 1), Options{})
	wantFailure(t, unknown.set(t, "k"), Misconfigured, "/shoe", "SENTINEL MASTERS")
	by := start(t, "redis://:two"+at, Options{})
	wantFailure(t, by.set(t, "k"), Misconfigured, "redis-sentinel://")
}

func TestASentinelThatIsDownIsPassedOver(t *testing.T) {
	s := redistest.Start(t)
	sentinels := redistest.StartSentinels(t, 3, s.Addr, "shop")
	dead, hangs, alive := sentinels[0], sentinels[1], sentinels[2]
	dead.Kill()
	hangs.Stop()
	w := start(t, "redis-sentinel://"+dead.Addr+","+hangs.Addr+","+alive.Addr+"/shop", Options{})
	eventually(t, "the Sentinel that is alive is asked", func() error { return w.set(t, "k") })
	hangs.Cont()
}

// The Sentinels name another master and nobody says +switch-master, as if that
// had been missed; the old one stays alive.
func TestASwitchThatWasMissedIsNoticed(t *testing.T) {
	t.Parallel()
	old, next := redistest.Start(t), redistest.Start(t)
	watcher := redistest.StartSentinels(t, 1, old.Addr, "shop")[0]
	w := start(t, "redis-sentinel://"+watcher.Addr+"/shop", Options{})
	if err := errors.Join(w.set(t, "k"), w.read(t, "k")); err != nil {
		t.Fatal(err)
	}
	w.quiet()
	do(t, watcher, "SENTINEL", "REMOVE", "shop")
	do(t, watcher, "SENTINEL", "MONITOR", "shop", "127.0.0.1", strings.TrimPrefix(next.Addr, "127.0.0.1:"), "1")
	eventually(t, "calls reach the next master", func() error {
		if err := w.set(t, "k"); err != nil {
			return err
		}
		n, err := next.Do("EXISTS", "k")
		return errors.Join(err, unless(n == int64(1), "not written there"))
	})
	eventually(t, "what was read is forgotten", func() error { return unless(w.heard("all"), "not told") })
}

// The client that tracks has not heard yet of a failover that the plain one
// knows of, or the other way round.
func TestBothClientsUseOneMaster(t *testing.T) {
	for name, first := range map[string]func(*world) *client{
		"the plain one is first":       func(w *world) *client { return w.plain },
		"the one that tracks is first": func(w *world) *client { return w.tracked },
	} {
		t.Run(name, func(t *testing.T) {
			old, next := redistest.Start(t), redistest.Start(t)
			watcher := redistest.StartSentinels(t, 1, old.Addr, "shop")[0]
			w := start(t, "redis-sentinel://"+watcher.Addr+"/shop", Options{})
			if err := w.readsItsWrites(t); err != nil {
				t.Fatal(err)
			}
			do(t, watcher, "SENTINEL", "REMOVE", "shop")
			do(t, watcher, "SENTINEL", "MONITOR", "shop", "127.0.0.1", strings.TrimPrefix(next.Addr, "127.0.0.1:"), "1")
			if err := first(w).remake(); err != nil {
				t.Fatal(err)
			}
			w.quiet()
			if err := w.read(t, "k"); err != nil {
				t.Fatal(err)
			}
			if !w.heard("all") || w.plain.master() != next.Addr || w.tracked.master() != next.Addr {
				t.Errorf("the clients use %s and %s, want %s; told %v", w.plain.master(), w.tracked.master(), next.Addr, w.invalidated)
			}
			if err := w.readsItsWrites(t); err != nil {
				t.Error(err)
			}
		})
	}
}
