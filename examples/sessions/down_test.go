package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/memstore"
	"github.com/evenkeel/evenkeel/session/sessiontest"
)

// catalogue is worth showing to people whom the service cannot greet.
func catalogue(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context())
	greeting := "Welcome."
	if err := s.Load(); err == nil && s.Principal() != "" {
		greeting = "Welcome back, " + s.Principal() + "."
	}
	fmt.Fprintln(w, greeting, "We have tea and milk.")
}

// about asks nothing of its session.
func about(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "a shop") }

// careless looks at no error.
func careless(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "user %q", session.From(r.Context()).Principal())
}

// lax does not look at the error of what only reads.
func lax(w http.ResponseWriter, r *http.Request) {
	items, err := cart.Values(session.From(r.Context()))
	fmt.Fprintf(w, "%d items, known: %t", len(items), err == nil)
}

func TestStoreDoesNotAnswer(t *testing.T) {
	store := sessiontest.WithFaults(memstore.New(memstore.Options{}))
	sessions, err := session.New(store, session.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cookie, err := sessions.Issue(t.Context(), "alice", nil)
	if err != nil {
		t.Fatal(err)
	}
	get := func(h http.HandlerFunc) (int, string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(cookie)
		w := httptest.NewRecorder()
		sessions.Handler(h).ServeHTTP(w, r)
		if res := w.Result(); len(res.Cookies()) > 0 || (w.Code == 503) != (res.Header.Get("Retry-After") != "") {
			t.Errorf("%d with the header %v", w.Code, res.Header)
		}
		return w.Code, w.Body.String()
	}
	for name, tc := range map[string]struct {
		h    http.HandlerFunc
		code int
		up   string
	}{
		"catalogue": {catalogue, 200, "Welcome back, alice. We have tea and milk.\n"},
		"home":      {home, 503, "user \"alice\", cart []\n"},
		"careless":  {careless, 503, "user \"alice\""},
		"lax":       {lax, 200, "0 items, known: true"},
	} {
		store.Loads(sessiontest.LoseRequest) // the next load gets no answer
		if code, body := get(tc.h); code != tc.code {
			t.Errorf("%s, store down: %d %s, want %d", name, code, body, tc.code)
		}
		if code, body := get(tc.h); code != 200 || body != tc.up {
			t.Errorf("%s, store up: %d %q", name, code, body)
		}
	}
	store.Loads(sessiontest.LoseRequest)
	if code, body := get(about); code != 200 {
		t.Errorf("about, store down: %d %s", code, body)
	}
}
