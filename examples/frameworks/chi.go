package main

import (
	"fmt"
	"io"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/evenkeel/evenkeel/session"
)

// chiSessions are a shop's middlewares: Recoverer is outside, so that a panic
// undoes what was staged.
func chiSessions(sessions *session.Manager) []func(http.Handler) http.Handler {
	return []func(http.Handler) http.Handler{middleware.Recoverer, sessions.Handler}
}

func chiShop(use ...func(http.Handler) http.Handler) *chi.Mux {
	r := chi.NewRouter()
	r.Use(use...)
	r.Get("/", func(w http.ResponseWriter, r *http.Request) {
		text, err := home(session.From(r.Context()))
		if err != nil {
			session.Error(w, r, err)
			return
		}
		io.WriteString(w, text)
	})
	r.Post("/sign-in", func(w http.ResponseWriter, r *http.Request) {
		chiDone(w, r, session.From(r.Context()).SignIn(r.FormValue("user")))
	})
	r.Post("/sign-out", func(w http.ResponseWriter, r *http.Request) {
		chiDone(w, r, session.From(r.Context()).SignOut())
	})
	r.Post("/cart", func(w http.ResponseWriter, r *http.Request) {
		chiDone(w, r, cart.Append(session.From(r.Context()), r.FormValue("item")))
	})
	r.Get("/events", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if err := open(r.Context(), s); err != nil {
			session.Error(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			fmt.Fprint(w, "data: tick\n\n")
			if http.NewResponseController(w).Flush() != nil || !pause(r.Context(), s) {
				return
			}
		}
	})
	return r
}

func chiDone(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		session.Error(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
