package health

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/target"
)

const sec = time.Second

// Each line is a life: + and - are checks, c a failed connect, digits let
// seconds pass; after the colon the states that must follow each of them.
func TestRecord(t *testing.T) {
	letters := map[target.State]byte{target.Initial: 'i', target.Healthy: 'h', target.Unhealthy: 'u', target.Draining: 'd', target.Unused: 'n'}
	for _, tc := range []struct {
		name, steps, want string
		first             target.State
	}{
		{"first success is enough", "+", "h", target.Initial},
		{"a starting process has time", "-1-1-1-1-", "iiiiiiiiu", target.Initial}, // 2 failures x 2 s
		{"starts late", "-1-1+", "iiiih", target.Initial},
		{"two failures", "--", "hu", target.Healthy},
		{"failures in a row only", "-+-+-", "hhhhh", target.Healthy},
		{"two successes", "++", "uh", target.Unhealthy},
		{"successes in a row only", "+-+-+", "uuuuu", target.Unhealthy},
		{"ejected, confirmed by one success", "c+1+1+", "uuuuuh", target.Healthy},
		{"ejected, not confirmed", "c2-++", "uuuuh", target.Healthy},
		{"an ejected target is ejected once", "cc2+", "uuuh", target.Healthy},
		{"ejection doubles", "c2+c2+2+", "uuhuuuuh", target.Healthy},
		{"connects of others do not count", "c-c", "iii", target.Initial},
		{"draining is left alone", "+-c--", "ddddd", target.Draining},
		{"unused is left alone", "+-c--", "nnnnn", target.Unused},
	} {
		rec := Record{Options: Options{Interval: 2 * sec}.WithDefaults()}
		s, now, got := tc.first, time.Unix(5000, 0), ""
		for _, step := range []byte(tc.steps) {
			switch step {
			case '+', '-':
				s = rec.Checked(s, now, step == '+')
			case 'c':
				s = rec.ConnectFailed(s, now)
			default:
				now = now.Add(time.Duration(step-'0') * sec)
			}
			got += string(letters[s])
		}
		if got != tc.want {
			t.Errorf("%s: %s gives %s, want %s", tc.name, tc.steps, got, tc.want)
		}
	}
}

func TestEjectionGrowsAndIsForgotten(t *testing.T) {
	rec := Record{Options: Options{}.WithDefaults()}
	now := time.Unix(5000, 0)
	for i, want := range []time.Duration{2 * sec, 4 * sec, 8 * sec, 16 * sec, 32 * sec, 60 * sec, 60 * sec} {
		if s := rec.ConnectFailed(target.Healthy, now); s != target.Unhealthy || rec.Delay(s, now) != want {
			t.Errorf("ejection %d: %v for %v, want %v", i+1, s, rec.Delay(s, now), want)
		}
		now = now.Add(want)
	}
	now = now.Add(ejectMost + 1)
	rec.Checked(target.Unhealthy, now, false) // that minute was not quiet
	now = now.Add(ejectMost)
	rec.ConnectFailed(target.Healthy, now)
	if got := rec.Delay(target.Unhealthy, now); got != ejectMost {
		t.Errorf("after a minute with a failed check: %v, want a minute", got)
	}
	now = now.Add(2*ejectMost + 1)
	rec.ConnectFailed(target.Healthy, now)
	if got := rec.Delay(target.Unhealthy, now); got != 2*sec {
		t.Errorf("after a quiet minute: %v, want 2 s", got)
	}
}

func TestDelay(t *testing.T) {
	rec := Record{Options: Options{Interval: 10 * sec}.WithDefaults()}
	now := time.Unix(5000, 0)
	low, high := time.Hour, time.Duration(0)
	for range 1000 {
		d := rec.Delay(target.Healthy, now)
		low, high = min(low, d), max(high, d)
	}
	if low < 9*sec || high > 11*sec || high-low < sec {
		t.Errorf("from %v to %v, want 9 s to 11 s", low, high)
	}
	if d := rec.Delay(target.Initial, now); d != initialEvery {
		t.Errorf("initial: %v", d)
	}
	off := Record{Options: Options{Interval: -1}.WithDefaults()}
	if off.First() != target.Healthy || rec.First() != target.Initial {
		t.Error("first states")
	}
	s := off.ConnectFailed(target.Healthy, now)
	if d := off.Delay(s, now); s != target.Unhealthy || d != 2*sec {
		t.Errorf("without checks: %v, %v", s, d)
	}
	if s = off.Checked(s, now.Add(2*sec), true); s != target.Healthy {
		t.Errorf("without checks an ejection ends as %v", s)
	}
}

func TestCheck(t *testing.T) {
	var host string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host = r.Host
		switch r.URL.Path {
		case "/ok":
		case "/redirect":
			http.Redirect(w, r, "/bad", http.StatusFound)
		case "/cut":
			w.Header().Set("Content-Length", "10")
			panic(http.ErrAbortHandler)
		case "/slow":
			<-r.Context().Done()
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer srv.Close()
	addr := srv.Listener.Addr().String()
	for path, ok := range map[string]bool{"": true, "/ok": true, "/redirect": true, "/bad": false, "/cut": false} {
		if err := Check(t.Context(), addr, Options{Path: path}); (err == nil) != ok {
			t.Errorf("%q: got %v", path, err)
		}
	}
	if err := Check(t.Context(), addr, Options{Path: "/slow", Timeout: time.Millisecond}); err == nil {
		t.Error("a slow answer passed")
	}
	if err := Check(t.Context(), addr, Options{Path: "/ok", Host: "shop.example"}); err != nil || host != "shop.example" {
		t.Errorf("host %q, %v", host, err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := ln.Addr().String()
	ln.Close()
	for _, path := range []string{"", "/ok"} {
		if Check(t.Context(), gone, Options{Path: path}) == nil {
			t.Errorf("%q: nobody listens, but the check passed", path)
		}
	}
	if err := Check(t.Context(), gone, Options{Interval: -1}); err != nil {
		t.Errorf("no active checks: %v", err)
	}
}
