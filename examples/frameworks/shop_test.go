package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/memstore"
	"github.com/evenkeel/evenkeel/session/sessiontest"
)

// service is a variant on loopback, and one browser.
type service struct {
	*testing.T
	store  *sessiontest.Faults
	log    access
	url    string
	cookie string // the browser's, NAME=VALUE
}

func serve(t *testing.T, v variant) *service {
	s := &service{T: t, store: sessiontest.WithFaults(memstore.New(memstore.Options{}))}
	m, err := session.New(s.store, session.Options{
		Attributes: attributes,
		Budget:     10 * time.Second, // a busy machine must not look like a store that is down
		Logger:     slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(v.shop(m, &s.log))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.Start()
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

// down makes the next commit fail, with all its retries.
func (s *service) down() {
	s.store.Commits(sessiontest.LoseRequest, sessiontest.LoseRequest, sessiontest.LoseRequest)
}

func (s *service) send(ctx context.Context, call string) *http.Response {
	s.Helper()
	method, path, _ := strings.Cut(call, " ")
	path, form, _ := strings.Cut(path, "?")
	values, err := url.ParseQuery(form)
	if err != nil {
		s.Fatal(err)
	}
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(values.Encode()))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if s.cookie != "" {
		r.Header.Set("Cookie", s.cookie)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.Fatalf("%s: %v", call, err)
	}
	for _, c := range res.Cookies() {
		if s.cookie = c.Name + "=" + c.Value; c.MaxAge < 0 {
			s.cookie = ""
		}
	}
	return res
}

// want sends a request and compares what matters of the response.
func (s *service) want(call string, code, cookies int, body string) http.Header {
	s.Helper()
	res := s.send(s.Context(), call)
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		s.Errorf("%s: %v", call, err)
	}
	if res.StatusCode != code || len(res.Cookies()) != cookies || body != "" && strings.TrimSpace(string(got)) != body {
		s.Errorf("%s: %d %q with %d cookies, want %d %q with %d", call, res.StatusCode, got, len(res.Cookies()), code, body, cookies)
	}
	return res.Header
}

func each(t *testing.T, test func(*service, variant)) {
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) { test(serve(t, v), v) })
	}
}

func TestShop(t *testing.T) {
	each(t, func(s *service, _ variant) {
		for _, step := range []struct {
			call          string
			code, cookies int
			body          string
		}{
			{"GET /", 200, 0, `user "", cart [], streams 0`},
			{"GET /nowhere", 404, 0, ""},
			{"POST /cart?item=tea", 303, 1, ""},
			{"POST /sign-in?user=alice", 303, 1, ""},
			{"POST /cart?item=milk", 303, 0, ""},
			{"GET /", 200, 0, `user "alice", cart ["tea" "milk"], streams 0`},
			{"POST /sign-out", 303, 1, ""},
			{"GET /", 200, 0, `user "", cart [], streams 0`},
		} {
			h := s.want(step.call, step.code, step.cookies, step.body)
			if vary := len(h["Vary"]); step.code != 404 && vary != 1 {
				s.Errorf("%s: %d lines of Vary, want one", step.call, vary)
			}
		}
	})
}

func TestFailedCommitReplacesTheFrameworksResponse(t *testing.T) {
	each(t, func(s *service, v variant) {
		s.want("POST /sign-in?user=alice", 303, 1, "")
		for _, call := range []string{"POST /cart?item=tea", "POST /refuse", "POST /status", "POST /hijack", "GET /events"} {
			s.down()
			h := s.want(call, 503, 0, "Service Unavailable")
			if h.Get("Location") != "" || h.Get("Retry-After") == "" || strings.Contains(h.Get("Content-Type"), "json") {
				s.Errorf("%s: header %v, want the error's alone", call, h)
			}
		}
		s.down()
		s.want("POST /cart?item=tea", 503, 0, "")
		if got := s.log.status.Load() == http.StatusServiceUnavailable; got != v.logs {
			s.Errorf("the access log says %d, want the 503: %v", s.log.status.Load(), v.logs)
		}
		s.want("GET /", 200, 0, `user "alice", cart [], streams 0`)
	})
}

func TestStreamHasItsCookieBeforeTheFirstEvent(t *testing.T) {
	each(t, func(s *service, _ variant) {
		ctx, cancel := context.WithCancel(s.Context())
		defer cancel()
		res := s.send(ctx, "GET /events")
		defer res.Body.Close()
		if res.StatusCode != 200 || len(res.Cookies()) != 1 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
			s.Fatalf("%d with %v", res.StatusCode, res.Header)
		}
		// The handler is still there: the event has been flushed.
		for in := bufio.NewScanner(res.Body); ; {
			if !in.Scan() {
				s.Fatalf("the stream ended: %v", in.Err())
			}
			if strings.HasPrefix(in.Text(), "data:") {
				break
			}
		}
		s.want("GET /", 200, 0, `user "", cart [], streams 1`)
	})
}

// A panic undoes what is staged where the framework recovers outside of the
// session, and is committed with the error page where it does so within.
func TestPanic(t *testing.T) {
	each(t, func(s *service, v variant) {
		s.want("POST /cart?item=tea", 303, 1, "")
		s.want("POST /panic", 500, 0, "")
		want := `user "", cart ["tea" "half"], streams 0`
		if v.undoes {
			want = `user "", cart ["tea"], streams 0`
		}
		s.want("GET /", 200, 0, want)
	})
}

func TestErrorsAndBareStatusesCommit(t *testing.T) {
	each(t, func(s *service, _ variant) {
		s.want("POST /refuse", 418, 1, "")
		s.want("POST /status", 202, 0, "")
		s.want("GET /", 200, 0, `user "", cart ["refused" "quiet"], streams 0`)
	})
	each(t, func(s *service, _ variant) {
		s.want("POST /status", 202, 1, "")
		s.want("GET /", 200, 0, `user "", cart ["quiet"], streams 0`)
	})
}

func TestHijackCommitsAndHandsOverTheCookie(t *testing.T) {
	each(t, func(s *service, _ variant) {
		s.want("POST /hijack", 200, 1, "hello")
		s.want("GET /", 200, 0, `user "", cart ["socket"], streams 0`)
	})
}

func TestCommandKnowsItsFrameworks(t *testing.T) {
	for name, shop := range frameworks {
		v := variant{shop: func(m *session.Manager, _ *access) http.Handler { return shop(m) }}
		t.Run(name, func(t *testing.T) {
			serve(t, v).want("GET /", 200, 0, `user "", cart [], streams 0`)
		})
	}
}
