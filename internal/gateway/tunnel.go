package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/limit"
	"github.com/evenkeel/evenkeel/internal/streams"
	"github.com/evenkeel/evenkeel/internal/upstream"
)

// halfClosed bounds how long one direction of a tunnel outlives the other.
const halfClosed = 10 * time.Second

// tunnel joins the two connections of a 101 until both directions have ended
// or the target is cut off. A WebSocket can be asked to leave; how other
// protocols end is not known here.
func (x *exchange) tunnel(resp *upstream.Response) {
	h := resp.Header
	x.bind(h)
	there, early, err := resp.Hijack()
	if err != nil {
		x.refuseFailed(asUpstream(err))
		return
	}
	defer there.Close()
	here, rw, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		x.refuse(http.StatusBadGateway, x.on, "this connection cannot be upgraded")
		return
	}
	defer here.Close()
	x.status = http.StatusSwitchingProtocols
	x.group.counters.answered(x.status)
	var ws *streams.WebSocket
	if strings.EqualFold(h.Get("Upgrade"), "websocket") {
		ws = streams.NewWebSocket(limit.Bare(here), there, streams.WebSocketOptions{HalfClosed: halfClosed})
		x.beginStream(ws)
	} else {
		x.beginStream(nil)
	}
	stop := context.AfterFunc(x.ctx, func() { here.Close(); there.Close() })
	defer stop()

	var head bytes.Buffer
	head.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	_ = h.Write(&head) // never fails: bytes.Buffer
	head.WriteString("\r\n")
	head.Write(early)
	if err := here.SetDeadline(time.Time{}); err != nil {
		return
	}
	if _, err := here.Write(head.Bytes()); err != nil {
		return
	}
	ahead := make([]byte, rw.Reader.Buffered())
	if _, err := io.ReadFull(rw.Reader, ahead); err != nil {
		return
	}
	if _, err := there.Write(ahead); err != nil {
		return
	}
	if ws != nil {
		ws.Passed(early, ahead)
		x.bytes = ws.Run()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		pass(there, here)
	}()
	x.bytes = pass(here, there)
	<-done
}

// pass copies one direction. At its end the other side is told; the opposite
// direction then has halfClosed to end, and after an error none at all.
func pass(to, from net.Conn) int64 {
	n, err := io.Copy(to, from)
	half, ok := to.(interface{ CloseWrite() error })
	if err == nil && ok && half.CloseWrite() == nil {
		soon := time.Now().Add(halfClosed)
		if errors.Join(to.SetDeadline(soon), from.SetDeadline(soon)) == nil {
			return n
		}
	}
	to.Close()
	from.Close()
	return n
}
