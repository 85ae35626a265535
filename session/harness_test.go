package session_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/memstore"
)

const cookieName = "__Host-session"

var quiet = slog.New(slog.DiscardHandler)

// newManager is a manager that logs nothing, with a generous budget: a busy
// machine must not look like a store that is down.
func newManager(t testing.TB, store session.Store, opt session.Options) *session.Manager {
	t.Helper()
	if opt.Logger == nil {
		opt.Logger = quiet
	}
	if opt.Budget == 0 {
		opt.Budget = 10 * time.Second
	}
	m, err := session.New(store, opt)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func newStore() *memstore.Store { return memstore.New(memstore.Options{}) }

// serve runs h behind m on loopback.
func serve(t testing.TB, m *session.Manager, h http.Handler) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(m.Handler(h))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.Start()
	t.Cleanup(srv.Close)
	return srv
}

// browser follows the rules for cookies that matter here: a cookie of a name
// replaces the former, one with Max-Age=0 deletes it, and one with the prefix
// __Host- is refused, as a failure of the test, unless it is as browsers want.
type browser struct {
	t   testing.TB
	url string

	mu  sync.Mutex
	jar map[string]string
}

func newBrowser(t testing.TB, srv *httptest.Server) *browser {
	return &browser{t: t, url: srv.URL, jar: map[string]string{}}
}

type response struct {
	code    int
	body    string
	header  http.Header
	cookies []*http.Cookie
}

func (b *browser) request(method, path string) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, value := range b.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	return r
}

// send sends a request that was made before, with the cookies of then.
func (b *browser) send(r *http.Request) response {
	b.t.Helper()
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		b.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		return response{}
	}
	defer res.Body.Close()
	b.receive(res.Cookies())
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Errorf("%s %s: body: %v", r.Method, r.URL.Path, err)
	}
	return response{code: res.StatusCode, body: string(body), header: res.Header, cookies: res.Cookies()}
}

func (b *browser) receive(cookies []*http.Cookie) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range cookies {
		if strings.HasPrefix(c.Name, "__Host-") && (!c.Secure || c.Path != "/" || c.Domain != "") {
			b.t.Errorf("a browser refuses %s", c.Name)
		}
		if c.MaxAge < 0 {
			delete(b.jar, c.Name)
		} else {
			b.jar[c.Name] = c.Value
		}
	}
}

func (b *browser) get(path string) response {
	b.t.Helper()
	return b.send(b.request("GET", path))
}

// want is get that fails the test unless the answer is as wanted.
func (b *browser) want(path string, code int, body string) response {
	b.t.Helper()
	got := b.get(path)
	if got.code != code || strings.TrimSpace(got.body) != body {
		b.t.Errorf("%s: %d %q, want %d %q", path, got.code, got.body, code, body)
	}
	return got
}

func (b *browser) cookie() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.jar[cookieName]
}

type commitFunc = func(context.Context, session.Change, func() (session.Result, error)) (session.Result, error)

// faulty is a store between a manager and a real one.
type faulty struct {
	session.Store
	mu     sync.Mutex
	load   func(context.Context) error // before it
	commit commitFunc                  // around it
}

func (f *faulty) set(load func(context.Context) error, commit commitFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.load, f.commit = load, commit
}

func (f *faulty) Load(ctx context.Context, key session.Key, opt session.LoadOptions) (*session.Record, error) {
	f.mu.Lock()
	load := f.load
	f.mu.Unlock()
	if load != nil {
		if err := load(ctx); err != nil {
			return nil, err
		}
	}
	return f.Store.Load(ctx, key, opt)
}

func (f *faulty) Commit(ctx context.Context, key session.Key, c session.Change) (session.Result, error) {
	f.mu.Lock()
	commit := f.commit
	f.mu.Unlock()
	do := func() (session.Result, error) { return f.Store.Commit(context.WithoutCancel(ctx), key, c) }
	if commit != nil {
		return commit(ctx, c, do)
	}
	return do()
}

var errDown = errors.New("connection refused")

// down makes every call fail without an answer.
func (f *faulty) down() {
	f.set(func(context.Context) error { return errDown },
		func(context.Context, session.Change, func() (session.Result, error)) (session.Result, error) {
			return session.Result{}, errDown
		})
}

func (f *faulty) up() { f.set(nil, nil) }

// shop is a handler for most tests.
type shop struct {
	*http.ServeMux
	name  *session.Attribute[string]
	flash *session.Attribute[string]
	hits  *session.Counter
	cart  *session.List[string]
	tags  *session.Set[string]
}

// try answers an error of the session.
func try(w http.ResponseWriter, r *http.Request, err error) bool {
	if err != nil {
		session.Error(w, r, err)
		return false
	}
	return true
}

func newShop() *shop {
	s := &shop{
		ServeMux: http.NewServeMux(),
		name:     session.NewAttribute[string]("name"),
		flash:    session.NewAttribute[string]("flash"),
		hits:     session.NewCounter("hits"),
		cart:     session.NewList[string]("cart"),
		tags:     session.NewSet[string]("tags"),
	}
	s.HandleFunc("/static", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "static") })
	s.HandleFunc("/set", func(w http.ResponseWriter, r *http.Request) {
		if try(w, r, s.name.Set(session.From(r.Context()), r.FormValue("v"))) {
			io.WriteString(w, "ok")
		}
	})
	s.HandleFunc("/get", func(w http.ResponseWriter, r *http.Request) {
		v, found, err := s.name.Get(session.From(r.Context()))
		if !try(w, r, err) {
			return
		}
		if !found {
			v = "none"
		}
		io.WriteString(w, v)
	})
	s.HandleFunc("/who", func(w http.ResponseWriter, r *http.Request) {
		if p := session.From(r.Context()).Principal(); p != "" {
			io.WriteString(w, p)
		} else {
			io.WriteString(w, "nobody")
		}
	})
	s.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		if try(w, r, session.From(r.Context()).SignIn(r.FormValue("u"))) {
			io.WriteString(w, "ok")
		}
	})
	s.HandleFunc("/logout", func(w http.ResponseWriter, r *http.Request) {
		if try(w, r, session.From(r.Context()).SignOut()) {
			io.WriteString(w, "ok")
		}
	})
	s.HandleFunc("/renew", func(w http.ResponseWriter, r *http.Request) {
		if try(w, r, session.From(r.Context()).Renew()) {
			io.WriteString(w, "ok")
		}
	})
	s.HandleFunc("/gone", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, string(session.From(r.Context()).Gone()))
	})
	return s
}

// record serves one request without a network, for tests in a synctest bubble.
func record(m *session.Manager, h http.Handler, cookie string, method, target string) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: cookie})
	}
	w := httptest.NewRecorder()
	m.Handler(h).ServeHTTP(w, r)
	return w.Result()
}

// cookieOf is the value of the session cookie that a response sets.
func cookieOf(t testing.TB, res *http.Response) string {
	t.Helper()
	for _, c := range res.Cookies() {
		if c.Name == cookieName {
			return c.Value
		}
	}
	t.Fatalf("%d: no session cookie", res.StatusCode)
	return ""
}

func bodyOf(t testing.TB, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}
