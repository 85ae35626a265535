package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/bench/gateway/peer"
	"github.com/evenkeel/evenkeel/bench/gateway/role"
	"github.com/evenkeel/evenkeel/bench/measure"
	"github.com/evenkeel/evenkeel/bench/raw"
)

// The tests start this binary in the roles that the program starts itself in.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "role" {
		exit(role.Play(context.Background(), os.Args[2], os.Args[3:]))
	}
	os.Exit(m.Run())
}

func startRole(t *testing.T, name string, args ...string) *peer.Proxy {
	t.Helper()
	p, err := peer.StartRole(t.Context(), name, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// The controls pass with the client of ours, and so find the planted fault.
func TestControls(t *testing.T) {
	t.Parallel()
	target := startRole(t, role.RawTarget)
	if err := controls(t.Context(), load{}, target.Addr); err != nil {
		t.Error(err)
	}
	if err := crowdControls(t.Context()); err != nil {
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

// A fleet whose target exits behind a proxy without retries must show failures,
// and evenkeel must lose no request when it was told.
func TestScaleIn(t *testing.T) {
	for _, tc := range []struct{ proxy, mode string }{{peer.Tuned, exits}, {peer.Evenkeel, drained}} {
		t.Run(tc.mode, func(t *testing.T) {
			t.Parallel()
			c, err := scaleInOnce(t.Context(), t.TempDir(), tc.proxy, tc.mode)
			if err != nil {
				t.Fatal(err)
			}
			if c.Requests == 0 || c.DuplicatePOSTs != 0 {
				t.Errorf("%+v", c)
			}
			if tc.mode == exits && (c.Failed == 0 || c.faultless() == nil) {
				t.Errorf("the planted failure was not seen: %+v", c)
			}
			if tc.mode == drained && (c.faultless() != nil || c.NeedlessMoves == nil) {
				t.Errorf("drained first: %+v", c)
			}
		})
	}
}

// What a target has of POSTs when it exits is told, though it did not come to
// execute them: the second waits behind a slow request.
func TestTargetTellsWhatItHad(t *testing.T) {
	f, err := startFleet(t.Context(), 1, exits)
	if err != nil {
		t.Fatal(err)
	}
	defer f.stop()
	open := func() *raw.Conn {
		c, err := raw.Dial(t.Context(), f.list[0].Addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	done, waits := open(), open()
	if _, err := waits.Write(raw.Get("h", "/slow")); err != nil {
		t.Fatal(err)
	}
	for id, c := range map[string]*raw.Conn{"1": done, "2": done} {
		if a, err := c.Do(raw.Post("h", "/write?id="+id)); err != nil || a.Status != 200 {
			t.Fatal(a, err)
		}
	}
	if _, err := waits.Write(raw.Post("h", "/write?id=3")); err != nil {
		t.Fatal(err)
	}
	if err := end(t.Context(), f.list[0]); err != nil {
		t.Fatal(err)
	}
	if doubles, had := f.posts.audit([]string{"1", "2", "3", "4"}); doubles != 0 || had != 3 || f.posts.executed["3"] != 0 {
		t.Errorf("%d doubles, %d of 3 were had: %+v", doubles, had, f.posts.executed)
	}
}

func TestHeldConnections(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	h, err := hold(t.Context(), srv.Listener.Addr().String(), "/", 20)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	if n, err := h.dead("/"); n != 0 {
		t.Errorf("%d dead: %v", n, err)
	}
	h.list[7].Close() // the planted fault
	if n, err := h.dead("/"); n != 1 || err == nil {
		t.Errorf("%d dead, want 1: %v", n, err)
	}
	srv.CloseClientConnections()
	if n, _ := h.dead("/"); n != 20 {
		t.Errorf("%d dead, want all 20", n)
	}
	srv.Close()
	if _, err := hold(t.Context(), srv.Listener.Addr().String(), "/", 3); err == nil {
		t.Error("held what nobody listens to")
	}
}

func TestResidentSet(t *testing.T) {
	p := startRole(t, role.RawTarget)
	if n, err := residentSet(p.Pid()); err != nil || n < 1<<20 {
		t.Errorf("%d bytes, %v", n, err)
	}
	line := "7 (a) b) S 1 42 42 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 5 0 100 200 33 18446744073709551615"
	if group, pages, err := parseResident([]byte(line)); group != 42 || pages != 33 || err != nil {
		t.Errorf("group %d, %d pages, %v", group, pages, err)
	}
	if _, _, err := parseResident([]byte("7 (a) S 1 42")); err == nil {
		t.Error("half a line was taken")
	}
}

func TestTrend(t *testing.T) {
	steady, grows := make([]float64, 30), make([]float64, 30)
	for i := range steady {
		steady[i], grows[i] = 100, 100+float64(2*i)
	}
	steady[0] = 1 // warming up
	if !trendOf(steady).flat() || trendOf(grows).flat() {
		t.Errorf("steady %v, growing %v", trendOf(steady), trendOf(grows))
	}
}

func TestPromises(t *testing.T) {
	moves := 1
	for _, tc := range []struct {
		name string
		err  error
		bad  bool
	}{
		{"drained, none lost", scaleIn{Proxy: "evenkeel", Mode: drained}.broken(), false},
		{"drained, lost though it was had", scaleIn{Proxy: "evenkeel", Mode: drained, counts: counts{Failed: 1, FailedPOST: 1, FailedPOSTAcknowledged: 1}}.broken(), true},
		{"exit, lost where it was had", scaleIn{Proxy: "evenkeel", Mode: exits, counts: counts{Failed: 1, FailedPOST: 1, FailedPOSTAcknowledged: 1, StreamsTorn: 1}}.broken(), false},
		{"exit, lost", scaleIn{Proxy: "evenkeel", Mode: exits, counts: counts{Failed: 1, FailedPOST: 1}}.broken(), true},
		{"exit, others' streams", scaleIn{Proxy: "evenkeel", Mode: exits, counts: counts{StreamsCut: 1}}.broken(), true},
		{"twice", scaleIn{Proxy: "evenkeel", Mode: exits, counts: counts{DuplicatePOSTs: 1}}.broken(), true},
		{"a peer's", scaleIn{Proxy: "caddy", Mode: drained, counts: counts{Failed: 1}}.broken(), false},
		{"restart", restart{Event: eventRestart, counts: counts{NeedlessMoves: &moves}}.broken(), true},
		{"upgrade", restart{Event: eventUpgrade, counts: counts{StreamsTorn: 1}}.broken(), true},
		{"the control", restart{Event: eventKill, counts: counts{Failed: 1}}.broken(), false},
		{"churn", churnResult{}.broken(), false},
		{"churn, a dead connection", churnResult{IdleDead: 1}.broken(), true},
	} {
		if (tc.err != nil) != tc.bad {
			t.Errorf("%s: %v", tc.name, tc.err)
		}
	}
}

func TestSumsAndMaxima(t *testing.T) {
	one, two := 1, 2
	var sum, most counts
	for _, c := range []counts{{Requests: 5, Failed: 3, NeedlessMoves: &one}, {Requests: 4, Failed: 1, NeedlessMoves: &two}} {
		sum.add(c)
		most.max(c)
	}
	if sum.Requests != 9 || sum.Failed != 4 || *sum.NeedlessMoves != 3 || most.Failed != 3 || *most.NeedlessMoves != 2 || one != 1 {
		t.Errorf("sum %+v, most %+v", sum, most)
	}
	sum.add(counts{})
	if *sum.NeedlessMoves != 3 {
		t.Errorf("%+v", sum)
	}
}

func TestSettings(t *testing.T) {
	for _, bad := range []string{"-only nothing", "-proxies nobody", "-reps 0", "-soak 1s"} {
		if _, err := parse(strings.Fields(bad)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
	s, err := parse([]string{"-only", "cpu,soak", "-proxies", "caddy,evenkeel"})
	if err != nil || !s.wants("soak") || s.wants("churn") || fmt.Sprint(s.taking(everybody...)) != "[evenkeel caddy]" || s.limit < s.soak {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestLedger(t *testing.T) {
	l := newLedger()
	a, b := make(chan string, 4), make(chan string, 4)
	for _, line := range []string{"read 1", "executed 1", "read 2", "executed 2"} {
		a <- line
	}
	for _, line := range []string{"unread 3", "read 2", "executed 2", "nonsense"} {
		b <- line
	}
	close(a)
	close(b)
	l.follow(a)
	l.follow(b)
	if doubles, had := l.audit([]string{"3", "4"}); doubles != 1 || had != 1 {
		t.Errorf("%d doubles, want 1; %d had, want 1", doubles, had)
	}
}

func TestTablesFit(t *testing.T) {
	var b strings.Builder
	worst := measure.Sample{Median: 1234, Min: 1000, Max: 9999, Rounds: 7}
	moves := 1000
	c := counts{10_000_000, 10_000, 10_000, 1000, 100, 100, 100, &moves}
	var figures []figure
	var idle []idleFigure
	var runs []scaleIn
	for _, name := range everybody {
		for _, c := range append(cases64, cases512...) {
			figures = append(figures, figure{Proxy: name, Case: c.name, Rounds: worst, HAProxy: &worst, Caddy: &worst})
		}
		idle = append(idle, idleFigure{name, 2000, worst})
		runs = append(runs, scaleIn{strings.ReplaceAll(name, "default", "tuned"), graceful, c, 20, c}, scaleIn{Proxy: name, Mode: exits, Runs: 1})
	}
	printCPU(&b, figures, "own client", settings{rounds: 7, span: 2 * time.Second})
	printIdle(&b, idle)
	printScaleIn(&b, runs)
	printRestarts(&b, []restart{{Event: eventRestart, counts: c, Runs: 20}})
	printChurn(&b, churnResult{Operations: 1000, Span: 60, OnChanging: 1e6, counts: c, Idle: 9000, IdleDead: 9000, CalmP99MS: 100, P99MS: 1000})
	printSoak(&b, soakResult{counts: c, RSS: trend{worst, worst}, Goroutines: trend{worst, worst}})
	for line := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > measure.Width {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}
