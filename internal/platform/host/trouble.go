package host

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strconv"
	"syscall"
	"time"
)

// Trouble is the state of one endpoint: what was last said about it, and when
// it may be tried again. It belongs to one goroutine.
type Trouble struct {
	log         *slog.Logger
	what        string
	first, most time.Duration
	kind        string // of the failure that was logged; empty: it works
	wait        time.Duration
	again       time.Time
}

// NewTrouble is for an endpoint that is called so in the log. After a failure
// it waits first, after each further one twice as long, at the most most.
func NewTrouble(log *slog.Logger, what string, first, most time.Duration) *Trouble {
	return &Trouble{log: log, what: what, first: first, most: most}
}

// Ready tells whether the endpoint may be tried.
func (t *Trouble) Ready(now time.Time) bool { return !now.Before(t.again) }

// Note takes the outcome of a call. It logs only what is new. Attributes are
// for the first log of a failure, such as what to do about it.
func (t *Trouble) Note(now time.Time, err error, attrs ...slog.Attr) {
	if err == nil {
		if t.kind != "" {
			t.log.LogAttrs(context.Background(), slog.LevelInfo, "the platform's endpoint works again", slog.String("endpoint", t.what))
		}
		t.kind, t.wait, t.again = "", 0, time.Time{}
		return
	}
	t.wait = min(max(2*t.wait, t.first), t.most)
	t.again = now.Add(t.wait)
	if k := kind(err); k != t.kind {
		t.kind = k
		attrs = append([]slog.Attr{slog.String("endpoint", t.what), slog.Any("error", err)}, attrs...)
		t.log.LogAttrs(context.Background(), slog.LevelWarn, "the platform's endpoint fails", attrs...)
	}
}

// kind tells failures apart without what differs at each attempt, such as
// ports and request IDs.
func kind(err error) string {
	var errno syscall.Errno
	var named interface{ Kind() string }
	switch code := Status(err); {
	case errors.As(err, &named):
		return named.Kind()
	case code != 0:
		return "status " + strconv.Itoa(code)
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		return "timeout"
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return "eof"
	}
	return "other"
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}
