package runner

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/limit"
	"github.com/evenkeel/evenkeel/internal/streams"
	"github.com/evenkeel/evenkeel/internal/upstream"
)

// tunnel joins the two connections of a 101 until both directions have ended. A
// WebSocket that is told to leave is closed with 1012 between two messages;
// other protocols stay until they are cut.
func tunnel(w http.ResponseWriter, r *http.Request, resp *upstream.Response, upgrade string) {
	there, early, err := resp.Hijack()
	if err != nil {
		refuseFailed(w, r, err)
		return
	}
	defer there.Close()
	here, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		refuse(w, http.StatusBadGateway, "this connection cannot be upgraded")
		return
	}
	defer here.Close()
	stopCut := context.AfterFunc(r.Context(), func() { here.Close(); there.Close() })
	defer stopCut()

	var head bytes.Buffer
	head.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	_ = resp.Header.Write(&head) // never fails: bytes.Buffer
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
	s := streams.NewWebSocket(limit.Bare(unwrap(here)), there, streams.WebSocketOptions{})
	s.Passed(early, ahead)
	if strings.EqualFold(upgrade, "websocket") {
		stop := whenLeaving(r.Context(), func() { s.Leave() })
		defer stop()
	}
	s.Run()
}

// unwrap is the connection under that of package drain, which counts: its end
// is told by the caller's Close.
func unwrap(c net.Conn) net.Conn {
	if w, ok := c.(interface{ NetConn() net.Conn }); ok {
		return w.NetConn()
	}
	return c
}
