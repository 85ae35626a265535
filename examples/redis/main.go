// Command redis is a small service that keeps its users signed in wherever its
// instances run, and shows them where else they are. It trusts the name that it
// is given: check a password in front.
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to serve on")
	url := flag.String("redis", "redis://127.0.0.1:6379", "the servers")
	flag.Parse()
	store, err := redisstore.New(*url, redisstore.Options{Service: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := session.New(store, session.Options{Sessions: session.PrincipalOptions{Max: 5}})
	if err != nil {
		log.Fatal(err)
	}
	srv := &http.Server{Addr: *listen, Handler: service(sessions), ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(srv.ListenAndServe())
}

func service(sessions *session.Manager) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /sign-in", func(w http.ResponseWriter, r *http.Request) {
		done(w, r, session.From(r.Context()).SignIn(r.FormValue("user")))
	})
	mux.HandleFunc("POST /sign-out-elsewhere", func(w http.ResponseWriter, r *http.Request) {
		_, err := session.From(r.Context()).RevokeOthers(r.Context())
		done(w, r, err)
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if err := s.Load(); err != nil {
			session.Error(w, r, err)
			return
		}
		if s.Principal() == "" {
			fmt.Fprintln(w, "not signed in", s.Gone()) // why not, if there is a reason
			return
		}
		list, err := sessions.Sessions(r.Context(), s.Principal())
		if err != nil {
			session.Error(w, r, err)
			return
		}
		fmt.Fprintf(w, "%s, signed in %d times\n", s.Principal(), len(list))
		for _, l := range list {
			fmt.Fprintf(w, "since %s with %s\n", l.SignedIn.Format(time.DateTime), l.Device)
		}
	})
	return http.NewCrossOriginProtection().Handler(sessions.Handler(mux))
}

// done answers a change: with the home page, or with the error.
func done(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		session.Error(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
