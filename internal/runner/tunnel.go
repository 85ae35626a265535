package runner

import (
	"context"
	"net"
	"net/http"
	"strings"

	"github.com/evenkeel/evenkeel/internal/limit"
	"github.com/evenkeel/evenkeel/internal/relay"
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

	ahead, err := relay.Switch(here, there, rw.Reader, resp.Header, early)
	if err != nil {
		return // one of the two has gone
	}
	client := limit.Bare(unwrap(here))
	if !strings.EqualFold(upgrade, "websocket") {
		relay.Join(client, there)
		return
	}
	s := streams.NewWebSocket(client, there, streams.WebSocketOptions{HalfClosed: relay.HalfClosed})
	s.Passed(early, ahead)
	stop := whenLeaving(r.Context(), func() { s.Leave() })
	defer stop()
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
