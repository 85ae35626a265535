package role

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/evenkeel/evenkeel/bench/gateway/frames"
)

// socket is a WebSocket that echoes. At SIGTERM its client is told.
func (s *service) socket(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Sec-WebSocket-Key")
	if key == "" {
		http.Error(w, "not a WebSocket", http.StatusBadRequest)
		return
	}
	c, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	s.sockets.Add(1)
	defer s.sockets.Done()
	defer c.Close()
	if _, err := fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Accept: %s\r\nX-Instance: %s\r\n\r\n", frames.Accept(key), s.name); err != nil {
		return
	}
	// A read that waits is ended, and what it has read by then is answered.
	stop := context.AfterFunc(s.term, func() { _ = c.SetReadDeadline(time.Now()) })
	defer stop()
	if echo(c, rw.Reader) || s.term.Err() == nil {
		return
	}
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if frames.Write(c, frames.Close, frames.Status(1001), false) == nil {
		echo(c, rw.Reader) // until the client says so too
	}
}

// echo reports whether the WebSocket has ended as the protocol wants.
func echo(c net.Conn, r *bufio.Reader) bool {
	for {
		op, payload, err := frames.Read(r)
		if err != nil {
			return false
		}
		if op == frames.Ping {
			op = frames.Pong
		}
		if err := frames.Write(c, op, payload, false); err != nil {
			return false
		}
		if op == frames.Close {
			return true
		}
	}
}
