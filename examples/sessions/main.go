// Command sessions is a small service that keeps its users signed in across
// restarts. It trusts the name that it is given: check a password in front.
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/sqlitestore"
)

var cart = session.NewList[string]("cart")

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to serve on")
	file := flag.String("store", "sessions.db", "file that keeps the sessions")
	flag.Parse()
	store, err := sqlitestore.Open(*file, sqlitestore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := session.New(store, session.Options{Attributes: []session.Named{cart}})
	if err != nil {
		log.Fatal(err)
	}
	srv := &http.Server{Addr: *listen, Handler: service(sessions), ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(srv.ListenAndServe())
}

func service(sessions *session.Manager) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", home)
	mux.HandleFunc("POST /sign-in", func(w http.ResponseWriter, r *http.Request) {
		done(w, r, session.From(r.Context()).SignIn(r.FormValue("user")))
	})
	mux.HandleFunc("POST /sign-out", func(w http.ResponseWriter, r *http.Request) {
		done(w, r, session.From(r.Context()).SignOut())
	})
	mux.HandleFunc("POST /cart", func(w http.ResponseWriter, r *http.Request) {
		done(w, r, cart.Append(session.From(r.Context()), r.FormValue("item")))
	})
	return http.NewCrossOriginProtection().Handler(sessions.Handler(mux))
}

func home(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context())
	items, err := cart.Values(s)
	if err != nil {
		session.Error(w, r, err)
		return
	}
	fmt.Fprintf(w, "user %q, cart %q\n", s.Principal(), items)
}

// done answers a change: with the home page, or with the error.
func done(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		session.Error(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
