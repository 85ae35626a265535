package main

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/drain"
	"github.com/evenkeel/evenkeel/examples/internal/exampletest"
	"github.com/evenkeel/evenkeel/internal/proctest"
	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/memstore"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

const soon = 30 * time.Second

// One of two processes leaves while alice's stream is on it. The stream ends
// after a whole event and goes on at the other, where she is still signed in;
// so it is at the first one's successor.
func TestAProcessLeaves(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions.db")
	first, base := start(t, file)
	_, other := start(t, file)
	b := exampletest.NewBrowser(t, base)
	b.Post("/cart", "item=tea")
	b.Post("/sign-in", "user=alice")
	res := b.Open("/events", nil)
	defer res.Body.Close()
	stream := bufio.NewReader(res.Body)
	if line, err := stream.ReadString('\n'); err != nil || line != "id: 1\n" {
		t.Fatalf("the stream begins with %q, %v", line, err)
	}

	first.Signal(syscall.SIGTERM)
	first.WaitLine(soon, "withdrawing ")
	first.Signal(syscall.SIGTERM) // no balancer has to notice
	rest, err := io.ReadAll(stream)
	if err != nil || !strings.HasSuffix(string(rest), "\n\n") {
		t.Errorf("the stream ends with %q, %v", rest, err)
	}
	if code := first.Wait(soon); code != 0 {
		t.Errorf("exit code %d", code)
	}

	b.Base = other
	b.Want("/", `user "alice", cart ["tea"]`)
	next := b.Open("/events", nil)
	defer next.Body.Close()
	want := fmt.Sprintf("id: %d\n", 2+strings.Count(string(rest), "id: "))
	if line, err := bufio.NewReader(next.Body).ReadString('\n'); err != nil || line != want {
		t.Errorf("it goes on with %q, %v, want %q", line, err, want)
	}
	_, b.Base = start(t, file)
	b.Want("/", `user "alice", cart ["tea"]`)
}

func start(t *testing.T, file string) (p *proctest.Process, base string) {
	t.Helper()
	p = exampletest.Start(t, "-listen", "127.0.0.1:0", "-store", file)
	return p, "http://" + p.WaitLine(soon, `serving address=(\S+)`)[1]
}

const secret = "a secret of sufficient length"

// service is the handler in this process, as main puts it together.
func service(t *testing.T, secret string) http.Handler {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Attributes: attributes, ErrorHandler: sorry, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	leaving, err := drain.New(drain.Options{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	mux, err := routes(leaving, secret)
	if err != nil {
		t.Fatal(err)
	}
	return leaving.Handler(sessions.Handler(mux))
}

func TestProbe(t *testing.T) {
	h := service(t, secret)
	var cookies []*http.Cookie
	for _, step := range []struct {
		method, call, want string
		code               int
	}{
		{"GET", "state", "{}", 401},
		{"POST", "login?u=ann", "{}", 200},
		{"POST", "append?k=a&t=one", "{}", 200},
		{"POST", "append?k=b&t=two", "{}", 200},
		{"POST", "incr", `{"n":1}`, 200},
		{"POST", "rotate", "{}", 200},
		{"GET", "state", `{"u":"ann","t":["one","two"],"n":1,"i":""}`, 200},
		{"POST", "logout", "{}", 200},
		{"GET", "state", "{}", 401},
	} {
		r := httptest.NewRequest(step.method, "/probe/"+step.call, nil)
		r.Header.Set("X-Evenkeel-Probe", secret)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if set := w.Result().Cookies(); len(set) > 0 {
			cookies = set
		}
		if got := strings.TrimSpace(w.Body.String()); w.Code != step.code || got != step.want {
			t.Errorf("%s %s: %d %s, want %d %s", step.method, step.call, w.Code, got, step.code, step.want)
		}
	}
}

func TestNoProbeWithoutASecret(t *testing.T) {
	r := httptest.NewRequest("GET", "/probe/state", nil)
	r.Header.Set("X-Evenkeel-Probe", secret)
	w := httptest.NewRecorder()
	service(t, "").ServeHTTP(w, r)
	if w.Code != http.StatusNotFound {
		t.Errorf("status %d, want 404", w.Code)
	}
	if _, err := routes(nil, "too short"); err == nil {
		t.Error("a short secret was accepted")
	}
}

func TestStreamNeedsAUser(t *testing.T) {
	w := httptest.NewRecorder()
	service(t, "").ServeHTTP(w, httptest.NewRequest("GET", "/events", nil))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("status %d, want 401", w.Code)
	}
}
