package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/bench/measure"
	"github.com/evenkeel/evenkeel/bench/raw"
)

// The tests start this binary in the roles that the program starts itself in.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "role" {
		exit(play(context.Background(), os.Args[2], os.Args[3:]))
	}
	os.Exit(m.Run())
}

func startRole(t *testing.T, role string, args ...string) *proxy {
	t.Helper()
	p := &proxy{name: role}
	if err := p.startRole(t.Context(), role, args...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// The control passes with the client of ours, and so finds the planted fault.
func TestControls(t *testing.T) {
	target := startRole(t, "raw-target")
	if err := controls(t.Context(), load{}, target); err != nil {
		t.Error(err)
	}
}

func TestOwnLoadSeesFailures(t *testing.T) {
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if n.Add(1) == 1 {
			panic(http.ErrAbortHandler) // cuts the connection
		}
	}))
	addr, c := srv.Listener.Addr().String(), loadCase{"x", "/200", 4}
	if _, err := (load{}).run(t.Context(), addr, c, nil, 100*time.Millisecond); !errors.Is(err, errAnswers) {
		t.Errorf("one of %d requests was cut: %v", n.Load(), err)
	}
	srv.Close()
	if _, err := (load{}).run(t.Context(), addr, c, nil, 100*time.Millisecond); !errors.Is(err, errAnswers) {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestParseWrk(t *testing.T) {
	const head = "Running 2s test @ http://127.0.0.1:1/200\n  2 threads and 64 connections\n"
	for _, tc := range []struct {
		name, out string
		n         int64
		bad       bool // wraps errAnswers
		fails     bool
	}{
		{name: "good", out: head + "  41234 requests in 2.01s, 11.9MB read\nRequests/sec:  20514.4\n", n: 41234},
		{name: "bad answers", out: head + "  100 requests in 2.01s, 1MB read\n  Non-2xx or 3xx responses: 3\n", n: 100, bad: true, fails: true},
		{name: "socket errors", out: head + "  100 requests in 2.01s, 1MB read\n  Socket errors: connect 0, read 2, write 0, timeout 0\n", n: 100, bad: true, fails: true},
		{name: "no report", out: "unable to connect\n", fails: true},
	} {
		n, err := parseWrk(tc.out)
		if n != tc.n || (err != nil) != tc.fails || errors.Is(err, errAnswers) != tc.bad {
			t.Errorf("%s: %d, %v", tc.name, n, err)
		}
	}
	for d, want := range map[time.Duration]string{time.Second: "1s", 1500 * time.Millisecond: "2s", time.Millisecond: "1s"} {
		if got := seconds(d); got != want {
			t.Errorf("seconds(%v) = %s, want %s", d, got, want)
		}
	}
}

func TestWrkScript(t *testing.T) {
	got := wrkScript("h:1", "/200", []string{"route=a", "route=b"})
	for _, want := range []string{`r[1] = "GET /200 HTTP/1.1\r\nHost: h:1\r\nCookie: route=a\r\n\r\n"`, `r[2] = `, "return r[i]"} {
		if !strings.Contains(got, want) {
			t.Errorf("the script lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(wrkScript("h:1", "/200", nil), "Cookie") {
		t.Error("a cookie where there is none")
	}
}

func TestRobin(t *testing.T) {
	b := &robin{}
	for i := range 3 {
		b.list = append(b.list, &robinTarget{name: targetName(i), url: &url.URL{Host: targetName(i)}})
	}
	seen := map[string]int{}
	for range 9 {
		x := b.pick()
		seen[x.name]++
		x.inFlight.Add(-1)
	}
	if fmt.Sprint(seen) != "map[a:3 b:3 c:3]" {
		t.Errorf("nine turns: %v", seen)
	}
	var said strings.Builder
	b.obey(strings.NewReader("remove b\nnonsense\nremove z\n"), &said)
	if said.String() != "removed b\nremoved z\n" {
		t.Errorf("it said %q", said.String())
	}
	for range 9 {
		if x := b.pick(); x.name == "b" {
			t.Fatal("a removed target was picked")
		}
	}
	b.list = nil
	if b.pick() != nil {
		t.Error("a target out of none")
	}
	w := httptest.NewRecorder()
	b.around(nil).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("without targets: %d", w.Code)
	}
}

// A fleet whose target exits behind a proxy without retries must show failures,
// and evenkeel must lose no request when it was told.
func TestScaleIn(t *testing.T) {
	for _, tc := range []struct{ proxy, mode string }{{"httputil-tuned", "exit"}, {"evenkeel", "drained"}} {
		f, err := newFleet(t.Context(), tc.proxy, tc.mode)
		if err != nil {
			t.Fatal(err)
		}
		s, err := f.run(t.Context())
		f.stop()
		if err != nil {
			t.Fatalf("%s, %s: %v", tc.proxy, tc.mode, err)
		}
		if s.Requests == 0 || s.DuplicatePOSTs != 0 {
			t.Errorf("%+v", s)
		}
		if tc.mode == "exit" && s.Failed == 0 {
			t.Errorf("the planted failure was not seen: %+v", s)
		}
		if tc.mode == "drained" && (s.Failed != 0 || s.StreamsCut != 0 || s.NeedlessMoves == nil || *s.NeedlessMoves != 0) {
			t.Errorf("drained first: %+v", s)
		}
	}
}

// client meets what it must count.
func TestCrowdCounts(t *testing.T) {
	c := newCrowd("", "b")
	c.note(false, nil)
	c.note(true, nil)
	c.note(true, errors.New("reset"))
	c.note(false, errors.New("answered 502"))
	cl := &client{crowd: c}
	for _, on := range []string{"a", "a", "c", "b", "a"} { // b is leaving: going from it is no needless move
		cl.answered(answerOn(on))
	}
	s := c.result()
	if s.Requests != 4 || s.Failed != 2 || s.FailedPOST != 1 || *s.NeedlessMoves != 2 {
		t.Errorf("%+v, moves %d", s, *s.NeedlessMoves)
	}
	if c.firstFailure() == nil || c.firstFailure().Error() != "reset" {
		t.Errorf("first failure: %v", c.firstFailure())
	}
}

func TestLedgerFindsDoubles(t *testing.T) {
	l := newLedger()
	a, b := make(chan string, 3), make(chan string, 3)
	a <- "1"
	a <- "2"
	b <- "3"
	b <- "2"
	close(a)
	close(b)
	l.follow(a)
	l.follow(b)
	if n := l.doubles(); n != 1 {
		t.Errorf("%d doubles, want 1", n)
	}
}

func TestTablesFit(t *testing.T) {
	var b strings.Builder
	worst := measure.Sample{Median: 1234, Min: 1000, Max: 9999, Rounds: 5}
	var figures []figure
	var runs []scaleIn
	for _, name := range names {
		for _, c := range append(cases64, cases512...) {
			figures = append(figures, figure{Proxy: name, Case: c.name, Rounds: worst, HAProxy: &worst, Tuned: worst})
		}
		moves := 10000
		runs = append(runs, scaleIn{name, "graceful", 100000, 10000, 10000, 1000, 100, &moves}, scaleIn{Proxy: name, Mode: "exit"})
	}
	printCPU(&b, figures, "own client", settings{rounds: 5, span: 2 * time.Second})
	printScaleIn(&b, runs)
	for line := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > measure.Width {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

func answerOn(instance string) raw.Answer { return raw.Answer{Status: 200, Instance: instance} }
