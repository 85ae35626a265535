package drain

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// memory is a listener without a network, for synctest's clock.
type memory struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
	fail  chan error // an error for Accept
}

func newMemory() *memory {
	return &memory{conns: make(chan net.Conn), done: make(chan struct{}), fail: make(chan error)}
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case err := <-m.fail:
		return nil, err
	case <-m.done:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error {
	m.once.Do(func() { close(m.done) })
	return nil
}

func (m *memory) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "memory"} }

var errRefused = errors.New("connection refused")

func (m *memory) dial() (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case m.conns <- theirs:
		return ours, nil
	case <-m.done:
		return nil, errRefused
	}
}

// A fixture is a Drainer in a synctest bubble, with a server whose routes are:
//
//	/quick        answers at once
//	/slow         answers when it is released, heeding nothing
//	/heed         answers when it is released or its context ends
//	/poll         answers when it is released or told to leave
//	/sse          sends an event per second until told to leave or cut
//	/deaf         the same stream, heeding nothing but failing writes
//	/held         a stream that ends when it is released
//	/hijack       echoes lines on the raw connection until that ends
//	/forget       hijacks and returns; a goroutine waits for the end of the connection
//	/panic        panics when it is released
//	/outside/slow like /slow, without going through Handler
type fixture struct {
	t       *testing.T
	d       *Drainer
	l       *memory
	signals chan<- os.Signal
	cancel  context.CancelFunc
	release chan struct{} // one token ends one waiting handler
	log     *strings.Builder
	began   time.Time

	transport *http.Transport // for HTTP/2

	done   chan struct{} // Run has returned
	report Report
	err    error
	over   time.Duration // from the start of Run
}

// inBubble runs f with a Drainer that serves. When f returns, the way out is
// started if it was not, and must end.
func inBubble(t *testing.T, opt Options, f func(x *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		x := newFixture(t, opt)
		f(x)
		x.d.Drain()
		x.wait()
		close(x.release)
		x.sleep(2 * s) // handlers that were cut have noticed; the bubble finds those that have not
	})
}

func newFixture(t *testing.T, opt Options) *fixture {
	t.Helper()
	x := &fixture{t: t, l: newMemory(), release: make(chan struct{}), done: make(chan struct{}), log: &strings.Builder{}}
	opt.Logger = slog.New(slog.NewTextHandler(x.log, nil))
	if opt.Grace == 0 {
		opt.Grace = time.Hour
	}
	d, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	x.d = d
	d.notify = func(c chan<- os.Signal, sig ...os.Signal) func() {
		if len(sig) != len(d.opt.Signals) {
			t.Errorf("notify was asked for %v, want %v", sig, d.opt.Signals)
		}
		x.signals = c
		return func() {}
	}
	ctx, cancel := context.WithCancel(t.Context())
	x.cancel = cancel
	srv := &http.Server{Handler: x.mux(), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), Protocols: new(http.Protocols)}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(true)
	d.Listen(srv, x.l)
	x.began = time.Now()
	go func() {
		defer close(x.done)
		x.report, x.err = d.Run(ctx)
		x.over = time.Since(x.began)
	}()
	synctest.Wait()
	if got := d.State(); got != Serving {
		t.Fatalf("state %v after start, want serving", got)
	}
	return x
}

func (x *fixture) mux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /quick", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "quick") })
	mux.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) {
		<-x.release
		fmt.Fprint(w, "slow")
	})
	mux.HandleFunc("GET /heed", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-x.release:
			fmt.Fprint(w, "heeded")
		case <-r.Context().Done():
			fmt.Fprint(w, context.Cause(r.Context()))
		}
	})
	mux.HandleFunc("GET /poll", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-x.release:
			fmt.Fprint(w, "news")
		case <-Leaving(r.Context()):
			fmt.Fprint(w, "no news")
		}
	})
	mux.HandleFunc("GET /sse/{user}", func(w http.ResponseWriter, r *http.Request) { sse(w, Leaving(r.Context())) })
	mux.HandleFunc("GET /deaf", func(w http.ResponseWriter, _ *http.Request) { sse(w, nil) })
	mux.HandleFunc("GET /held", func(w http.ResponseWriter, r *http.Request) {
		Stream(r.Context())
		<-x.release
		fmt.Fprint(w, "held")
	})
	mux.HandleFunc("GET /hijack", func(w http.ResponseWriter, _ *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		echo(c, rw.Reader)
	})
	mux.HandleFunc("GET /forget", func(w http.ResponseWriter, _ *http.Request) {
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			echo(c, rw.Reader)
		}()
	})
	mux.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) {
		<-x.release
		panic(http.ErrAbortHandler)
	})
	mux.Handle("GET /readyz", x.d.Ready())
	mux.Handle("GET /livez", x.d.Live())
	outer := http.NewServeMux()
	outer.Handle("/", x.d.Handler(mux))
	outer.HandleFunc("/outside/slow", func(w http.ResponseWriter, _ *http.Request) {
		<-x.release
		fmt.Fprint(w, "outside")
	})
	return outer
}

// sse sends an event per second until leaving or an error.
func sse(w http.ResponseWriter, leaving <-chan struct{}) {
	w.Header().Set("Content-Type", "text/event-stream")
	rc := http.NewResponseController(w)
	for {
		if _, err := io.WriteString(w, "data: x\n\n"); err != nil {
			return
		}
		if err := rc.Flush(); err != nil {
			return
		}
		select {
		case <-leaving:
			return
		case <-time.After(time.Second):
		}
	}
}

// echo answers lines until the connection ends; the line "bye" is the last.
func echo(c net.Conn, r *bufio.Reader) {
	for {
		line, err := r.ReadString('\n')
		if err != nil || line == "bye\n" {
			return
		}
		if _, err := io.WriteString(c, line); err != nil {
			return
		}
	}
}

func (x *fixture) signal() {
	x.signals <- syscall.SIGTERM
	synctest.Wait()
}

// reach asserts the present state.
func (x *fixture) reach(want State) {
	x.t.Helper()
	synctest.Wait()
	if got := x.d.State(); got != want {
		x.t.Fatalf("state %v after %v, want %v", got, time.Since(x.began), want)
	}
}

// sleep is the bubble's clock.
func (x *fixture) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// wait until Run has returned, and check what is true of every way out.
func (x *fixture) wait() Report {
	x.t.Helper()
	<-x.done
	checkReport(x.t, x.d, x.report)
	if n := strings.Count(x.log.String(), "msg=stopped"); n != 1 {
		x.t.Errorf("the report was logged %d times, want once:\n%s", n, x.log)
	}
	return x.report
}

func checkReport(t *testing.T, d *Drainer, r Report) {
	t.Helper()
	for name, c := range map[string]Tally{"requests": r.Requests, "streams": r.Streams} {
		if c.InFlight+c.Late != c.Finished+c.Cut {
			t.Errorf("%s: %d in flight + %d late != %d finished + %d cut", name, c.InFlight, c.Late, c.Finished, c.Cut)
		}
	}
	var cut CutRoute
	for _, c := range r.Cut {
		cut.Requests += c.Requests
		cut.Streams += c.Streams
	}
	if cut.Requests != r.Requests.Cut || cut.Streams != r.Streams.Cut {
		t.Errorf("routes hold %+v cut, the tallies %d and %d", cut, r.Requests.Cut, r.Streams.Cut)
	}
	if r.Left < 0 {
		t.Errorf("budget overdrawn: %v left", r.Left)
	}
	if got := d.State(); got != Stopped {
		t.Errorf("state %v after Run, want stopped", got)
	}
	for s := Starting; s <= Stopped; s++ {
		select {
		case <-d.Reached(s):
		default:
			t.Errorf("Reached(%v) is open after Run", s)
		}
	}
	if st := d.Stats(); st.Requests != 0 || st.Streams != 0 || st.Cut != r.Requests.Cut+r.Streams.Cut {
		t.Errorf("stats after Run: %+v", st)
	}
}

// A client is one connection.
type client struct {
	x   *fixture
	c   net.Conn
	r   *bufio.Reader
	err error // of dialling
}

func (x *fixture) connect() *client {
	c, err := x.l.dial()
	if err != nil {
		return &client{x: x, err: err}
	}
	x.t.Cleanup(func() { c.Close() })
	return &client{x: x, c: c, r: bufio.NewReader(c)}
}

// An answer as its client saw it.
type reply struct {
	status int
	body   string
	close  bool  // Connection: close
	err    error // no answer, or not a whole one
}

func (r reply) whole(status int, body string) bool {
	return r.err == nil && r.status == status && strings.TrimSpace(r.body) == body
}

// send writes a request and returns a channel with its answer.
func (c *client) send(path string) <-chan reply {
	out := make(chan reply, 1)
	go func() { out <- c.do(path) }()
	synctest.Wait()
	return out
}

func (c *client) do(path string) reply {
	if c.err != nil {
		return reply{err: c.err}
	}
	if _, err := fmt.Fprintf(c.c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
		return reply{err: err}
	}
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return reply{status: res.StatusCode, body: string(b), close: res.Close, err: err}
}

// get is a request on a connection of its own, answered before it returns.
func (x *fixture) get(path string) reply {
	c := x.connect()
	if c.c != nil {
		defer c.c.Close()
	}
	return <-c.send(path)
}
