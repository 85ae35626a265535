package gateway

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/target"
)

type fakeStream struct {
	began time.Time
	at    time.Duration
	times int
}

func (s *fakeStream) Leave() bool {
	s.at, s.times = time.Since(s.began), s.times+1
	return s.times == 1
}

// The turns are even and each stream has one, in no fixed order.
func TestFarewellIsEvenlySpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, spread := range []time.Duration{0, 10 * time.Second} {
			fakes := make([]*fakeStream, 50)
			all := make([]leaver, len(fakes))
			for i := range fakes {
				fakes[i] = &fakeStream{began: time.Now()}
				all[i] = fakes[i]
			}
			bye := newFarewell(all, spread)
			var order []time.Duration
			for bye.turn() != nil {
				<-bye.turn()
				for _, l := range bye.next() {
					l.Leave()
					order = append(order, l.(*fakeStream).at)
				}
			}
			bye.stop()
			for i, at := range order {
				if want := time.Duration(i) * spread / 50; (at - want).Abs() > time.Microsecond {
					t.Errorf("turn %d after %v, want %v", i, at, want)
				}
			}
			moved := 0
			for i, s := range fakes {
				if s.times != 1 {
					t.Errorf("asked %d times", s.times)
				}
				if s.at != time.Duration(i)*spread/50 {
					moved++
				}
			}
			if spread > 0 && moved < 25 {
				t.Errorf("only %d are out of their order", moved)
			}
		}
		var none *farewell
		none.stop()
		if none.turn() != nil || newFarewell(nil, time.Second).turn() != nil {
			t.Error("nobody has a turn")
		}
	})
}

// A goroutine that is late asks all whose turn has come.
func TestFarewellCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bye := newFarewell(make([]leaver, 100), 10*time.Second)
		time.Sleep(5 * time.Second)
		<-bye.turn()
		if n := len(bye.next()); n != 51 {
			t.Errorf("%d are due", n)
		}
		time.Sleep(time.Minute)
		if n := len(bye.next()); n != 49 || bye.turn() != nil {
			t.Errorf("%d are due", n)
		}
	})
}

func TestStreamsLeaveDefaults(t *testing.T) {
	for _, c := range []struct{ leave, delay, want time.Duration }{
		{0, 0, 10 * time.Second}, {0, 8 * time.Second, 4 * time.Second}, {time.Minute, 0, time.Minute},
		{time.Hour, 0, 150 * time.Second}, {-1, 0, -1}, {time.Nanosecond, 0, time.Nanosecond},
	} {
		o := GroupOptions{StreamsLeave: c.leave, DeregistrationDelay: c.delay}.withDefaults()
		if o.StreamsLeave != c.want || o.withDefaults().StreamsLeave != c.want {
			t.Errorf("%v of %v: got %v, want %v", c.leave, c.delay, o.StreamsLeave, c.want)
		}
	}
}

// Never asked: the control of the other tests.
func TestStreamsAreNotAsked(t *testing.T) {
	f := start(t, options(untold(shop(echoTarget(t, "a")))))
	ws := upgrade(t, f.addr)
	f.startDraining(t, "a")
	ws.send(opText, true, []byte("hello"))
	ws.want(opText, "hello")
	ws.send(opClose, true, closePayload(1000, ""))
	ws.want(opClose, string(closePayload(1000, "")))
	ws.c.Close()
	if d := cmp.Diff(DrainResult{Empty: true}, f.drain(t, "a")); d != "" {
		t.Error(d)
	}
	if n := f.Stats().Groups[0].Told; n != 0 {
		t.Errorf("%d told", n)
	}
}

// A target that comes back keeps the streams whose turn had not come.
func TestReturnEndsTheAsking(t *testing.T) {
	a := echoTarget(t, "a")
	grp := shop(a)
	grp.StreamsLeave, grp.DeregistrationDelay = time.Hour, 3*time.Hour
	f := start(t, options(grp))
	var all []*peer
	for range 10 {
		ws := upgrade(t, f.addr)
		ws.send(opText, true, []byte("hello"))
		ws.want(opText, "hello")
		all = append(all, ws)
	}
	f.startDraining(t, "a")
	eventually(t, "the first is told at once", func() bool { return f.Stats().Groups[0].Told == 1 })
	if err := f.Register("shop", a); err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, ws := range all {
		ws.send(opText, true, []byte("still"))
		fr, err := readFrame(ws.br)
		switch {
		case err != nil:
			t.Fatal(err)
		case fr.op == opClose:
			told++
			ws.send(opClose, true, fr.payload)
			ws.wantEnd()
		case string(fr.payload) != "still":
			t.Errorf("got %v", fr)
		}
	}
	if told != 1 {
		t.Errorf("%d told", told)
	}
	eventually(t, "the others stay", func() bool { return f.status(t, "a").Streams == 9 })
	// The next drain begins anew.
	f.startDraining(t, "a")
	eventually(t, "one more", func() bool { return f.Stats().Groups[0].Told == 2 })
}

// Under finish streams stay while a session is bound to the target.
func TestFinishKeepsStreams(t *testing.T) {
	grp := sticky(target.Finish, echoTarget(t, "a"))
	f := start(t, options(grp))
	ws := upgrade(t, f.addr)
	r := f.startDraining(t, "a")
	if r.Empty || r.Streams != 1 || r.BoundSessions != 1 {
		t.Fatalf("got %+v", r)
	}
	e := f.mustGroup(t).entries["a"]
	signal(e.left) // look again
	ws.send(opText, true, []byte("hello"))
	ws.want(opText, "hello")
	if r := f.startDraining(t, "a"); r.Told != 0 || r.Streams != 1 {
		t.Fatalf("got %+v", r)
	}
	e.bindings.Clear() // as if the session had been idle for long enough
	ws.answerClose()
	if d := cmp.Diff(DrainResult{Empty: true, Told: 1}, f.drain(t, "a")); d != "" {
		t.Error(d)
	}
}

// Without a cookie nothing is bound, and finish keeps nothing.
func TestFinishWithoutAffinityTells(t *testing.T) {
	grp := shop(echoTarget(t, "a"))
	grp.OnDraining = target.Finish
	f := start(t, options(grp))
	ws := upgrade(t, f.addr)
	f.startDraining(t, "a")
	ws.answerClose()
	if r := f.drain(t, "a"); r.Told != 1 || !r.Empty {
		t.Errorf("got %+v", r)
	}
}

// Streams of a target that is unhealthy stay.
func TestUnhealthyKeepsStreams(t *testing.T) {
	f := start(t, options(shop(echoTarget(t, "a"), echoTarget(t, "b"))))
	one, two := upgrade(t, f.addr), upgrade(t, f.addr)
	grp := f.mustGroup(t)
	for _, e := range grp.entries {
		grp.transition(e, func(target.State) target.State { return target.Unhealthy })
	}
	for _, ws := range []*peer{one, two} {
		ws.send(opText, true, []byte("hello"))
		ws.want(opText, "hello")
	}
	if n := f.Stats().Groups[0].Told; n != 0 {
		t.Errorf("%d told", n)
	}
	f.startDraining(t, "a") // and then it drains
	eventually(t, "told", func() bool { return f.Stats().Groups[0].Told == 1 })
}

// A target that is replaced under its ID lets its streams go as well.
func TestReplacedTargetTells(t *testing.T) {
	f := start(t, options(sticky(target.Finish, echoTarget(t, "a"))))
	ws := upgrade(t, f.addr)
	eventually(t, "a stream", func() bool { return f.status(t, "a").Streams == 1 })
	if err := f.Register("shop", echoTarget(t, "a")); err != nil {
		t.Fatal(err)
	}
	ws.answerClose()
	ws.wantEnd()
}

// At the gateway's end streams are told, also those that finish keeps.
func TestShutdownTells(t *testing.T) {
	ws, sse := echoTarget(t, "ws"), app(t, "sse", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: one\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	sockets, feeds := sticky(target.Finish, ws), shop(sse)
	feeds.Name, feeds.Routes = "feeds", []string{"/events"}
	sockets.StreamsLeave, feeds.StreamsLeave = 20*time.Millisecond, 20*time.Millisecond
	f := start(t, options(sockets, feeds))
	var wg sync.WaitGroup
	for range 5 {
		ws := upgrade(t, f.addr)
		_, resp := events(t, f.addr, "/events")
		wg.Go(func() {
			ws.answerClose()
			ws.wantEnd()
		})
		wg.Go(func() {
			b, err := io.ReadAll(resp.Body)
			if err != nil || string(b) != "data: one\n\n" {
				t.Errorf("got %q, %v", b, err)
			}
		})
	}
	eventually(t, "streams", func() bool {
		s := f.Stats()
		return s.Groups[0].Targets[0].Streams == 5 && s.Groups[1].Targets[0].Streams == 5
	})
	if err := f.stop(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	for _, s := range f.Stats().Groups {
		if s.Told != 5 || s.Cut != 0 {
			t.Errorf("%s: told %d, cut %d", s.Name, s.Told, s.Cut)
		}
	}
}

func TestToldIsInTheMetrics(t *testing.T) {
	var b strings.Builder
	s := Stats{Groups: []GroupStats{{Name: "shop", Told: 7}}}
	if err := s.WritePrometheus(&b); err != nil || !strings.Contains(b.String(), fmt.Sprintf("evenkeel_gateway_told_total{group=%q} 7\n", "shop")) {
		t.Errorf("%v in\n%s", err, b.String())
	}
}
