package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/upstream"
)

// Bounds of what a stranger can write into one record.
const (
	maxLoggedPath  = 1024
	maxLoggedAgent = 256
)

// accessLog decides which requests are written, and writes them. Nil writes
// none.
type accessLog struct {
	log    *slog.Logger
	file   *accessFile // behind log; nil: it is the embedder's
	sample float64
}

func newAccessLog(o AccessOptions) *accessLog {
	switch {
	case o.Logger != nil:
		return &accessLog{log: o.Logger, sample: o.Sample}
	case o.Path != "":
		f := newAccessFile(o.Path)
		return &accessLog{log: slog.New(slog.NewJSONHandler(f, nil)), file: f, sample: o.Sample}
	}
	return nil
}

func (a *accessLog) dropped() uint64 {
	if a == nil || a.file == nil {
		return 0
	}
	return a.file.dropped.Load()
}

// do is one attempt, with its time until the answer's head for the log.
func (x *exchange) do(e *entry) (*upstream.Response, error) {
	if x.g.access == nil {
		return e.pool.Do(x.ctx, &x.out)
	}
	start := time.Now()
	defer func() { x.waited += time.Since(start) }()
	return e.pool.Do(x.ctx, &x.out)
}

// log writes the access log's record of a request: always of one that failed,
// of others by chance.
func (x *exchange) log(start time.Time) {
	a := x.g.access
	if a == nil {
		return
	}
	failed := x.status >= http.StatusInternalServerError || x.lastErr != nil || x.status == 0
	if !failed && a.sample < 1 && rand.Float64() >= a.sample {
		return
	}
	a.log.LogAttrs(context.WithoutCancel(x.r.Context()), slog.LevelInfo, "request", x.record(time.Since(start))...)
}

// record says nothing that opens a session: no query, no path parameter, no
// cookie, no other field.
func (x *exchange) record(duration time.Duration) []slog.Attr {
	attrs := make([]slog.Attr, 0, 16)
	attrs = append(attrs,
		slog.String("client", x.client()), slog.String("method", clip(x.r.Method, 32)), slog.String("path", loggedPath(x.r.URL.Path)),
		slog.String("protocol", x.r.Proto), slog.Int("status", x.status),
		slog.String("target", x.targetID()), slog.Int("attempts", x.attempts), slog.Int64("bytes", x.bytes),
		slog.Duration("duration", duration), slog.Duration("upstream_duration", x.waited),
	)
	if x.group != nil {
		attrs = append(attrs, slog.String("group", x.group.Name))
	}
	if agent := x.r.Header.Get("User-Agent"); agent != "" {
		attrs = append(attrs, slog.String("user_agent", clip(agent, maxLoggedAgent)))
	}
	if id := traceID(x.r.Header); id != "" && x.group != nil { // without a group nobody has checked it
		attrs = append(attrs, slog.String("trace_id", id))
	}
	if x.lastErr != nil {
		attrs = append(attrs, slog.String("error", fmt.Sprint(x.lastErr.Err)))
	}
	return attrs
}

// client is who asked, as far as trusted hops can say.
func (x *exchange) client() string {
	if x.fwd[0] == "" { // refused before it was prepared
		return x.g.clientAddress(remoteHost(x.r.RemoteAddr))
	}
	return x.g.clientAddress(x.fwd[0])
}

// loggedPath leaves path parameters out: servers write session IDs there
// (/cart;jsessionid=…).
func loggedPath(path string) string {
	if strings.IndexByte(path, ';') >= 0 {
		segments := strings.Split(path, "/")
		for i, s := range segments {
			segments[i], _, _ = strings.Cut(s, ";")
		}
		path = strings.Join(segments, "/")
	}
	return clip(path, maxLoggedPath)
}

// clip cuts at n bytes, and what is not UTF-8 out.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}
