package drain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var usual = Budget{Withdraw: 5 * s, Requests: 30 * s, Streams: 60 * s, Flush: 4 * s}

// The whole way with everything in order: 35 s on the bubble's clock.
func TestWayOut(t *testing.T) {
	inBubble(t, Options{Budget: usual}, func(x *fixture) {
		var order []string
		x.d.Hook("second", 2, func(context.Context) error { order = append(order, "second"); return nil })
		x.d.Hook("first", 1, func(context.Context) error { order = append(order, "first"); return nil })
		slow := x.connect().send("/slow")
		kept := x.connect()
		if r := <-kept.send("/quick"); !r.whole(200, "quick") || r.close {
			t.Fatalf("while serving: %+v", r)
		}
		if r := x.get("/readyz"); !r.whole(200, "ready") {
			t.Fatalf("readiness while serving: %+v", r)
		}
		other := x.connect()
		<-other.send("/quick")

		x.signal()
		x.reach(Withdrawing)
		if r := x.get("/readyz"); !r.whole(503, "withdrawing") {
			t.Errorf("readiness while withdrawing: %+v", r)
		}
		if r := x.get("/livez"); !r.whole(200, "alive") {
			t.Errorf("liveness while withdrawing: %+v", r)
		}
		if r := <-kept.send("/quick"); !r.whole(200, "quick") || !r.close {
			t.Errorf("kept-alive connection while withdrawing: %+v, want served with Connection: close", r)
		}
		x.sleep(5*s - 1)
		if r := x.get("/quick"); !r.whole(200, "quick") || !r.close {
			t.Errorf("new connection at the end of withdrawing: %+v", r)
		}
		x.reach(Withdrawing)
		x.sleep(1)
		x.reach(Draining)
		if r := x.get("/quick"); !errors.Is(r.err, errRefused) {
			t.Errorf("new connection while draining: %+v, want refused", r)
		}
		x.sleep(29 * s)
		if r := <-other.send("/quick"); !r.whole(200, "quick") || !r.close {
			t.Errorf("late request on an idle connection: %+v, want served with Connection: close", r)
		}
		x.release <- struct{}{}
		if r := <-slow; !r.whole(200, "slow") || !r.close {
			t.Errorf("request in flight: %+v", r)
		}

		r := x.wait()
		if x.err != nil || !r.Empty() {
			t.Errorf("error %v, report %+v", x.err, r)
		}
		if want := (Tally{InFlight: 1, Late: 1, Finished: 2}); r.Requests != want {
			t.Errorf("requests %+v, want %+v", r.Requests, want)
		}
		if !slices.Equal(order, []string{"first", "second"}) {
			t.Errorf("hooks ran as %v", order)
		}
		if r.Trigger != "signal: terminated" || r.Phases.Withdraw != 5*s || r.Phases.Drain < 29*s || r.Phases.Drain > 30*s {
			t.Errorf("report %+v", r)
		}
		if x.over != r.Phases.Withdraw+r.Phases.Drain+r.Phases.Flush || r.Left != usual.Needed()-x.over {
			t.Errorf("took %v, report %+v", x.over, r)
		}
	})
}

func TestNothingInFlightEndsAtOnce(t *testing.T) {
	inBubble(t, Options{Budget: usual}, func(x *fixture) {
		idle := x.connect()
		<-idle.send("/quick")
		x.cancel()
		r := x.wait()
		if r.Trigger != "context" || x.err != nil || r.Phases.Drain > s {
			t.Errorf("error %v, report %+v", x.err, r)
		}
		if r := <-idle.send("/quick"); r.err == nil {
			t.Errorf("idle connection after the end: %+v", r)
		}
	})
}

// Requests and streams are cut at their own time, whichever is first.
func TestCut(t *testing.T) {
	for _, c := range []struct {
		name              string
		requests, streams time.Duration
	}{{"streams last longer", 30 * s, 60 * s}, {"requests last longer", 60 * s, 30 * s}, {"same", 30 * s, 30 * s}} {
		t.Run(c.name, func(t *testing.T) {
			b := Budget{Withdraw: None, Requests: c.requests, Streams: c.streams, Flush: 4 * s}
			inBubble(t, Options{Budget: b}, func(x *fixture) {
				requests := []<-chan reply{x.connect().send("/slow"), x.connect().send("/heed"), x.connect().send("/heed")}
				streams := []<-chan reply{x.connect().send("/deaf"), x.connect().send("/hijack"), x.connect().send("/forget")}
				x.signal()
				x.reach(Draining)
				first := min(c.requests, c.streams)
				x.sleep(first - 1)
				if st := x.d.Stats(); st.Requests != 3 || st.Streams != 3 || st.Cut != 0 {
					t.Errorf("before the first cut: %+v", st)
				}
				x.sleep(1)
				if st := x.d.Stats(); c.requests > first && st.Streams != 0 || c.streams > first && st.Requests != 0 {
					t.Errorf("after the first cut: %+v", st)
				}
				r := x.wait()
				if r.Requests != (Tally{InFlight: 3, Cut: 3}) || r.Streams != (Tally{InFlight: 3, Cut: 3}) || r.Told != 3 {
					t.Errorf("requests %+v, streams %+v, told %d", r.Requests, r.Streams, r.Told)
				}
				if r.Phases.Drain != max(c.requests, c.streams) {
					t.Errorf("draining took %v", r.Phases.Drain)
				}
				want := []CutRoute{{"GET /heed", 2, 0, 0}, {"/slow", 1, 0, 0}, {"GET /deaf", 0, 1, 0}, {"GET /forget", 0, 1, 0}, {"GET /hijack", 0, 1, 0}}
				if !slices.Equal(r.Cut, want) {
					t.Errorf("cut %+v\nwant %+v", r.Cut, want)
				}
				var cut *CutError
				if !errors.As(x.err, &cut) || *cut != (CutError{Requests: 3, Streams: 3}) {
					t.Errorf("error %v", x.err)
				}
				for i, ch := range slices.Concat(requests, streams) {
					if r := <-ch; r.err == nil {
						t.Errorf("answer %d looks whole to its client: %+v", i, r)
					}
				}
			})
		})
	}
}

// Once cut, a handler that comes back late cannot make a whole answer while
// streams are still allowed to go on.
func TestCutHandlerThatReturnsIsAborted(t *testing.T) {
	b := Budget{Withdraw: None, Requests: s, Streams: 60 * s, Flush: 4 * s}
	inBubble(t, Options{Budget: b}, func(x *fixture) {
		slow := x.connect().send("/slow")
		x.connect().send("/deaf")
		x.signal()
		x.sleep(2 * s)
		x.release <- struct{}{}
		if r := <-slow; r.err == nil {
			t.Errorf("answer after the cut: %+v", r)
		}
		if x.reach(Draining); x.d.Stats().Streams != 1 {
			t.Errorf("stats %+v, want the stream to go on", x.d.Stats())
		}
	})
}

func TestStreamsAreToldOneAfterAnother(t *testing.T) {
	b := Budget{Withdraw: None, Requests: 30 * s, Streams: 40 * s, Flush: 4 * s}
	inBubble(t, Options{Budget: b}, func(x *fixture) {
		var streams []<-chan reply
		for i := range 200 {
			streams = append(streams, x.connect().send(fmt.Sprintf("/sse/%d", i)))
		}
		poll := x.connect().send("/poll")
		x.signal()
		if r := <-poll; !r.whole(200, "no news") {
			t.Errorf("long poll at the beginning of draining: %+v", r)
		}
		var left []int
		for range 6 {
			synctest.Wait()
			left = append(left, x.d.Stats().Streams)
			time.Sleep(s)
		}
		if want := []int{196, 156, 116, 76, 36, 0}; !slices.Equal(left, want) {
			t.Errorf("streams left after each second %v, want %v", left, want)
		}
		for _, ch := range streams {
			if r := <-ch; r.err != nil || !strings.HasSuffix(r.body, "\n\n") {
				t.Errorf("stream ended with %+v, want whole events and a proper end", r)
			}
		}
		r := x.wait()
		if x.err != nil || r.Told != 200 || r.Streams != (Tally{InFlight: 200, Finished: 200}) {
			t.Errorf("error %v, told %d, streams %+v", x.err, r.Told, r.Streams)
		}
	})
}

func TestFurtherSignals(t *testing.T) {
	inBubble(t, Options{Budget: usual}, func(x *fixture) {
		hooks := []string{}
		x.d.Hook("hangs until its context ends", 1, func(ctx context.Context) error {
			hooks = append(hooks, "1")
			<-ctx.Done()
			return ctx.Err()
		})
		x.d.Hook("left out", 2, func(context.Context) error { hooks = append(hooks, "2"); return nil })
		slow := x.connect().send("/slow")
		x.signal()
		x.cancel() // starts, and does not shorten
		x.d.Drain()
		x.reach(Withdrawing)
		x.sleep(s)
		x.signal()
		x.reach(Draining)
		x.sleep(s)
		x.signal()
		x.reach(Flushing)
		if r := <-slow; r.err == nil {
			t.Errorf("request cut by the third signal: %+v", r)
		}
		x.sleep(s)
		x.signal()
		r := x.wait()
		if r.Phases != (Phases{s, s, s}) || r.Shortened != 3 || r.Requests.Cut != 1 {
			t.Errorf("report %+v", r)
		}
		if !slices.Equal(hooks, []string{"1"}) || len(r.Hooks) != 2 ||
			!errors.Is(r.Hooks[0].Err, context.Canceled) || !errors.Is(r.Hooks[1].Err, ErrHookSkipped) {
			t.Errorf("hooks %v, %+v", hooks, r.Hooks)
		}
	})
}

func TestHooksShareFlush(t *testing.T) {
	b := Budget{Withdraw: None, Requests: s, Streams: s, Flush: 4 * s}
	inBubble(t, Options{Budget: b}, func(x *fixture) {
		boom := errors.New("boom")
		stuck := make(chan struct{})
		defer close(stuck)
		x.d.Hook("hangs", 1, func(context.Context) error { <-stuck; return nil })
		x.d.Hook("fails", 2, func(context.Context) error { return boom })
		x.d.Hook("panics", 2, func(context.Context) error { panic("oh") })
		x.d.Hook("takes all the rest", 3, func(ctx context.Context) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})
		x.signal()
		r := x.wait()
		want := []HookResult{{"hangs", s, ErrHookAbandoned}, {"fails", 0, boom}, {"panics", 0, nil},
			{"takes all the rest", 2900 * time.Millisecond, context.DeadlineExceeded}}
		if len(r.Hooks) != len(want) {
			t.Fatalf("hooks %+v", r.Hooks)
		}
		for i, h := range r.Hooks {
			if h.Name != want[i].Name || h.Duration != want[i].Duration || want[i].Err != nil && !errors.Is(h.Err, want[i].Err) {
				t.Errorf("hook %+v, want %+v", h, want[i])
			}
		}
		if r.Hooks[2].Err == nil || r.Hooks[2].Err.Error() != "panic: oh" {
			t.Errorf("panicking hook: %+v", r.Hooks[2])
		}
		for _, err := range []error{boom, ErrHookAbandoned, context.DeadlineExceeded} {
			if !errors.Is(x.err, err) {
				t.Errorf("Run's error %v does not hold %v", x.err, err)
			}
		}
	})
}

func TestServerThatStopsByItself(t *testing.T) {
	inBubble(t, Options{Budget: usual}, func(x *fixture) {
		slow := x.connect().send("/slow")
		boom := errors.New("accept: boom")
		x.l.fail <- boom
		x.reach(Withdrawing)
		x.release <- struct{}{}
		if r := <-slow; !r.whole(200, "slow") {
			t.Errorf("request in flight: %+v", r)
		}
		r := x.wait()
		if r.Trigger != "server" || !errors.Is(x.err, boom) || !r.Empty() {
			t.Errorf("error %v, report %+v", x.err, r)
		}
	})
}

// Requests that go past Handler are waited for, and noticed when they are cut.
func TestOutside(t *testing.T) {
	t.Run("finishes", func(t *testing.T) {
		inBubble(t, Options{Budget: usual}, func(x *fixture) {
			out := x.connect().send("/outside/slow")
			x.signal()
			x.sleep(30 * s)
			x.release <- struct{}{}
			if r := <-out; !r.whole(200, "outside") {
				t.Errorf("got %+v", r)
			}
			if r := x.wait(); x.err != nil || r.Requests != (Tally{}) {
				t.Errorf("error %v, report %+v", x.err, r)
			}
		})
	})
	t.Run("is cut", func(t *testing.T) {
		inBubble(t, Options{Budget: usual}, func(x *fixture) {
			out := x.connect().send("/outside/slow")
			x.signal()
			r := x.wait()
			var cut *CutError
			if r.Outside != 1 || r.Phases.Drain != 30*s || !errors.As(x.err, &cut) || cut.Outside != 1 {
				t.Errorf("error %v, report %+v", x.err, r)
			}
			if r := <-out; r.err == nil {
				t.Errorf("got %+v", r)
			}
		})
	})
}

// A connection that never brings a request neither holds up the way out for
// long nor counts as cut; one that brings it late is served.
func TestFreshConnections(t *testing.T) {
	b := Budget{Withdraw: None, Requests: 3 * s, Streams: 3 * s, Flush: s}
	inBubble(t, Options{Budget: b}, func(x *fixture) {
		silent, late := x.connect(), x.connect()
		x.signal()
		x.sleep(s)
		if r := <-late.send("/quick"); !r.whole(200, "quick") || !r.close {
			t.Errorf("first request while draining: %+v", r)
		}
		r := x.wait()
		if x.err != nil || r.Phases.Drain < 1500*time.Millisecond || r.Phases.Drain > 2*s || r.Requests.Late != 1 {
			t.Errorf("error %v, report %+v", x.err, r)
		}
		if r := <-silent.send("/quick"); r.err == nil {
			t.Errorf("silent connection: %+v", r)
		}
	})
}

func TestNoneOfEverything(t *testing.T) {
	inBubble(t, Options{Budget: Budget{None, None, None, None}}, func(x *fixture) {
		slow := x.connect().send("/slow")
		x.signal()
		r := x.wait()
		if x.over != 0 || r.Requests != (Tally{InFlight: 1, Cut: 1}) {
			t.Errorf("took %v, report %+v", x.over, r)
		}
		if r := <-slow; r.err == nil {
			t.Errorf("got %+v", r)
		}
	})
}
