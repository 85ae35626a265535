package engine

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// Streams are held open by some of the users besides what they do, each on a
// connection of its own that is none of ClientOptions.Lanes.
type Streams struct {
	// Users who hold one; 0 is one in ten and at least five, negative none.
	Users int
	// Retry is how long after a break a stream is asked for again, until the
	// service says otherwise with "retry:". 0 is 1 s.
	Retry time.Duration
	// Within is how long a stream may be silent before it is given up. 0 is
	// history.ResumeWithin.
	Within time.Duration
	// Drop is for how long a connection is kept, on average, before the user
	// drops it, so that streams are resumed even where nothing breaks them. 0
	// is 4 s, negative: for ever.
	Drop time.Duration
}

func (s Streams) withDefaults(users int) Streams {
	s.Users = min(max(cmp.Or(s.Users, max(users/10, 5)), 0), users)
	s.Retry = cmp.Or(s.Retry, time.Second)
	s.Within = cmp.Or(s.Within, history.ResumeWithin)
	s.Drop = cmp.Or(s.Drop, 4*time.Second)
	return s
}

// Streamer is what a Dialect has besides if the service offers a stream.
type Streamer interface {
	// StreamRequest asks for the events after the one with that ID; 0: for the
	// stream as it begins.
	StreamRequest(last uint64) Request
	// Read fills op with the times and facts of the exchange, which ended when
	// the stream did.
	Read(op *history.Op, x *Exchange)
	// StreamUser is whom an event's data names, "" nobody.
	StreamUser(data []byte) string
}

// StreamRequest is the probe's stream call.
func (p Probe) StreamRequest(last uint64) Request {
	r := p.Request(Call{Kind: history.Stream})
	r.Fields = append(r.Fields, Field{"Accept", "text/event-stream"}, Field{"Cache-Control", "no-cache"})
	if last > 0 {
		r.Fields = append(r.Fields, Field{"Last-Event-ID", strconv.FormatUint(last, 10)})
	}
	return r
}

// StreamUser is "u" of an event's data.
func (p Probe) StreamUser(data []byte) string {
	var b struct {
		User string `json:"u"`
	}
	if json.Unmarshal(data, &b) != nil { // the contract asks for no data
		return ""
	}
	return b.User
}

// streams asks for the stream once, until its first event has come; false if
// there is no such call.
func (p Probe) streams(ctx context.Context, u *User, within time.Duration) bool {
	x, _ := u.stream(ctx, p.StreamRequest(0), within, func(message) bool { return false })
	return x.Status != http.StatusNotFound
}

// stream sends req on a connection of its own and hands the messages of the
// answer on as they come, until the stream ends, nothing has come for that
// long, ctx ends or heard returns false. The exchange has no body; its failure
// is that of a stream that did not come about.
func (u *User) stream(ctx context.Context, req Request, within time.Duration, heard func(message) bool) (Exchange, history.StreamEnd) {
	x := Exchange{Due: req.Due, Call: u.c.clock.Now(), Sent: -1}
	l, err := u.c.dial(ctx)
	connected := err == nil
	end := history.Refused
	if connected {
		end, err = u.hear(ctx, l, req, within, &x, heard)
		u.c.close(l)
	}
	x.Return, x.Err = u.c.clock.Now(), err
	switch {
	case ctx.Err() != nil && end != history.Dropped:
		end = history.Stopped
	case end == history.Refused && err != nil:
		x.Failure = &history.Failure{What: what(err, connected), Idempotent: true, Answered: connected && l.got > 0}
	case x.Status >= 500:
		x.Failure = &history.Failure{What: "status", Idempotent: true, Answered: true}
	}
	return x, end
}

// hear reads a stream to its end.
func (u *User) hear(ctx context.Context, l *lane, req Request, within time.Duration, x *Exchange, heard func(message) bool) (history.StreamEnd, error) {
	stop := context.AfterFunc(ctx, func() {
		_ = l.conn.SetDeadline(past) // fails if the connection is closed already, which will do
	})
	defer stop()
	in := &hearing{ctx: ctx, lane: l, until: time.Now().Add(within)}
	if err := in.extend(); err != nil {
		return history.Refused, err
	}
	x.Cookie = u.present(req)
	x.Sent = u.c.clock.Now()
	if err := l.send(req, x.Cookie); err != nil {
		return history.Refused, err
	}
	r := readers.Get().(*bufio.Reader)
	r.Reset(in)
	defer func() {
		r.Reset(nil)
		readers.Put(r)
	}()
	resp, err := l.head(r, req.Method)
	if err != nil {
		return history.Refused, l.reason(err)
	}
	defer func() {
		l.conn.Close() // first: closing the body reads the rest of it
		resp.Body.Close()
	}()
	u.arrived(resp.Header)
	x.Status, x.Header = resp.StatusCode, resp.Header
	if resp.StatusCode != http.StatusOK {
		return history.Refused, nil
	}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || kind != "text/event-stream" {
		return history.Refused, errNoStream
	}
	return in.messages(resp.Body, within, heard)
}

// errNoStream: a 200 whose content is something else.
var errNoStream = errors.New("the answer is no text/event-stream")

// hearing reads from a lane until a moment that moves on with each event.
type hearing struct {
	ctx   context.Context
	lane  *lane
	until time.Time
}

// extend sets the deadline, unless ctx has ended: then its own stays.
func (h *hearing) extend() error {
	if err := h.lane.conn.SetDeadline(h.until); err != nil {
		return err
	}
	return h.ctx.Err()
}

func (h *hearing) Read(p []byte) (int, error) {
	if err := h.extend(); err != nil {
		return 0, err
	}
	return h.lane.Read(p)
}

// messages hands on what comes, and tells how it ended.
func (h *hearing) messages(body io.Reader, within time.Duration, heard func(message) bool) (history.StreamEnd, error) {
	r := readers.Get().(*bufio.Reader)
	r.Reset(body)
	defer func() {
		r.Reset(nil)
		readers.Put(r)
	}()
	events := eventReader{r: r}
	for {
		m, err := events.next()
		switch {
		case errors.Is(err, io.EOF):
			return history.Announced, nil
		case isTimeout(err):
			return history.Silent, err
		case err != nil:
			return history.Abrupt, h.lane.reason(err)
		}
		if m.hasID {
			h.until = time.Now().Add(within)
		}
		if !heard(m) {
			return history.Dropped, nil
		}
	}
}
