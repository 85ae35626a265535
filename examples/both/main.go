// Command both is a service with both: its users stay signed in, and no
// request breaks when one of its processes ends. It trusts the name that it is
// given: check a password in front.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/evenkeel/evenkeel/drain"
	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/sqlitestore"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to serve on")
	file := flag.String("store", "sessions.db", "file that keeps the sessions")
	flag.Parse()
	store, err := sqlitestore.Open(*file, sqlitestore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := session.New(store, session.Options{Attributes: attributes, ErrorHandler: sorry})
	if err != nil {
		log.Fatal(err)
	}
	leaving, err := drain.New(drain.Options{Grace: 30 * time.Second})
	if err != nil {
		log.Fatal(err)
	}
	leaving.Hook("store", 1, func(context.Context) error { return store.Close() })
	mux, err := routes(leaving, os.Getenv("EVENKEEL_PROBE_SECRET"))
	if err != nil {
		log.Fatal(err)
	}
	handler := http.NewCrossOriginProtection().Handler(sessions.Handler(mux))
	srv := &http.Server{
		Addr:              *listen,
		Handler:           leaving.Handler(handler), // outside of all that answers or commits
		ReadHeaderTimeout: 10 * time.Second,
	}
	if _, err := leaving.Run(context.Background(), srv); err != nil { // it logs the report
		log.Fatal(err)
	}
}
