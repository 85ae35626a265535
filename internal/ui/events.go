package ui

import (
	"context"
	"errors"
	"net/http"
	"os"
	"time"
)

// heartbeat is how long a connection may be silent, so that whatever stands
// between does not take it for dead.
const heartbeat = 15 * time.Second

// serveEvents streams states to one viewer:
//
//	id: 7
//	data: {"all":false,"points":[{…}],"state":{…}}
//
// The first message has all points of the charts and "all" true, and so has
// one after messages were overtaken; each other has its own point, or none
// while the clock stands still. The last is "event: end".
func (p *Page) serveEvents(w http.ResponseWriter, r *http.Request) {
	select {
	case p.viewers <- struct{}{}:
		defer func() { <-p.viewers }()
	default:
		refuse(w, http.StatusServiceUnavailable, refusal{Error: "too many people are watching; try again in a moment", retryAfter: 5})
		return
	}
	if p.latest.Load().last {
		refuse(w, http.StatusServiceUnavailable, refusal{Error: "the demo has ended", retryAfter: 5})
		return
	}
	v := viewer{w: w, c: http.NewResponseController(w), timeout: p.opt.WriteTimeout}
	w.Header().Set("Content-Type", "text/event-stream")
	if err := p.stream(r.Context(), v); errors.Is(err, os.ErrDeadlineExceeded) {
		p.counts.dropped.Add(1)
		p.opt.Logger.Debug("viewer dropped", "error", err)
	}
}

// stream returns when the viewer has left, does not read, or has been told
// that there is no more. Its error is that of the connection.
func (p *Page) stream(ctx context.Context, v viewer) error {
	if err := v.send([]byte("retry: 1000\n\n")); err != nil {
		return err
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	f, seen := p.latest.Load(), uint64(0)
	for {
		if f.last {
			return v.send([]byte("event: end\ndata: {}\n\n"))
		}
		if f.state != nil && f.id != seen {
			if err := v.send(f.since(seen)); err != nil {
				return err
			}
			p.counts.sent.Add(1)
			if seen > 0 {
				p.counts.overtaken.Add(f.id - seen - 1)
			}
			seen = f.id
			beat.Reset(heartbeat)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.replaced:
			f = p.latest.Load()
		case <-beat.C:
			if err := v.send([]byte(": still here\n\n")); err != nil {
				return err
			}
		}
	}
}

// viewer is one connection.
type viewer struct {
	w       http.ResponseWriter
	c       *http.ResponseController
	timeout time.Duration
}

func (v viewer) send(message []byte) error {
	if err := v.c.SetWriteDeadline(time.Now().Add(v.timeout)); err != nil {
		return err
	}
	if _, err := v.w.Write(message); err != nil {
		return err
	}
	return v.c.Flush()
}
