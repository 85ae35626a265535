package probe_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/probe"
)

const secret = "0123456789-0123456789-0123"

func newProbe(t *testing.T, calls probe.Calls, opt probe.Options) *probe.Handler {
	t.Helper()
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	p, err := probe.New(secret, calls, opt)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// browser keeps one cookie.
type browser struct {
	h      http.Handler
	cookie string
}

func (b *browser) request(method, path, body string) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("X-Evenkeel-Probe", secret)
	if b.cookie != "" {
		r.Header.Set("Cookie", "sid="+b.cookie)
	}
	return r
}

func (b *browser) do(method, path, body string) (int, string) {
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, b.request(method, path, body))
	for _, c := range w.Result().Cookies() {
		b.cookie = c.Value
	}
	return w.Code, w.Body.String()
}

func (b *browser) want(t *testing.T, call string, status int, body string) {
	t.Helper()
	method, path, _ := strings.Cut(call, " ")
	if code, got := b.do(method, path, ""); code != status || got != body {
		t.Errorf("%s: %d %q, want %d %q", call, code, got, status, body)
	}
}

func TestEveryCallOfTheContract(t *testing.T) {
	b := &browser{h: newProbe(t, newApp().calls(), probe.Options{Instance: "shop-1"})}
	for _, call := range []string{"GET /probe/state", "POST /probe/append?k=a&t=x", "POST /probe/incr", "POST /probe/rotate", "GET /probe/stream"} {
		b.want(t, call, 401, "{}\n")
	}
	b.want(t, "GET /probe/slow?ms=0", 200, "{}\n")
	b.want(t, "POST /probe/logout", 200, "{}\n")

	b.want(t, "POST /probe/login?u=alice", 200, "{}\n")
	first := b.cookie
	b.want(t, "GET /probe/state", 200, `{"u":"alice","t":[],"n":0,"i":"shop-1"}`+"\n")
	b.want(t, "POST /probe/append?k=a3&t=T1", 200, "{}\n")
	b.want(t, "POST /probe/append?k=a4&t=T2", 200, "{}\n")
	b.want(t, "POST /probe/incr", 200, `{"n":1}`+"\n")
	b.want(t, "POST /probe/incr", 200, `{"n":2}`+"\n")
	b.want(t, "POST /probe/rotate", 200, "{}\n")
	if b.cookie == first {
		t.Error("rotate kept the session ID")
	}
	b.want(t, "GET /probe/state", 200, `{"u":"alice","t":["T1","T2"],"n":2,"i":"shop-1"}`+"\n")

	second := b.cookie
	b.want(t, "POST /probe/login?u=bob", 200, "{}\n")
	if b.cookie == second {
		t.Error("login kept the session ID")
	}
	b.want(t, "GET /probe/state", 200, `{"u":"bob","t":[],"n":0,"i":"shop-1"}`+"\n")
	old := b.cookie
	b.want(t, "POST /probe/logout", 200, "{}\n")
	b.cookie = old
	b.want(t, "GET /probe/state", 401, "{}\n")
}

func TestParametersInAForm(t *testing.T) {
	b := &browser{h: newProbe(t, newApp().calls(), probe.Options{})}
	if code, body := b.do("POST", "/probe/login", "u=alice"); code != 200 {
		t.Fatal(code, body)
	}
	if code, body := b.do("POST", "/probe/append", "k=a&t=x%2By"); code != 200 {
		t.Fatal(code, body)
	}
	b.want(t, "GET /probe/state", 200, `{"u":"alice","t":["x+y"],"n":0,"i":""}`+"\n")
}

func TestLimits(t *testing.T) {
	b := &browser{h: newProbe(t, newApp().calls(), probe.Options{MaxSlow: time.Second})}
	b.want(t, "POST /probe/login?u=alice", 200, "{}\n")
	long := func(n int) string { return strings.Repeat("x", n) }
	for call, status := range map[string]int{
		"POST /probe/login":                         400,
		"POST /probe/login?u=":                      400,
		"POST /probe/login?u=" + long(65):           400,
		"POST /probe/login?u=a%00b":                 400,
		"POST /probe/login?u=%zz":                   400,
		"POST /probe/append?k=a":                    400,
		"POST /probe/append?t=a":                    400,
		"POST /probe/append?t=a&k=" + long(65):      400,
		"POST /probe/append?t=a&k=" + long(64):      200,
		"POST /probe/append?k=a&t=" + long(257):     400,
		"POST /probe/append?k=a&t=" + long(256):     200,
		"POST /probe/append?k=a&t=b%0d%0a":          400,
		"GET /probe/slow":                           400,
		"GET /probe/slow?ms=-1":                     400,
		"GET /probe/slow?ms=1001":                   400,
		"GET /probe/slow?ms=99999999999999999999":   400,
		"GET /probe/login?u=alice":                  405,
		"POST /probe/state":                         405,
		"GET /probe/none":                           404,
		"GET /elsewhere":                            404,
		"POST /probe/append?k=a&t=x&filler=" + "x;": 400,
	} {
		method, path, _ := strings.Cut(call, " ")
		if code, body := b.do(method, path, ""); code != status {
			t.Errorf("%.60s: %d %q, want %d", call, code, body, status)
		}
	}
	if code, _ := b.do("POST", "/probe/login", "u=a&pad="+long(9<<10)); code != 400 {
		t.Errorf("a form of 9 KiB: %d, want 400", code)
	}
}

func TestSecret(t *testing.T) {
	for _, s := range []string{"", "short", strings.Repeat("x", probe.MinSecret-1)} {
		if _, err := probe.New(s, newApp().calls(), probe.Options{}); !errors.Is(err, probe.ErrSecret) {
			t.Errorf("secret of %d bytes: %v, want ErrSecret", len(s), err)
		}
	}
	p := newProbe(t, newApp().calls(), probe.Options{Header: "X-Key", Prefix: "drill/"})
	for given, status := range map[string]int{"": 404, "wrong": 403, secret + "x": 403, secret[1:]: 403, secret: 200} {
		r := httptest.NewRequest("POST", "/drill/login?u=alice", nil)
		r.Header.Set("X-Key", given)
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("secret %q: %d, want %d", given, w.Code, status)
		}
		if status != 200 && len(w.Result().Cookies()) > 0 {
			t.Errorf("secret %q: signed in", given)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	ok := newApp().calls()
	for name, f := range map[string]func() (*probe.Handler, error){
		"no principal":     func() (*probe.Handler, error) { return probe.New(secret, probe.Calls{}, probe.Options{}) },
		"negative slow":    func() (*probe.Handler, error) { return probe.New(secret, ok, probe.Options{MaxSlow: -1}) },
		"prefix of a mux":  func() (*probe.Handler, error) { return probe.New(secret, ok, probe.Options{Prefix: "/{x}"}) },
		"prefix of a host": func() (*probe.Handler, error) { return probe.New(secret, ok, probe.Options{Prefix: "/a b"}) },
	} {
		if _, err := f(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestNotOffered(t *testing.T) {
	a := newApp()
	b := &browser{h: newProbe(t, probe.Calls{Principal: a.principal, SignIn: a.signIn}, probe.Options{})}
	b.want(t, "POST /probe/login?u=alice", 200, "{}\n")
	for _, call := range []string{"POST /probe/append?k=a&t=b", "GET /probe/state", "POST /probe/incr", "POST /probe/rotate", "POST /probe/logout"} {
		method, path, _ := strings.Cut(call, " ")
		if code, _ := b.do(method, path, ""); code != 404 {
			t.Errorf("%s: %d, want 404", call, code)
		}
	}
}

// Somebody who is not a drill user is neither read, changed nor signed out.
func TestOnlyDrillUsers(t *testing.T) {
	a := newApp()
	b := &browser{h: newProbe(t, a.calls(), probe.Options{})}
	a.sessions["real"] = &content{principal: "customer@example.com", tokens: map[string][]string{}}
	b.cookie = "real"
	b.want(t, "GET /probe/state", 401, "{}\n")
	b.want(t, "POST /probe/append?k=a&t=b", 401, "{}\n")
	b.want(t, "POST /probe/logout", 200, "{}\n")
	if code, _ := b.do("POST", "/probe/login?u=alice", ""); code != 403 {
		t.Errorf("login over somebody's session: %d, want 403", code)
	}
	if c := a.sessions["real"]; c == nil || c.principal != "customer@example.com" || len(c.tokens) != 0 {
		t.Errorf("the session was touched: %+v", c)
	}
	b.cookie = ""
	b.want(t, "POST /probe/login?u=alice", 200, "{}\n")
	if got := a.sessions[b.cookie].principal; got != "drill:alice" {
		t.Errorf("signed in as %q", got)
	}
}

func TestFailingCallsAnswer500(t *testing.T) {
	a := newApp()
	var log bytes.Buffer
	b := &browser{h: newProbe(t, a.calls(), probe.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})}
	if !strings.Contains(log.String(), "level=WARN") {
		t.Errorf("no warning from New: %q", log.String())
	}
	b.want(t, "POST /probe/login?u=alice", 200, "{}\n")
	a.broken = errBroken
	cookie := b.cookie
	for _, call := range []string{"POST /probe/append?k=a&t=b", "GET /probe/state", "POST /probe/incr", "POST /probe/rotate", "POST /probe/logout", "POST /probe/login?u=alice"} {
		log.Reset()
		b.cookie = cookie
		b.want(t, call, 500, "{}\n")
		if !strings.Contains(log.String(), errBroken.Error()) || strings.Contains(log.String(), "alice") {
			t.Errorf("%s: logged %q", call, log.String())
		}
	}
}

// A session that ends between the check and the call is anonymous, not broken.
func TestSignedOutMeanwhile(t *testing.T) {
	a := newApp()
	calls := a.calls()
	calls.Principal = func(http.ResponseWriter, *http.Request) (string, error) { return "drill:alice", nil }
	b := &browser{h: newProbe(t, calls, probe.Options{})}
	for _, call := range []string{"POST /probe/append?k=a&t=b", "GET /probe/state", "POST /probe/incr", "POST /probe/rotate"} {
		b.want(t, call, 401, "{}\n")
	}
	b.want(t, "POST /probe/logout", 200, "{}\n")
}

func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &browser{h: newProbe(t, newApp().calls(), probe.Options{})}
		start := time.Now()
		b.want(t, "GET /probe/slow?ms=2000", 200, "{}\n")
		if d := time.Since(start); d != 2*time.Second {
			t.Errorf("answered after %v, want 2s", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		w := httptest.NewRecorder()
		start = time.Now()
		b.h.ServeHTTP(w, b.request("GET", "/probe/slow?ms=2000", "").WithContext(ctx))
		if d := time.Since(start); d != 300*time.Millisecond || w.Code != 503 {
			t.Errorf("cut after %v with %d, want 300ms with 503", d, w.Code)
		}
	})
}

func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &browser{h: newProbe(t, newApp().calls(), probe.Options{Instance: "i1"})}
		b.want(t, "POST /probe/login?u=alice", 200, "{}\n")
		stream := func(last string, d time.Duration) string {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			r := b.request("GET", "/probe/stream", "").WithContext(ctx)
			r.Header.Set("Last-Event-ID", last)
			w := httptest.NewRecorder()
			b.h.ServeHTTP(w, r)
			if ct := w.Header().Get("Content-Type"); w.Code == 200 && (ct != "text/event-stream" || !w.Flushed) {
				t.Errorf("content type %q, flushed %v", ct, w.Flushed)
			}
			return w.Body.String()
		}
		event := func(id int) string { return fmt.Sprintf("id: %d\ndata: {\"i\":\"i1\",\"u\":\"alice\"}\n\n", id) }
		if got, want := stream("", 250*time.Millisecond), event(1)+event(2)+event(3); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got, want := stream("41", 150*time.Millisecond), event(42)+event(43); got != want {
			t.Errorf("resumed: got %q, want %q", got, want)
		}
		for _, bad := range []string{"x", "-1", "99999999999999999"} {
			if got := stream(bad, time.Second); !strings.Contains(got, "Last-Event-ID") {
				t.Errorf("Last-Event-ID %q: got %q", bad, got)
			}
		}

		ended := make(chan struct{})
		go func() { defer close(ended); stream("", time.Hour) }()
		synctest.Wait()
		b.want(t, "POST /probe/logout", 200, "{}\n")
		<-ended // else the bubble deadlocks
	})
}

// Events leave one by one through a real server, and past its WriteTimeout.
func TestStreamThroughAServer(t *testing.T) {
	srv := httptest.NewUnstartedServer(newProbe(t, newApp().calls(), probe.Options{}))
	srv.Config.WriteTimeout = 150 * time.Millisecond
	srv.Start()
	t.Cleanup(srv.Close)
	get := func(method, path, cookie string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Evenkeel-Probe", secret)
		r.Header.Set("Cookie", cookie)
		resp, err := srv.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	in := get("POST", "/probe/login?u=alice", "")
	if _, err := io.Copy(io.Discard, in.Body); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(get("GET", "/probe/stream", "sid="+in.Cookies()[0].Value).Body)
	for id := 1; id <= 4; {
		if !lines.Scan() {
			t.Fatalf("ended before event %d: %v", id, lines.Err())
		}
		if lines.Text() == fmt.Sprintf("id: %d", id) {
			id++
		}
	}
}
