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
