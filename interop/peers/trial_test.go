package peers

import (
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// scenario is an edge, and what the libraries lose there; those without an
// entry lose nothing.
type scenario struct {
	edge string
	run  func(*trial)
	lost map[string]string // by library
}

// trial is a scenario with one library.
type trial struct {
	*testing.T
	service
	lib library

	mu      sync.Mutex
	losses  []string
	lacks   string
	servers []*httptest.Server
}

func newTrial(t *testing.T, lib library) *trial {
	return &trial{T: t, service: lib.open(t, "session"), lib: lib}
}

// lost takes down that something is lost. Handlers may call it.
func (t *trial) lost(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Contains(t.losses, what) {
		t.losses = append(t.losses, what)
	}
}

func (t *trial) lostIf(is bool, what string) {
	if is {
		t.lost(what)
	}
}

// lacking says that the library has nothing that this edge is about.
func (t *trial) lacking(what string) { t.lacks = what }

const keeps = "kept"

// verdict waits for all handlers.
func (t *trial) verdict() string {
	for _, srv := range t.servers {
		srv.Close()
	}
	switch {
	case t.lacks != "":
		return "– (" + t.lacks + ")"
	case len(t.losses) > 0:
		slices.Sort(t.losses)
		return strings.Join(t.losses, "; ")
	}
	return keeps
}

// routes are the calls that a scenario adds to the application.
type routes map[string]func(http.ResponseWriter, *http.Request, visit)

// app is the application. It knows no library.
//
//	set?k=KEY&v=VALUE, get?k=KEY, login?u=USER, logout, who
//	static          does not ask for the session
func (t *trial) app(more routes) http.Handler {
	mux := http.NewServeMux()
	all := routes{
		"/set": func(w http.ResponseWriter, r *http.Request, v visit) {
			answer(w, "ok", v.Set(r.FormValue("k"), r.FormValue("v")), v.Save)
		},
		"/get": func(w http.ResponseWriter, r *http.Request, v visit) {
			value, err := v.Value(r.FormValue("k"))
			answer(w, value, err, nil)
		},
		"/login": func(w http.ResponseWriter, r *http.Request, v visit) {
			answer(w, "ok", v.SignIn(r.FormValue("u")), v.Save)
		},
		"/logout": func(w http.ResponseWriter, _ *http.Request, v visit) {
			answer(w, "ok", v.SignOut(), v.Save)
		},
		"/who": func(w http.ResponseWriter, _ *http.Request, v visit) {
			user, err := v.User()
			answer(w, user, err, nil)
		},
	}
	maps.Copy(all, more)
	for path, f := range all {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { f(w, r, t.visit(w, r)) })
	}
	mux.HandleFunc("/static", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "static") })
	return mux
}

// answer writes body, or the error; save comes before it.
func answer(w http.ResponseWriter, body string, err error, save func() error) {
	if err == nil && save != nil {
		err = save()
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	io.WriteString(w, body)
}

// browse serves the application on loopback to a new browser.
func (t *trial) browse(more routes) *browser { return t.serve(t.wrap(t.app(more)), nil) }

// serve serves any handler; tune may change the server before it starts it, or
// start it itself.
func (t *trial) serve(h http.Handler, tune func(*httptest.Server)) *browser {
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	if tune != nil {
		tune(srv)
	}
	if srv.URL == "" {
		srv.Start()
	}
	t.servers = append(t.servers, srv)
	return &browser{t: t, srv: srv, client: srv.Client().Transport, jar: map[string]string{}}
}

// arrives is how most edges end: the answer brought a cookie, which opens a
// session that has the attribute.
func (t *trial) arrives(b *browser, a answered, key, value string) {
	switch {
	case len(a.cookies) == 0:
		t.lost("no cookie is sent")
	case b.get("/get?k="+key).body != value:
		t.lost("the write is lost")
	}
}

func (t *trial) ok(err error) {
	if err != nil {
		t.Error(err)
	}
}
