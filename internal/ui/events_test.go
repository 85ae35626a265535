package ui

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestStreamFirstAndLaterMessages(t *testing.T) {
	s := serve(t, newFake(), Options{})
	eventually(t, "some points", func() bool { return len(s.latest.Load().points) >= 5 })
	w := s.watch()
	if got := w.resp.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("type %q", got)
	}
	if got := w.resp.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	if line, err := w.r.ReadString('\n'); err != nil || line != "retry: 1000\n" {
		t.Errorf("first line %q, %v", line, err)
	}
	m, ok := w.next()
	if !ok || !m.All || len(m.Points) < 5 || m.State["users"] != 200.0 || m.State["verdict"] != "so far nothing was lost" {
		t.Fatalf("first message: all %v, %d points, state %v", m.All, len(m.Points), m.State)
	}
	// The rates were filled in; replicas come in order.
	replicas := m.State["replicas"].([]any)
	if m.State["rps"] != 100.0 || replicas[0].(map[string]any)["name"] != "shop-2" {
		t.Errorf("rps %v, replicas %v", m.State["rps"], replicas)
	}
	at, id := m.Points[len(m.Points)-1]["t"].(float64), number(t, m.id)
	for range 20 {
		m, ok := w.next()
		if !ok {
			t.Fatal("the stream ended")
		}
		if number(t, m.id) <= id {
			t.Errorf("id %s after %d", m.id, id)
		}
		if overtaken := number(t, m.id) > id+1; overtaken != m.All {
			t.Errorf("id %s after %d: all is %v", m.id, id, m.All)
		}
		if !m.All && (len(m.Points) != 1 || m.Points[0]["t"] != at+0.5*float64(number(t, m.id)-id)) {
			t.Errorf("points %v after %v", m.Points, at)
		}
		at, id = m.Points[len(m.Points)-1]["t"].(float64), number(t, m.id)
		if m.State["elapsed_s"] != at {
			t.Errorf("state at %v, point at %v", m.State["elapsed_s"], at)
		}
	}
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestStreamHoldsAtMost120Points(t *testing.T) {
	s := serve(t, newFake(), Options{Every: 200 * time.Microsecond})
	eventually(t, "300 snapshots", func() bool { return s.Stats().Encoded >= 300 })
	if m, ok := s.watch().next(); !ok || len(m.Points) != 120 {
		t.Errorf("%d points", len(m.Points))
	}
}

func TestOneEncodingForAllViewers(t *testing.T) {
	s := serve(t, newFake(), Options{Every: 5 * time.Millisecond})
	var all []*watcher
	for range 10 {
		all = append(all, s.watch())
	}
	ended := make(chan int, len(all))
	for _, w := range all {
		go func() {
			n := 0
			for ; n < 20; n++ {
				if _, ok := w.next(); !ok {
					break
				}
			}
			w.stop()
			ended <- n
		}()
	}
	for range all {
		if n := <-ended; n != 20 {
			t.Errorf("a viewer got %d messages", n)
		}
	}
	st := s.Stats()
	for end := time.Now().Add(20 * time.Second); st.Sent < 200 && time.Now().Before(end); st = s.Stats() {
		time.Sleep(time.Millisecond) // a message is counted when it has been written: its viewer may be faster
	}
	s.src.mu.Lock()
	asked := uint64(s.src.asked)
	s.src.mu.Unlock()
	if st.Encoded > asked {
		t.Errorf("%d encodings of at most %d snapshots", st.Encoded, asked)
	}
	if st.Sent < 200 || st.Sent < 2*st.Encoded {
		t.Errorf("%d messages to ten viewers of %d encodings", st.Sent, st.Encoded)
	}
}

func TestViewersGetTheSameBytes(t *testing.T) {
	var c chart
	p := New(newFake(), http.NotFoundHandler(), Options{})
	for range 3 {
		f, err := p.snapshot(&c)
		if err != nil {
			t.Fatal(err)
		}
		p.publish(f)
	}
	f := p.latest.Load()
	if a, b := f.since(f.id-1), f.since(f.id-1); &a[0] != &b[0] {
		t.Error("the message was made twice")
	}
	if late := f.since(0); bytes.Equal(late, f.since(f.id-1)) || !bytes.Contains(late, f.state) {
		t.Error("a late viewer's message is not the state with all points")
	}
}

// Someone who does not read is cut off and holds up nobody.
func TestSlowViewerIsDropped(t *testing.T) {
	src := newFake()
	src.set(func(s *State) { s.Note = strings.Repeat("long ", 4000) })
	s := newStand(t, src, Options{WriteTimeout: time.Second, Every: time.Millisecond})
	s.run()
	c, err := new(net.Dialer).DialContext(context.Background(), "tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	quick := s.watch()
	for s.Stats().Dropped == 0 {
		if _, ok := quick.next(); !ok {
			t.Fatal("the quick viewer was cut off")
		}
	}
	eventually(t, "the slow one's place is free", func() bool { return s.Stats().Viewers == 1 })
	if _, ok := quick.next(); !ok {
		t.Error("the quick viewer was cut off")
	}
}

func TestViewersAreBounded(t *testing.T) {
	s := serve(t, newFake(), Options{MaxViewers: 2})
	a, b := s.watch(), s.watch()
	for _, w := range []*watcher{a, b} {
		if _, ok := w.next(); !ok {
			t.Fatal("no message")
		}
	}
	r := s.do(http.MethodGet, "/api/events", "")
	if r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" || !strings.Contains(r.body, "too many") {
		t.Errorf("third viewer: %d %s", r.StatusCode, r.body)
	}
	a.stop()
	eventually(t, "a place is free", func() bool { return s.Stats().Viewers == 1 })
	if _, ok := s.watch().next(); !ok {
		t.Error("the place of who left is not given again")
	}
}

func TestLeavingViewersLeaveNoGoroutine(t *testing.T) {
	s := serve(t, newFake(), Options{})
	before := runtime.NumGoroutine()
	var all []*watcher
	for range 20 {
		w := s.watch()
		if _, ok := w.next(); !ok {
			t.Fatal("no message")
		}
		all = append(all, w)
	}
	if n := runtime.NumGoroutine(); n <= before {
		t.Fatalf("%d goroutines with 20 viewers, %d without: this counts nothing", n, before)
	}
	for _, w := range all {
		w.stop()
		w.resp.Body.Close()
	}
	eventually(t, "no viewer", func() bool { return s.Stats().Viewers == 0 })
	eventually(t, "no goroutine more than before", func() bool { return runtime.NumGoroutine() <= before })
}

func TestEndIsTold(t *testing.T) {
	s := serve(t, newFake(), Options{})
	w := s.watch()
	if _, ok := w.next(); !ok {
		t.Fatal("no message")
	}
	s.stop()
	var last message
	for m, ok := w.next(); ok; m, ok = w.next() {
		last = m
	}
	if last.event != "end" {
		t.Errorf("last message %q", last.event)
	}
	for _, path := range []string{"/api/events", "/api/state"} {
		if r := s.do(http.MethodGet, path, ""); r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(r.body, "ended") {
			t.Errorf("%s afterwards: %d %s", path, r.StatusCode, r.body)
		}
	}
}

func TestRunOnlyOnce(t *testing.T) {
	s := serve(t, newFake(), Options{})
	eventually(t, "a snapshot", func() bool { return s.Stats().Encoded > 0 })
	if err := s.Run(context.Background()); err == nil {
		t.Error("a second Run was allowed")
	}
}

// A new run's points do not follow the old one's.
func TestSwitchStartsTheChartsAgain(t *testing.T) {
	s := serve(t, newFake(), Options{})
	eventually(t, "some points", func() bool { return len(s.latest.Load().points) > 10 })
	s.src.mu.Lock()
	s.src.still = true
	s.src.mu.Unlock()
	if r := s.do(http.MethodPost, "/api/strategy", `{"strategy":"evenkeel"}`); r.StatusCode != http.StatusAccepted {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	w := s.watch()
	for {
		m, ok := w.next()
		if !ok {
			t.Fatal("the stream ended")
		}
		if m.State["run"] == 2.0 {
			if f := s.latest.Load(); len(f.points) != 1 {
				t.Errorf("%d points in the new run, want 1", len(f.points))
			}
			return
		}
	}
}
