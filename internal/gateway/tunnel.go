package gateway

import (
	"context"
	"net/http"
	"strings"

	"github.com/evenkeel/evenkeel/internal/limit"
	"github.com/evenkeel/evenkeel/internal/relay"
	"github.com/evenkeel/evenkeel/internal/streams"
	"github.com/evenkeel/evenkeel/internal/upstream"
)

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
		ws = streams.NewWebSocket(limit.Bare(here), there, streams.WebSocketOptions{HalfClosed: relay.HalfClosed})
		x.beginStream(ws)
	} else {
		x.beginStream(nil)
	}
	stop := context.AfterFunc(x.ctx, func() { here.Close(); there.Close() })
	defer stop()

	ahead, err := relay.Switch(here, there, rw.Reader, h, early)
	if err != nil {
		return // one of the two has gone
	}
	if ws != nil {
		ws.Passed(early, ahead)
		x.bytes = ws.Run()
		return
	}
	x.bytes = relay.Join(here, there)
}
