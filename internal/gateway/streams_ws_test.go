package gateway

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/target"
)

// A drain tells every WebSocket of its target and none of the others, and is
// over when the last one has left.
func TestDrainTellsWebSockets(t *testing.T) {
	for _, p := range []target.OnDraining{target.Move, target.Strict} {
		grp := sticky(p, echoTarget(t, "a"), echoTarget(t, "b"))
		grp.StreamsLeave = 50 * time.Millisecond
		f := start(t, options(grp))
		of := map[string][]*peer{}
		for range 20 {
			ws := upgrade(t, f.addr)
			ws.send(opText, true, []byte("hello"))
			ws.want(opText, "hello")
			on := "a"
			if len(of["a"]) < f.status(t, "a").Streams {
				of["a"] = append(of["a"], ws)
			} else {
				on = "b"
				of["b"] = append(of["b"], ws)
			}
			if n := f.status(t, on).Streams; n != len(of[on]) {
				t.Fatalf("%d streams on %s, want %d", n, on, len(of[on]))
			}
		}
		sub := f.Subscribe(0)
		defer sub.Close()
		got := make(chan DrainResult, 1)
		go func() { got <- f.drain(t, "a") }()
		for _, ws := range of["a"] {
			ws.answerClose()
			ws.wantEnd()
		}
		if d := cmp.Diff(DrainResult{Empty: true, Told: len(of["a"])}, <-got); d != "" {
			t.Error(d)
		}
		<-sub.C // the state
		if ev := <-sub.C; ev.Kind != EventDrained || ev.Drain.Told != len(of["a"]) || f.status(t, "a").Streams != 0 {
			t.Errorf("got %+v", ev)
		}
		for _, ws := range of["b"] {
			ws.send(opText, true, []byte("still here"))
			ws.want(opText, "still here")
		}
		if s := f.Stats().Groups[0]; s.Told != uint64(len(of["a"])) || s.Cut != 0 {
			t.Errorf("told %d, cut %d", s.Told, s.Cut)
		}
		ws := upgrade(t, f.addr) // who comes back is served elsewhere
		ws.send(opPing, true, nil)
		ws.want(opPing, "")
		if n := f.status(t, "b").Streams; n != len(of["b"])+1 {
			t.Errorf("%d streams on b", n)
		}
	}
}

// startDraining begins a drain without waiting for its end.
func (f *fixture) startDraining(t *testing.T, id string) DrainResult {
	t.Helper()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := f.Drain(over, "shop", id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Through the whole gateway: a frame of 10 MB is under way in each direction.
func TestDrainWithinALargeFrame(t *testing.T) {
	tgt, arrived := wsTarget(t, "a")
	f := start(t, options(shop(tgt)))
	ws := upgrade(t, f.addr)
	at := <-arrived
	big := bytes.Repeat([]byte("0123456789abcdef"), 10<<16)
	at.write(append(wsHead(opData, true, false, len(big)), big[:1000]...))
	ws.write(append(wsHead(opData, true, true, len(big)), wsMask(big[:1000])...))
	for _, end := range []*peer{ws, at} { // both are under way
		if _, err := end.br.Peek(500); err != nil {
			t.Fatal(err)
		}
	}
	f.startDraining(t, "a")
	eventually(t, "told", func() bool { return f.Stats().Groups[0].Told == 1 })
	go at.c.Write(big[1000:])
	ws.want(opData, string(big))
	ws.wantRestart()
	go ws.c.Write(append(wsMask(big)[1000:], append(wsHead(opClose, true, true, 2), wsMask(closePayload(1012, ""))...)...))
	at.want(opData, string(big))
	at.want(opClose, string(closePayload(1012, "")))
	at.send(opClose, true, closePayload(1012, ""))
	if d := cmp.Diff(DrainResult{Empty: true, Told: 1}, f.drain(t, "a")); d != "" {
		t.Error(d)
	}
	ws.wantEnd()
	at.wantEnd()
}

// What cannot be told stays until the deregistration delay: other protocols,
// and events that are compressed or have a fixed length.
func TestStreamsThatCannotBeTold(t *testing.T) {
	for _, kind := range []string{"other", "gzip", "length"} {
		tgt, arrived := wsTarget(t, "a")
		if kind != "other" {
			tgt = app(t, "a", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				if kind == "gzip" {
					w.Header().Set("Content-Encoding", "gzip")
				} else {
					w.Header().Set("Content-Length", "1000")
				}
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			})
		}
		grp := shop(tgt)
		grp.DeregistrationDelay = 50 * time.Millisecond
		f := start(t, options(grp))
		c := dial(t, f.addr)
		fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
		resp, err := http.ReadResponse(c.br, nil)
		if err != nil {
			t.Fatal(err)
		}
		if kind == "other" {
			at := <-arrived
			io.WriteString(at.c, "any bytes")
			if b, err := c.br.Peek(9); err != nil || string(b) != "any bytes" {
				t.Errorf("got %q, %v", b, err)
			}
			c.br.Discard(9)
		}
		eventually(t, "a stream", func() bool { return f.status(t, "a").Streams == 1 })
		if d := cmp.Diff(DrainResult{Empty: true, Cut: 1}, f.drain(t, "a")); d != "" {
			t.Errorf("%s: %s", kind, d)
		}
		if _, err := io.ReadAll(resp.Body); kind != "other" && err == nil {
			t.Errorf("%s: a cut stream ended cleanly", kind)
		}
	}
}

// A request in flight on a target that drains already becomes a stream: it is
// told at once.
func TestStreamThatBeginsWhileDraining(t *testing.T) {
	arrived, goOn := make(chan struct{}), make(chan struct{})
	slow := app(t, "a", func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-goOn
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: whole\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	f := start(t, options(shop(slow)))
	c := dial(t, f.addr)
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	<-arrived
	f.startDraining(t, "a")
	e := f.mustGroup(t).entries["a"]
	eventually(t, "asking", func() bool { e.mu.Lock(); defer e.mu.Unlock(); return e.drain.asking })
	close(goOn)
	a := c.read("GET")
	if a.err != nil || a.body != "" && a.body != "data: whole\n\n" {
		t.Errorf("got %q, %v", a.body, a.err)
	}
	if d := cmp.Diff(DrainResult{Empty: true, Told: 1}, f.drain(t, "a")); d != "" {
		t.Error(d)
	}
}

func (f *fixture) mustGroup(t *testing.T) *group {
	t.Helper()
	grp, err := f.group("shop")
	if err != nil {
		t.Fatal(err)
	}
	return grp
}
