package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/bench/measure"
)

// The tests start this binary in the roles that the program starts itself in.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "role" {
		if err := play(context.Background(), os.Args[2], os.Args[3:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

var small = load{Users: 20, Rate: 400, Span: 500 * time.Millisecond}

func TestEveryClientIsMeasured(t *testing.T) {
	s, err := startServer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	for _, c := range clients {
		r, err := s.measure(t.Context(), c, small)
		if err != nil {
			t.Errorf("%s: %v", c, err)
			continue
		}
		if r.Requests < 100 || r.US <= 0 || r.PeakRSSMB <= 0 {
			t.Errorf("%s: %+v", c, r)
		}
		if c == reference && r.IdleBytes < 1000 {
			t.Errorf("%s: %v bytes per idle user, which has two goroutines", c, r.IdleBytes)
		}
	}
	if _, err := s.measure(t.Context(), "planted-fault", small); !errors.Is(err, errCount) {
		t.Errorf("hidden requests were not found: %v", err)
	}
	if _, err := s.measure(t.Context(), "nobody", small); err == nil || errors.Is(err, errCount) {
		t.Errorf("an unknown client: %v", err)
	}
}

func TestDriveReportsFailures(t *testing.T) {
	bad := errors.New("refused")
	for _, ok := range []int{0, 3} { // fails at once, or later
		n := 0
		one := load{Users: 1, Rate: 100, Span: 100 * time.Millisecond}
		_, err := one.drive(t.Context(), func() (send, error) {
			return func(context.Context) error {
				if n++; n > ok {
					return bad
				}
				return nil
			}, nil
		})
		if !errors.Is(err, bad) {
			t.Errorf("after %d good ones: %v", ok, err)
		}
	}
}

func TestLateness(t *testing.T) {
	var d []time.Duration
	for i := range 1000 {
		d = append(d, time.Duration(1000-i)*time.Millisecond)
	}
	for _, tc := range []struct {
		d    []time.Duration
		want late
	}{{nil, late{}}, {d[:1], late{1000, 1000, 1000}}, {d, late{501, 991, 1000}}} {
		if got := lateness(append([]time.Duration(nil), tc.d...)); got != tc.want {
			t.Errorf("of %d: %v, want %v", len(tc.d), got, tc.want)
		}
	}
}

func TestSummariseAndShow(t *testing.T) {
	own := []result{{US: 20, IdleBytes: 500, Shed: 1}, {US: 30, IdleBytes: 600, Shed: 2}}
	ref := []result{{US: 40}, {US: 60}}
	f := summarise("engine-client", own, ref)
	if f.US.Median != 25 || f.Ratio != (measure.Sample{Median: .5, Min: .5, Max: .5, Rounds: 2}) || f.IdleBytes.Median != 550 || f.Shed != 3 {
		t.Errorf("%+v", f)
	}
	if summarise("engine", own, ref).IdleBytes.Rounds != 0 {
		t.Error("the engine's users do not stay, and yet they are measured")
	}
	worst := []result{{Requests: 1, US: 1234, IdleBytes: 123456, Late: late{1234, 1234, 1234}, PeakRSSMB: 1234}}
	rep := report{Load: load{Users: 50000, Rate: 50000, Span: time.Second}}
	for _, c := range clients {
		rep.Clients = append(rep.Clients, summarise(c, worst, worst))
	}
	rep.Clients[0].Shed = 5
	var b strings.Builder
	show(&b, rep, 3)
	for line := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > measure.Width {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if !strings.Contains(b.String(), "5 requests were shed") {
		t.Errorf("shed requests are not told:\n%s", b.String())
	}
}
