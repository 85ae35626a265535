package gateway

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/target"
)

// feed is a target whose event stream the test writes by hand; each piece is a
// write of its own.
func feed(t *testing.T, id string) (target.Target, <-chan net.Conn) {
	t.Helper()
	streams := make(chan net.Conn, 100)
	return script(t, id, func(c net.Conn, br *bufio.Reader, _ int) {
		for {
			r, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			if r.URL.Path == "/" {
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(id), id)
				continue
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n")
			streams <- c
			<-t.Context().Done()
		}
	}), streams
}

func chunk(c net.Conn, s string) error {
	_, err := fmt.Fprintf(c, "%x\r\n%s\r\n", len(s), s)
	return err
}

func TestDrainEndsEventStreams(t *testing.T) {
	for _, nl := range []string{"\n", "\r\n", "\r"} {
		tgt, streams := feed(t, "a")
		other, others := feed(t, "b")
		grp := shop(tgt, other)
		grp.StreamsLeave = time.Millisecond
		f := start(t, options(grp))
		_, idleResp := events(t, f.addr, "/events")
		idleAt := <-streams
		_, keptResp := events(t, f.addr, "/events")
		keptAt := <-others
		busy, busyResp := events(t, f.addr, "/events")
		busyAt := <-streams
		chunk(idleAt, "data: 1"+nl+nl)
		chunk(busyAt, "data: 1"+nl+nl+"data: ")
		buf := make([]byte, 100)
		n, err := io.ReadAtLeast(busyResp.Body, buf, 13+2*len(nl))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.ReadAtLeast(idleResp.Body, buf[n:], 7+2*len(nl)); err != nil || n != 7+2*len(nl) {
			t.Fatalf("%d, %v", n, err)
		}
		f.startDraining(t, "a")
		// Nothing more comes from the target, and yet it ends.
		if b, err := io.ReadAll(idleResp.Body); err != nil || len(b) != 0 {
			t.Errorf("%q: got %q, %v", nl, b, err)
		}
		eventually(t, "both told", func() bool { return f.Stats().Groups[0].Told == 2 })
		for _, piece := range []string{"ha", "lf" + nl[:1], nl[1:] + "id: 7" + nl, nl} {
			if piece != "" {
				chunk(busyAt, piece)
			}
		}
		chunk(busyAt, "data: of the next connection"+nl+nl)
		b, err := io.ReadAll(busyResp.Body)
		whole := "half" + nl + "id: 7" + nl + nl
		// What the target sent in the same instant may be in the same piece.
		if rest, ok := strings.CutPrefix(string(b), whole); err != nil || !ok || rest != "" && rest != "data: of the next connection"+nl+nl {
			t.Errorf("%q: got %q, %v", nl, b, err)
		}
		if d := cmp.Diff(DrainResult{Empty: true, Told: 2}, f.drain(t, "a")); d != "" {
			t.Error(d)
		}
		busy.do("GET", "/", "").want(t, 200, "b") // the client's connection goes on
		chunk(keptAt, "data: still"+nl+nl)
		if n, err := keptResp.Body.Read(buf); err != nil || string(buf[:n]) != "data: still"+nl+nl {
			t.Errorf("%q: the other target's stream: %q, %v", nl, buf[:n], err)
		}
	}
}

// An event that never ends is cut at the deregistration delay, and does not
// look whole.
func TestEventThatNeverEnds(t *testing.T) {
	tgt, streams := feed(t, "a")
	grp := shop(tgt)
	grp.DeregistrationDelay = 50 * time.Millisecond
	f := start(t, options(grp))
	_, resp := events(t, f.addr, "/events")
	chunk(<-streams, "data: ")
	if _, err := io.ReadFull(resp.Body, make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(DrainResult{Empty: true, Told: 1, Cut: 1}, f.drain(t, "a")); d != "" {
		t.Error(d)
	}
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("half an event ended cleanly")
	}
}

// Many streams in random pieces: each ends cleanly after whole events, in
// order and without a gap.
func TestEventStreamsUnderWay(t *testing.T) {
	tgt, streams := feed(t, "a")
	grp := shop(tgt)
	grp.StreamsLeave = 100 * time.Millisecond
	f := start(t, options(grp))
	const n = 12
	begin := make(chan struct{})
	bodies := make(chan string, n)
	for i := range n {
		_, resp := events(t, f.addr, "/events")
		c := <-streams
		go func() {
			r := rand.New(rand.NewPCG(uint64(i), 7))
			nl := []string{"\n", "\r\n", "\r"}[i%3]
			<-begin
			for event := 0; ; event++ {
				s := fmt.Sprintf("id: %d%sdata: x%s%s", event, nl, nl, nl)
				for len(s) > 0 {
					k := 1 + r.IntN(len(s))
					if chunk(c, s[:k]) != nil {
						return
					}
					s = s[k:]
				}
			}
		}()
		go func() {
			b, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Errorf("stream %d: %v", i, err)
			}
			bodies <- string(b)
		}()
	}
	eventually(t, "streams", func() bool { return f.status(t, "a").Streams == n })
	close(begin)
	if d := cmp.Diff(DrainResult{Empty: true, Told: n}, f.drain(t, "a")); d != "" {
		t.Error(d)
	}
	for range n {
		s := strings.ReplaceAll(strings.ReplaceAll(<-bodies, "\r\n", "\n"), "\r", "\n")
		want := &strings.Builder{}
		for event := range strings.Count(s, "\n\n") {
			fmt.Fprintf(want, "id: %d\ndata: x\n\n", event)
		}
		if s != want.String() {
			t.Errorf("ends with %q", s[max(0, len(s)-60):])
		}
	}
}
