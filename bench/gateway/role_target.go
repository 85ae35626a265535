package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// Times of a scale-in.
const (
	drainBound   = 3 * time.Second        // a balancer's for one target
	slowRequest  = 500 * time.Millisecond // of GET /slow
	streamEvery  = 100 * time.Millisecond // an event
	shutdownTime = 3 * time.Second        // a target's own
)

// serveTarget is an instance of a service, called name. Each POST prints its id before it is
// answered. What SIGTERM does:
//
//	exit      the process ends at once
//	graceful  http.Server.Shutdown; streams end
func serveTarget(ctx context.Context, l net.Listener, onTerm, name string) error {
	term, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	mux := http.NewServeMux()
	body := []byte(strings.Repeat("x", 200))
	answer := func(w http.ResponseWriter) {
		w.Header().Set("X-Instance", name)
		_, _ = w.Write(body) // who has gone notices it
	}
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { answer(w) })
	mux.HandleFunc("GET /fast", func(w http.ResponseWriter, _ *http.Request) { answer(w) })
	mux.HandleFunc("GET /slow", func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(slowRequest)
		answer(w)
	})
	mux.HandleFunc("POST /write", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.URL.Query().Get("id"))
		answer(w)
	})
	mux.HandleFunc("GET /stream", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Instance", name)
		w.Header().Set("Content-Type", "text/event-stream")
		stream(w, r, term)
	})
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	fmt.Println(l.Addr())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-term.Done():
	}
	if onTerm == "exit" {
		return nil
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	return srv.Shutdown(end)
}

// stream sends events until the client or the process goes away.
func stream(w http.ResponseWriter, r *http.Request, term context.Context) {
	tick := time.NewTicker(streamEvery)
	defer tick.Stop()
	for n := 1; ; n++ {
		fmt.Fprintf(w, "id: %d\ndata: x\n\n", n)
		if err := http.NewResponseController(w).Flush(); err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-term.Done():
			return
		case <-r.Context().Done():
			return
		}
	}
}
