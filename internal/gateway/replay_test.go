package gateway

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/evenkeel/evenkeel/internal/target"
)

// answering answers the first request of each connection. From the moment that
// dying is set it hangs up on the second, as the sockets of a process do that
// is being killed: one after the other, each after it had looked alive.
func answering(t *testing.T, id string, dying *atomic.Bool, held *sync.WaitGroup) target.Target {
	return script(t, id, func(c net.Conn, br *bufio.Reader, _ int) {
		for n := 0; ; n++ {
			if _, err := http.ReadRequest(br); err != nil || n > 0 && dying.Load() {
				return
			}
			if n == 0 && !dying.Load() {
				held.Done()
				held.Wait() // so that each warm request has a connection of its own
			}
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(id), id)
		}
	})
}

// Connections of a dying target break one after the other: the one replay must
// not meet the next of them.
func TestReplayMeetsNoSecondStaleConnection(t *testing.T) {
	const warm = 4
	for name, targets := range map[string]int{"only target": 1, "one of two": 2} {
		t.Run(name, func(t *testing.T) {
			var dying atomic.Bool
			var held sync.WaitGroup
			held.Add(warm * targets)
			var all []target.Target
			for i := range targets {
				all = append(all, answering(t, string(rune('a'+i)), &dying, &held))
			}
			f := start(t, options(shop(all...)))
			var clients sync.WaitGroup
			for range warm * targets {
				clients.Go(func() { once(t, f.addr, "GET", "/", "") })
			}
			clients.Wait()
			dying.Store(true)
			for i := range warm * targets {
				if a := once(t, f.addr, "GET", "/", ""); a.err != nil || a.StatusCode != 200 {
					t.Errorf("request %d: %v %v", i, a.Response, a.err)
				}
			}
		})
	}
}

// A bound session's target dies: its idle connection breaks, then the listener,
// which the kernel closes last, still takes a new one. The request ends up at
// another target all the same.
func TestReplayLeavesADyingBoundTarget(t *testing.T) {
	var dying atomic.Bool
	dyingTarget := script(t, "a", func(c net.Conn, br *bufio.Reader, _ int) {
		for {
			if _, err := http.ReadRequest(br); err != nil || dying.Load() {
				return
			}
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")
		}
	})
	other := app(t, "b", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "b") })
	f := start(t, options(sticky(target.Move, dyingTarget, other)))
	var cookie string
	for cookie == "" {
		if a := once(t, f.addr, "GET", "/", ""); a.body == "a" {
			cookie = a.cookie()
		}
	}
	dying.Store(true)
	a := once(t, f.addr, "GET", "/", "", "Cookie: "+cookie)
	a.want(t, 200, "b")
	if a.cookie() == "" {
		t.Error("the session was not bound anew")
	}
	if a := once(t, f.addr, "POST", "/", "x", "Cookie: "+cookie); a.err != nil || a.StatusCode != 502 {
		t.Errorf("a POST that was sent is not repeated: %v %v", a.Response, a.err)
	}
}
