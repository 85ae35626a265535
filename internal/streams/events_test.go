package streams

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
)

func TestEventsLeaveBetweenEvents(t *testing.T) {
	var got bytes.Buffer
	stopped := 0
	e := NewEvents(&got, func() { stopped++ })
	write := func(s string, want error) {
		t.Helper()
		n, err := io.WriteString(e, s)
		if !errors.Is(err, want) || want == nil && n != len(s) {
			t.Fatalf("%q: %d, %v", s, n, err)
		}
	}
	write("data: 1\n\ndata: 2", nil)
	if !e.Leave() || e.Leave() || stopped != 0 {
		t.Error("asked once is enough, and an event is under way")
	}
	write("2", nil)
	write("\n", nil)
	write("\ndata: 3\n\n: c\ndata: 4", ErrLeft) // what has come whole is passed on
	write("\n\n", ErrLeft)
	if want := "data: 1\n\ndata: 22\n\ndata: 3\n\n: c\n"; got.String() != want || stopped != 0 {
		t.Errorf("got %q, stopped %d", got.String(), stopped)
	}
	if !e.End() {
		t.Error("no clean end")
	}
}

func TestEventsLeaveWhenIdle(t *testing.T) {
	for _, before := range []string{"", "data: 1\n\n", "data: 1\r\n\r\n", "data\r\r", ": ping\n"} {
		var got bytes.Buffer
		stopped := 0
		e := NewEvents(&got, func() { stopped++ })
		io.WriteString(e, before)
		if !e.Leave() || stopped != 1 || got.String() != before {
			t.Errorf("%q: stopped %d", before, stopped)
		}
		if n, err := io.WriteString(e, "data: 2\n\n"); n != 0 || !errors.Is(err, ErrLeft) {
			t.Errorf("%q: %d, %v", before, n, err)
		}
		if !e.End() {
			t.Errorf("%q: no clean end", before)
		}
	}
}

type failing struct{ during func() }

var errGone = errors.New("the client has gone")

func (f failing) Write([]byte) (int, error) { f.during(); return 0, errGone }

// Asked while the last piece is being written: it decides, and its failure is
// no clean end.
func TestEventsAskedWithinAWrite(t *testing.T) {
	var e *Events
	e = NewEvents(failing{func() { e.Leave() }}, func() { t.Error("stopped") })
	if _, err := io.WriteString(e, "data: 1\n\n"); !errors.Is(err, errGone) || e.End() {
		t.Errorf("got %v", err)
	}
	var got bytes.Buffer
	e = NewEvents(io.MultiWriter(&got, hook(func() { e.Leave() })), func() { t.Error("stopped") })
	if n, err := io.WriteString(e, "data: 1\n\n"); n != 9 || !errors.Is(err, ErrLeft) || !e.End() {
		t.Errorf("%d, %v", n, err)
	}
}

type hook func()

func (f hook) Write(p []byte) (int, error) { f(); return len(p), nil }

func TestEventsThatWereNotAsked(t *testing.T) {
	e := NewEvents(io.Discard, func() { t.Error("stopped") })
	io.WriteString(e, "data: 1\n\n")
	if e.End() {
		t.Error("left without being asked")
	}
	if e.Leave() {
		t.Error("an ended stream was asked")
	}
}

// Whenever it is asked, the stream ends after whole events and nothing that
// was passed on is changed. The source sends no more at some point, so that
// half of the streams must be stopped.
func TestEventsLeaveAtAnyTime(t *testing.T) {
	left, stops := 0, 0
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 6))
		s := randomEvents(r) + "data: end\n\n"
		src, feed := io.Pipe()
		var got bytes.Buffer
		var mu sync.Mutex
		stopped := false
		e := NewEvents(&got, func() {
			mu.Lock()
			defer mu.Unlock()
			stopped = true
			src.CloseWithError(errors.New("stopped"))
		})
		at := r.IntN(len(s) + 1)
		go func() {
			for i := 0; i <= len(s); i++ {
				if i == at {
					if seed%2 == 0 {
						e.Leave()
					} else {
						go e.Leave()
					}
				}
				if i < len(s) {
					if _, err := feed.Write([]byte{s[i]}); err != nil {
						return
					}
				}
			}
			<-t.Context().Done() // and then nothing
		}()
		_, err := io.Copy(e, src)
		mu.Lock()
		if stopped {
			stops++
		}
		mu.Unlock()
		src.Close()
		if !e.End() || err == nil {
			t.Fatalf("seed %d: no clean end: %v", seed, err)
		}
		if _, rest := eventsIn(got.String()); rest || !bytes.HasPrefix([]byte(s), got.Bytes()) {
			t.Errorf("seed %d: got %q of %q", seed, got.String(), s)
		}
		if got.Len() < len(s) {
			left++
		}
	}
	if left == 0 || stops == 0 {
		t.Errorf("%d left early, %d were stopped", left, stops)
	}
}
