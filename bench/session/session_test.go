package main

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/bench/measure"
	"github.com/evenkeel/evenkeel/internal/proctest"
)

func TestJudge(t *testing.T) {
	good := []tally{
		{Library: "control", Race: "writers", Sent: 20, Acked: 20},
		{Library: "planted-fault", Race: "writers", Sent: 20, Acked: 20, Lost: 19},
		{Library: "scs-goredis", Race: "writers", Sent: 20, Acked: 20, Lost: 3},
	}
	if err := judge(good); err != nil {
		t.Errorf("good ones: %v", err)
	}
	for name, change := range map[string]func([]tally){
		"the control lost 1":                             func(l []tally) { l[0].Lost = 1 },
		"the control lost 2":                             func(l []tally) { l[0].OldAlive = 2 },
		"the control lost 3":                             func(l []tally) { l[0].OnOld = 3 },
		"planted fault was not found":                    func(l []tally) { l[1].Lost = 0 },
		"control: writers/0ms: nothing was acknowledged": func(l []tally) { l[0].Acked = 0 },
	} {
		l := append([]tally(nil), good...)
		change(l)
		if err := judge(l); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("judge said %v, want %q", err, name)
		}
	}
}

// byRace runs some trials of all races and returns the tallies by title.
func byRace(t *testing.T, e environment, lib library) map[string]tally {
	t.Helper()
	list, err := raceAll(t.Context(), e, []library{lib}, 2)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]tally{}
	for _, x := range list {
		m[x.title()] = x
	}
	want := 6
	if !lib.renews {
		want = 5
	}
	if len(m) != want {
		t.Errorf("%s: %d races, want %d", lib.name, len(m), want)
	}
	return m
}

func TestControlAndFault(t *testing.T) {
	_, err := exec.LookPath("redis-server")
	proctest.Require(t, "redis", err)
	redis, err := startRedis(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer redis.Stop()
	e := environment{redis: redis.addr, dir: t.TempDir()}
	all, err := raceAll(t.Context(), e, []library{control, fault}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := judge(all); err != nil {
		t.Error(err)
	}
	// Each peer's wiring works: what is sent is answered, and what is written
	// by one request alone is there.
	for _, lib := range peers {
		for title, x := range byRace(t, e, lib) {
			if x.Acked == 0 || x.Trials != 2 {
				t.Errorf("%s: %s: %+v", lib.name, title, x)
			}
		}
	}
}

func TestNothingIsLostHere(t *testing.T) {
	for _, lib := range evenkeelPeers {
		for title, x := range byRace(t, environment{dir: t.TempDir()}, lib) {
			if x.bad() > 0 {
				t.Errorf("%s: %s: %+v", lib.name, title, x)
			}
		}
	}
}

func TestHolds(t *testing.T) {
	h := newHolds()
	x := h.add("a")
	done := make(chan error, 1)
	go func() { done <- h.wait(t.Context(), url.Values{"hold": {"a"}}) }()
	<-x.arrived
	select {
	case err := <-done:
		t.Fatalf("it was not held: %v", err)
	default:
	}
	close(x.release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := h.wait(t.Context(), url.Values{"hold": {"a"}}); err == nil {
		t.Error("a hold served twice")
	}
	if err := h.wait(t.Context(), url.Values{"wait": {"soon"}}); err == nil {
		t.Error("no duration was taken for one")
	}
	h.add("b")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.wait(ctx, url.Values{"hold": {"b"}}); err == nil {
		t.Error("a request whose client has gone is held on")
	}
}

func TestCostsMeasureEveryCase(t *testing.T) {
	server, err := startRedis(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	for _, z := range sizes {
		for _, write := range []bool{false, true} {
			beds, err := prepare(t.Context(), server.addr, z, write)
			if err != nil {
				t.Fatalf("%s, write %v: %v", z.name, write, err)
			}
			for _, b := range beds {
				if err := b.closing(); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

func TestTablesFit(t *testing.T) {
	var b strings.Builder
	worst := measure.Sample{Median: 12345, Min: 10000, Max: 99999, Rounds: 5}
	var lost []tally
	var paid []cost
	for _, lib := range append([]library{control, fault}, peers...) {
		for _, r := range races {
			lost = append(lost, tally{Library: lib.name, Race: r.name, HandlerMS: r.handler.Milliseconds(), InFlight: r.inFlight,
				Trials: 60, Sent: 1200, Acked: 1199, Lost: 1199, OldAlive: 60})
		}
		paid = append(paid, cost{Library: lib.name, Level: "request", Case: "write-16k", AppUS: 123.4, RedisUS: 123.4, App: worst, RatioRedis: 12.34})
	}
	printLost(&b, lost, 60)
	printCosts(&b, paid, nil, 5)
	for line := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > measure.Width {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if want := fmt.Sprintf("%s, writers/0ms: 1 of 1200 requests were refused", control.name); !strings.Contains(b.String(), want) {
		t.Errorf("the table does not say %q:\n%s", want, b.String())
	}
}
