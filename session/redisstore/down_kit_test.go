package redisstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

const (
	downBudget   = time.Second
	downSettled  = downBudget + time.Second // after which a write that got 503 has happened or never will
	downPatience = 30 * time.Second         // for facts; used up only by what fails
	downTooLong  = 15 * time.Second         // for one answer
)

// downMode is how one of the services in front of the same servers reads.
type downMode struct {
	name  string
	mode  session.CacheMode
	grace time.Duration
}

var downModes = []downMode{
	{"off", session.CacheOff, time.Minute}, // in which the grace means nothing
	{"validated", session.CacheValidated, 0},
	{"bounded", session.CacheBounded, 0},
	{"validated with grace", session.CacheValidated, time.Minute},
	{"bounded with grace", session.CacheBounded, time.Minute},
}

// graced tells whether reads of sessions that were known go on.
func (m downMode) graced() bool { return m.grace > 0 && m.mode != session.CacheOff }

// downService is a service whose sessions are in a Store, behind a real server.
type downService struct {
	downMode
	store   *Store
	manager *session.Manager
	url     string
	http    *http.Client
	log     *downLog
}

// downLog is written to from many goroutines.
type downLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *downLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *downLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// newDownService starts a service. wrap may put something between the manager
// and the store; nil is nothing.
func newDownService(t *testing.T, mode downMode, url string, how Connection, wrap func(session.Store) session.Store) *downService {
	t.Helper()
	log := &downLog{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	store, err := New(url, Options{
		Service: "down-" + strings.ReplaceAll(mode.name, " ", "-"), Connection: how, Logger: logger,
		Cache: CacheOptions{ReadGrace: mode.grace, Lease: 500 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() }) // some servers are gone by then
	between := session.Store(store)
	if wrap != nil {
		between = wrap(store)
	}
	manager, err := session.New(between, session.Options{
		Cache: mode.mode, Budget: downBudget, Logger: logger,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			logger.Error("request failed", "error", err)
			session.Error(w, r, err)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(manager.Handler(downHandler()))
	t.Cleanup(server.Close)
	client := server.Client()
	client.Timeout = downTooLong
	return &downService{downMode: mode, store: store, manager: manager, url: server.URL, http: client, log: log}
}

// downHandler is an application without special care: what it does for
// strangers, it also does for those whom it takes for strangers.
func downHandler() http.Handler {
	note, echo := session.NewAttribute[int]("note"), session.NewAttribute[int]("echo")
	ledger, fill := session.NewList[string]("ledger"), session.NewAttribute[string]("fill")
	mux := http.NewServeMux()
	try := func(w http.ResponseWriter, r *http.Request, answer string, errs ...error) {
		if err := errors.Join(errs...); err != nil {
			session.Error(w, r, err)
			return
		}
		_, _ = io.WriteString(w, answer) // the client may have gone
	}
	mux.HandleFunc("/static", func(w http.ResponseWriter, r *http.Request) { try(w, r, "static") })
	mux.HandleFunc("/who", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		who := s.Principal()
		if who == "" {
			try(w, r, "nobody")
			return
		}
		a, _, err1 := note.Get(s)
		b, _, err2 := echo.Get(s)
		try(w, r, fmt.Sprint(who, " ", a, " ", b), err1, err2)
	})
	mux.HandleFunc("/write", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if s.Principal() == "" {
			http.Error(w, "nobody", http.StatusUnauthorized)
			return
		}
		v, _ := strconv.Atoi(r.FormValue("v"))
		try(w, r, "written", note.Set(s, v), ledger.Append(s, r.FormValue("v")), echo.Set(s, v))
	})
	mux.HandleFunc("/fill", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.FormValue("n"))
		try(w, r, "filled", fill.Set(session.From(r.Context()), strings.Repeat("x", n)))
	})
	mux.HandleFunc("/ledger", func(w http.ResponseWriter, r *http.Request) {
		all, err := ledger.Values(session.From(r.Context()))
		try(w, r, strings.Join(all, " "), err)
	})
	mux.HandleFunc("/in", func(w http.ResponseWriter, r *http.Request) {
		try(w, r, "in", session.From(r.Context()).SignIn(r.FormValue("u")))
	})
	mux.HandleFunc("/out", func(w http.ResponseWriter, r *http.Request) { try(w, r, "out", session.From(r.Context()).SignOut()) })
	return mux
}

// downBrowser keeps cookies; it is for one goroutine.
type downBrowser struct {
	*downService
	jar map[string]string
}

func (s *downService) browser() *downBrowser { return &downBrowser{s, map[string]string{}} }

// downAnswer is an answer, or the error of a request without one.
type downAnswer struct {
	code       int
	body       string
	retryAfter string
	cookies    []*http.Cookie
	err        error
}

// get asks for a path.
func (b *downBrowser) get(path string) downAnswer { return b.send(path, b.cookies()) }

// cookies is what it has, as the line of a header.
func (b *downBrowser) cookies() string {
	var list []string
	for name, value := range b.jar {
		list = append(list, name+"="+value)
	}
	return strings.Join(list, "; ")
}

// send asks for a path with these lines of cookies, and takes the cookies that
// it is given.
func (b *downBrowser) send(path string, lines ...string) downAnswer {
	ctx, cancel := context.WithTimeout(context.Background(), downTooLong)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+path, nil)
	if err != nil {
		return downAnswer{err: err}
	}
	r.Header["Cookie"] = lines
	res, err := b.http.Do(r)
	if err != nil {
		return downAnswer{err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	for _, k := range res.Cookies() {
		if b.jar[k.Name] = k.Value; k.MaxAge < 0 {
			delete(b.jar, k.Name)
		}
	}
	return downAnswer{res.StatusCode, strings.TrimSpace(string(body)), res.Header.Get("Retry-After"), res.Cookies(), err}
}

// must is get while all is well.
func (b *downBrowser) must(t *testing.T, path, want string) {
	t.Helper()
	if a := b.get(path); a.err != nil || a.code != http.StatusOK || a.body != want {
		t.Fatalf("%s: %s: got %d %q, %v, want %q\n%s", b.name, path, a.code, a.body, a.err, want, b.log)
	}
}

// signedIn is a browser of somebody whose cookie has come back.
func (s *downService) signedIn(t *testing.T, who string) *downBrowser {
	t.Helper()
	b := s.browser()
	b.must(t, "/in?u="+who, "in")
	b.must(t, "/who", who+" 0 0")
	return b
}

// awaitFact waits until there is no complaint.
func awaitFact(t *testing.T, what string, complaint func() string) {
	t.Helper()
	if last := lastComplaint(complaint); last != "" {
		t.Fatalf("%s: not within %v: %s", what, downPatience, last)
	}
}

// lastComplaint asks until there is no complaint, or until its patience ends.
func lastComplaint(complaint func() string) string {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(downPatience); ; {
		last := complaint()
		if last == "" {
			return ""
		}
		select {
		case <-tick.C:
		case <-end:
			return last
		}
	}
}
