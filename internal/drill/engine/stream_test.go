package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

func TestEventReader(t *testing.T) {
	long := strings.Repeat("x", 2*maxLine)
	for _, test := range []struct {
		name, in string
		want     []string
	}{
		{"plain", "id: 1\ndata: a\n\nid: 2\ndata: b\n\n", []string{"1 a", "2 b"}},
		{"ends of lines", "id:1\r\ndata:a\r\n\r\nid:2\rdata:b\r\rid:3\n\n", []string{"1 a", "2 b", "3 "}},
		{"byte order mark", "\ufeffid: 1\n\n", []string{"1 "}},
		{"comments and other fields", ": hello\n\nevent: x\nid: 1\ndata\n: in between\nnothing: 2\n\n", []string{"1 "}},
		{"data of two lines", "data: a\ndata:  b\n\n", []string{"- a\n b"}},
		{"time of reconnection", "retry: 1500\n\nretry: soon\n\nid: 1\nretry: 10\n\n", []string{"-  1.5s", "1  10ms"}},
		{"ends within an event", "id: 1\n\nid: 2\ndata: b\n", []string{"1 "}},
		{"an ID with a zero byte", "id: 1\x002\ndata: a\n\n", []string{"- a"}},
		{"an empty ID", "id\ndata: a\n\n", []string{" a"}},
		{"too long", "data: " + long + "\ndata: y\nid: 1\n\n", []string{"1 " + long[:maxLine-6]}},
	} {
		e := eventReader{r: bufio.NewReader(strings.NewReader(test.in))}
		var got []string
		for {
			m, err := e.next()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					t.Errorf("%s: %v", test.name, err)
				}
				break
			}
			text := "-"
			if m.hasID {
				text = m.id
			}
			text += " " + string(m.data)
			if m.retry > 0 {
				text += " " + m.retry.String()
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(test.want, got); diff != "" && test.name != "too long" || len(got) != len(test.want) {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if test.name == "too long" && len(got[0]) > maxLine+3 {
			t.Errorf("%d bytes were kept", len(got[0]))
		}
	}
}

const (
	eventHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
	chunked   = eventHead + "Transfer-Encoding: chunked\r\n\r\n"
	oneEvent  = "7\r\nid: 7\n\n\r\n"
)

// How a connection ends is told apart, on sockets.
func TestStreamEnds(t *testing.T) {
	for _, test := range []struct {
		name string
		does func(*peerConn)
		want history.StreamEnd
		ids  int
		fail string // Failure.What
	}{
		{"complete", says(chunked + oneEvent + "0\r\n\r\n"), history.Announced, 1, ""},
		{"complete at the end of the connection", ends(eventHead + "\r\nid: 7\n\n"), history.Announced, 1, ""},
		{"cut between chunks", ends(chunked + oneEvent), history.Abrupt, 1, ""},
		{"cut within a chunk", ends(chunked + oneEvent + "8\r\nid:"), history.Abrupt, 1, ""},
		{"reset", resets(chunked + oneEvent), history.Abrupt, 1, ""},
		{"malformed", ends(chunked + oneEvent + "what is this\r\n"), history.Abrupt, 1, ""},
		{"dropped by the user", says(chunked + oneEvent + "7\r\nid: 8\n\n\r\n7\r\nid: 9\n\n\r\n"), history.Dropped, 2, ""},
		{"silent", says(chunked + oneEvent), history.Silent, 1, ""},
		{"no answer", says(""), history.Refused, 0, "timeout"},
		{"reset before an answer", resets(""), history.Refused, 0, "reset"},
		{"turned away", says("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"), history.Refused, 0, ""},
		{"unavailable", says("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"), history.Refused, 0, "status"},
		{"a page", says(good), history.Refused, 0, "malformed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			within := patient
			if test.want == history.Silent || test.fail == "timeout" {
				within = 100 * time.Millisecond
			}
			u := newUser(t, newPeer(t, script{test.does}).url, ClientOptions{})
			ids := 0
			x, end := u.stream(t.Context(), Request{Method: "GET", Path: "/"}, within, func(message) bool { ids++; return ids < 2 })
			got := ""
			if x.Failure != nil {
				got = x.Failure.What
			}
			if end != test.want || ids != test.ids || got != test.fail {
				t.Errorf("%v after %d events, failure %q (%v), want %v after %d, %q", end, ids, got, x.Err, test.want, test.ids, test.fail)
			}
			if n := u.c.open.Load(); n != 0 {
				t.Errorf("%d connections are open", n)
			}
		})
	}
}

func TestStreamIsRefusedWithoutAService(t *testing.T) {
	u := newUser(t, "http://127.0.0.1:1", ClientOptions{})
	x, end := u.stream(t.Context(), Request{Method: "GET", Path: "/"}, patient, nil)
	if end != history.Refused || x.Failure == nil || x.Failure.What != "refused" || x.Sent >= 0 {
		t.Errorf("%v: %+v", end, x)
	}
}

// streamFault changes what the probe's stream would do; n counts the requests
// for streams.
type streamFault func(w http.ResponseWriter, r *http.Request, n int64, probe http.Handler)

func planted(probe http.Handler, fault streamFault) http.Handler {
	var n atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fault == nil || !ofStream(r) {
			probe.ServeHTTP(w, r)
			return
		}
		fault(w, r, n.Add(1), probe)
	})
}

// shift resumes elsewhere.
func shift(by int) streamFault {
	return func(w http.ResponseWriter, r *http.Request, _ int64, probe http.Handler) {
		if last, err := strconv.Atoi(r.Header.Get("Last-Event-ID")); err == nil {
			r.Header.Set("Last-Event-ID", strconv.Itoa(max(last+by, 0)))
		}
		probe.ServeHTTP(w, r)
	}
}

// within changes the events on their way.
func within(f func(id int, event string) string) streamFault {
	return func(w http.ResponseWriter, r *http.Request, _ int64, probe http.Handler) {
		probe.ServeHTTP(&editor{ResponseWriter: w, f: f}, r)
	}
}

// editor rewrites the probe's events, each of which is one Write.
type editor struct {
	http.ResponseWriter
	f func(id int, event string) string
}

func (e *editor) Unwrap() http.ResponseWriter { return e.ResponseWriter }

func (e *editor) Write(p []byte) (int, error) {
	var id int
	if _, err := fmt.Sscanf(string(p), "id: %d", &id); err != nil {
		return e.ResponseWriter.Write(p)
	}
	_, err := io.WriteString(e.ResponseWriter, e.f(id, string(p)))
	return len(p), err
}

func ignoresLastEventID(w http.ResponseWriter, r *http.Request, _ int64, probe http.Handler) {
	r.Header.Del("Last-Event-ID")
	probe.ServeHTTP(w, r)
}

// cut ends streams, every other one abruptly.
func cut(w http.ResponseWriter, r *http.Request, n int64, probe http.Handler) {
	ctx, cancel := context.WithTimeout(r.Context(), 850*time.Millisecond)
	defer cancel()
	probe.ServeHTTP(w, r.WithContext(ctx))
	if n%2 == 0 {
		panic(http.ErrAbortHandler)
	}
}

// resumes answers a resume by itself.
func resumes(answer http.HandlerFunc) streamFault {
	return func(w http.ResponseWriter, r *http.Request, _ int64, probe http.Handler) {
		if r.Header.Get("Last-Event-ID") == "" {
			probe.ServeHTTP(w, r)
			return
		}
		answer(w, r)
	}
}

func unavailable(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusServiceUnavailable)
}

func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// silent opens a stream and says nothing.
func silent(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	if err := http.NewResponseController(w).Flush(); err == nil {
		hangs(w, r)
	}
}

var streamFaults = []struct {
	name  string
	fault streamFault
	bad   []check.ID
	says  string
}{
	{"none", nil, nil, ""},
	{"ends in order or abruptly", cut, nil, ""},
	{"skips at a resume", shift(+3), []check.ID{check.G11}, "was resumed after"},
	{"repeats at a resume", shift(-2), []check.ID{check.G11}, "was resumed after"},
	{"ignores Last-Event-ID", ignoresLastEventID, []check.ID{check.G11}, "goes on with event 1"},
	{"skips an event", within(func(id int, event string) string {
		if id%7 == 0 {
			return ""
		}
		return event
	}), []check.ID{check.G11}, "goes on with event"},
	{"repeats an event", within(func(id int, event string) string {
		if id%7 == 0 {
			return event + event
		}
		return event
	}), []check.ID{check.G11}, "goes on with event"},
	{"begins again within", within(func(id int, event string) string {
		return strings.Replace(event, "id: "+strconv.Itoa(id), "id: "+strconv.Itoa(1+(id-1)%9), 1)
	}), []check.ID{check.G11}, "goes on with event"},
	{"is another's", within(func(_ int, event string) string {
		return strings.Replace(event, `"u":"u`, `"u":"u9`, 1)
	}), []check.ID{check.G6}, "marker of u9"},
	{"is never resumed", resumes(unavailable), []check.ID{check.G11}, "had not come or gone on"},
	{"hangs when it is resumed", resumes(hangs), []check.ID{check.G11}, "had not come or gone on"},
	{"is silent when it is resumed", resumes(silent), []check.ID{check.G11}, "had not come or gone on"},
	{"never comes", func(w http.ResponseWriter, r *http.Request, _ int64, _ http.Handler) { unavailable(w, r) }, []check.ID{check.G11}, "had not come or gone on"},
	{"is resumed late", func(w http.ResponseWriter, r *http.Request, _ int64, probe http.Handler) {
		if r.Header.Get("Last-Event-ID") != "" {
			select {
			case <-time.After(4500 * time.Millisecond): // after the user has waited for 1 s
			case <-r.Context().Done():
				return
			}
		}
		probe.ServeHTTP(w, r)
	}, []check.ID{check.G11}, "the stream of"},
	{"asks for a long wait", within(func(_ int, event string) string { return "retry: 6000\n" + event }), []check.ID{check.G11}, "the stream of"},
	{"turns away who resumes", resumes(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }), []check.ID{check.G1}, "answered as anonymous"},
}

// Each fault is found under its own guarantee and no other, and a service
// without one is clean, however its streams end.
func TestStreamsAreJudged(t *testing.T) {
	for _, test := range streamFaults {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, s := judged(t, planted((&service{}).handler(t), test.fault), Options{Users: 20, Duration: 40 * time.Second, Seed: 5}, check.Options{})
				wantBad(t, o, test.bad...)
				wantStreams(t, s.streams)
				if g := o.Guarantee(check.G11); len(test.bad) == 0 && g.Exposed < 50 {
					t.Errorf("exposed %d times", g.Exposed)
				}
				for _, v := range o.Violations {
					if !strings.Contains(v.Detail, test.says) {
						t.Errorf("%v says %q, want something of %q", v.Guarantee, v.Detail, test.says)
					}
				}
			})
		})
	}
}

// wantStreams checks what every user's connections have to be, whatever the
// service did: one after another, each going on where the one before it ended.
func wantStreams(t *testing.T, ops []history.Op) {
	t.Helper()
	before := map[[2]int]history.Op{}
	users := map[int]bool{}
	for _, op := range ops {
		users[op.User] = true
		k, c := [2]int{op.User, op.Epoch}, op.Connection
		if c.Broken > op.Call || op.Return < op.Call || c.Events > 0 && (c.FirstAt < op.Call || c.LastAt < c.FirstAt || c.LastAt > op.Return) {
			t.Errorf("a connection from %v to %v: %+v", op.Call, op.Return, c)
		}
		if b, ok := before[k]; ok {
			last := b.Connection.LastEventID
			if b.Connection.Events > 0 {
				last = b.Connection.Last
			}
			if op.Call < b.Return || c.LastEventID != last || b.Connection.End == history.Stopped {
				t.Errorf("a connection at %v: %+v, after one until %v: %+v", op.Call, c, b.Return, b.Connection)
			}
		} else if c.LastEventID != 0 {
			t.Errorf("a first connection at %v asks for %d", op.Call, c.LastEventID)
		}
		before[k] = op
	}
	if len(users) != 5 {
		t.Errorf("%d users held a stream, want 5", len(users))
	}
}

// Over sockets the judgement is the same.
func TestStreamsOnSockets(t *testing.T) {
	for _, test := range streamFaults[:5] {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(planted((&service{}).handler(t), test.fault))
			defer srv.Close()
			o, s := judge(t, Options{
				Targets: []string{srv.URL}, Users: 8, Duration: 3 * time.Second, Seed: 6, Pace: Pace{Think: 200 * time.Millisecond},
				Slow: Slow{Kept: -1}, Streams: Streams{Retry: 50 * time.Millisecond, Drop: 300 * time.Millisecond, Within: patient},
			}, check.Options{ResumeWithin: patient})
			wantBad(t, o, test.bad...)
			wantStreams(t, s.streams)
			if g := o.Guarantee(check.G11); g.Exposed == 0 {
				t.Error("never exposed")
			}
		})
	}
}

func TestNoStreams(t *testing.T) {
	for name, opt := range map[string]Options{
		"not wanted":  {Streams: Streams{Users: -1}},
		"not offered": {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := (&service{}).handler(t)
				if name == "not offered" {
					h = planted(h, func(w http.ResponseWriter, r *http.Request, _ int64, _ http.Handler) { http.NotFound(w, r) })
				}
				opt.Users, opt.Duration = 10, 5*time.Second
				o, s := judged(t, h, opt, check.Options{})
				wantBad(t, o)
				if g := o.Guarantee(check.G11); g.Status != check.NotExercised || len(s.streams) != 0 {
					t.Errorf("%+v with %d connections", g, len(s.streams))
				}
			})
		})
	}
}
