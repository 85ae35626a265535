package main

import (
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/memstore"
)

var frameworks = map[string]func(*session.Manager) http.Handler{
	"chi":  func(m *session.Manager) http.Handler { return chiShop(chiSessions(m)...) },
	"echo": func(m *session.Manager) http.Handler { return echoShop(echoSessions(m)...) },
	"gin":  func(m *session.Manager) http.Handler { return ginShop(ginSessions(m)...) },
}

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to serve on")
	with := flag.String("with", "chi", "chi, echo or gin")
	flag.Parse()
	shop, ok := frameworks[*with]
	if !ok {
		log.Fatalf("no framework %q: use chi, echo or gin", *with)
	}
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Attributes: attributes})
	if err != nil {
		log.Fatal(err)
	}
	handler := http.NewCrossOriginProtection().Handler(shop(sessions))
	srv := &http.Server{Addr: *listen, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(srv.ListenAndServe())
}
