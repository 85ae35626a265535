package main

import (
	"fmt"
	"net/http"

	"github.com/evenkeel/evenkeel/drain"
	"github.com/evenkeel/evenkeel/probe"
	"github.com/evenkeel/evenkeel/session"
)

// What the service keeps in a session.
var (
	cart       = session.NewList[string]("cart")
	seen       = session.NewAttribute[int]("seen_event")
	attributes = []session.Named{cart, seen, tickets}
)

// routes are the service's pages, its probes, and, with a secret, a drill's
// way in.
func routes(leaving *drain.Drainer, secret string) (http.Handler, error) {
	mux := http.NewServeMux()
	mux.Handle("GET /readyz", leaving.Ready())
	mux.Handle("GET /livez", leaving.Live())
	mux.HandleFunc("GET /{$}", home)
	mux.HandleFunc("GET /events", events)
	mux.HandleFunc("POST /sign-in", func(w http.ResponseWriter, r *http.Request) {
		done(w, r, session.From(r.Context()).SignIn(r.FormValue("user")))
	})
	mux.HandleFunc("POST /sign-out", func(w http.ResponseWriter, r *http.Request) {
		done(w, r, session.From(r.Context()).SignOut())
	})
	mux.HandleFunc("POST /cart", func(w http.ResponseWriter, r *http.Request) {
		done(w, r, cart.Append(session.From(r.Context()), r.FormValue("item")))
	})
	if secret != "" {
		p, err := probe.New(secret, calls(), probe.Options{})
		if err != nil {
			return nil, err
		}
		mux.Handle("/probe/", p)
	}
	return mux, nil
}

func home(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context())
	items, err := cart.Values(s)
	if err != nil {
		sorry(w, r, err)
		return
	}
	fmt.Fprintf(w, "user %q, cart %q\n", s.Principal(), items)
}

// done answers a change: with the home page, or with the error.
func done(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		sorry(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// sorry says in the service's own words what session.Error would say.
func sorry(w http.ResponseWriter, _ *http.Request, err error) {
	status := session.Status(err)
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	http.Error(w, "That could not be saved. Please try again.", status)
}
