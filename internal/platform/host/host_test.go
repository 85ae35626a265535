package host_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/drain"
	"github.com/evenkeel/evenkeel/internal/platform/host"
	"github.com/evenkeel/evenkeel/internal/platform/host/hosttest"
	"github.com/evenkeel/evenkeel/internal/proctest"
)

func TestMain(m *testing.M) { os.Exit(proctest.Goroutines(m)) }

func TestSampleAsksAtOnceAndInIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		n, start := 0, time.Now()
		samples := host.Sample(ctx, time.Second, func() host.Load { n++; return host.Load{State: drain.Serving, Requests: n} })
		for i := range 3 {
			if l, ok := host.Next(ctx, samples); !ok || l.InFlight() != i+1 || time.Since(start) != time.Duration(i)*time.Second {
				t.Errorf("look %d after %v: %+v, %t", i, time.Since(start), l, ok)
			}
		}
		cancel()
		if _, ok := host.Next(ctx, samples); ok {
			t.Error("a look after the end")
		}
	})
}

// A load function that hangs holds nobody up.
func TestNextOfALoadThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		hang := make(chan struct{})
		samples := host.Sample(ctx, time.Second, func() host.Load { <-hang; return host.Load{} })
		if _, ok := host.Next(ctx, samples); ok {
			t.Error("a look")
		}
		close(hang)
	})
}

func TestRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		err := host.Release(ctx, func(ctx context.Context) error {
			if ctx.Err() != nil {
				t.Error("no time at all")
			}
			<-ctx.Done()
			return ctx.Err()
		})
		if d := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || d > 2*time.Second {
			t.Errorf("after %v: %v", d, err)
		}
	})
}

func TestTroubleSpeaksOncePerChange(t *testing.T) {
	log := new(hosttest.Log)
	tr := host.NewTrouble(log.Logger(), "agent", time.Second, 5*time.Second)
	now := time.Unix(1e9, 0)
	a, b := &host.StatusError{Code: 500, Body: "1"}, &host.StatusError{Code: 403}
	for i, s := range []struct {
		err   error
		lines int
		wait  time.Duration
	}{
		{nil, 0, 0},
		{a, 1, time.Second},
		{&host.StatusError{Code: 500, Body: "2"}, 1, 2 * time.Second},
		{fmt.Errorf("call: %w", b), 2, 4 * time.Second},
		{b, 2, 5 * time.Second},
		{nil, 3, 0},
		{nil, 3, 0},
		{context.DeadlineExceeded, 4, time.Second},
		{errors.New("x"), 5, 2 * time.Second},
	} {
		tr.Note(now, s.err)
		if n := log.Count("agent"); n != s.lines {
			t.Errorf("step %d: %d lines, want %d: %s", i, n, s.lines, log)
		}
		if !tr.Ready(now.Add(s.wait)) || s.wait > 0 && tr.Ready(now.Add(s.wait-1)) {
			t.Errorf("step %d: not ready after just %v", i, s.wait)
		}
	}
}

func TestFetch(t *testing.T) {
	var got *http.Request
	good := hosttest.NewEndpoint(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got = r; fmt.Fprint(w, "yes") }))
	c := host.Client(nil)
	defer c.CloseIdleConnections()
	body, err := host.Fetch(t.Context(), c, "PUT", good.URL()+"/x?y=z", "in", http.Header{"Authorization": {"secret"}})
	if err != nil || string(body) != "yes" || got.Method != "PUT" || got.RequestURI != "/x?y=z" || got.Header.Get("Authorization") != "secret" {
		t.Errorf("control: got %q, error %v", body, err)
	}
	for name, broken := range hosttest.Misbehaviours {
		e := hosttest.NewEndpoint(t, broken)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := host.Fetch(ctx, c, "GET", e.URL(), "", nil)
		cancel()
		if well := name == "garbage" || name == "empty" || name == "null" || name == "wrong types"; well != (err == nil) {
			t.Errorf("%s: error %v", name, err)
		}
		if err != nil && (strings.ContainsAny(err.Error(), "\n\x1b") || len(err.Error()) > 400) {
			t.Errorf("%s: error %q", name, err)
		}
	}
}

// A token goes nowhere else, neither by a redirect nor through a proxy.
func TestNoDetour(t *testing.T) {
	var detours atomic.Int32
	other := hosttest.NewEndpoint(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { detours.Add(1) }))
	first := hosttest.NewEndpoint(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL(), http.StatusTemporaryRedirect)
	}))
	c := host.Client(nil)
	defer c.CloseIdleConnections()
	if _, err := host.Fetch(t.Context(), c, "GET", first.URL(), "", nil); host.Status(err) != http.StatusTemporaryRedirect {
		t.Errorf("error %v, want the redirect's status", err)
	}
	if c.Transport.(*http.Transport).Proxy != nil { // what the environment says is never asked for loopback
		t.Error("it uses a proxy")
	}
	if n := detours.Load(); n != 0 {
		t.Errorf("%d calls elsewhere", n)
	}
}

func TestEnabled(t *testing.T) {
	for v, want := range map[string]bool{"": false, "true": true, "1": true, "false": false, "0": false, "on": false, "\x1b[2J": false} {
		log := new(hosttest.Log)
		if got := host.Enabled(func(string) string { return v }, "X", log.Logger()); got != want {
			t.Errorf("%q: got %t", v, got)
		}
		if said := log.Count("neither") == 1; said != (v == "on" || v == "\x1b[2J") {
			t.Errorf("%q: log %s", v, log)
		}
	}
}

func FuzzLine(f *testing.F) {
	f.Add("a\nb\x00\x1b[2J")
	f.Add(strings.Repeat("é", 150))
	f.Fuzz(func(t *testing.T, s string) {
		if got := host.Line(s); len(got) > 400 || strings.ContainsAny(got, "\n\r\x00\x1b") {
			t.Errorf("%q", got)
		}
	})
}
