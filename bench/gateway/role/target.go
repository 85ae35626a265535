package role

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	slowRequest  = 2 * time.Second        // of GET /slow
	streamEvery  = 100 * time.Millisecond // an event
	shutdownTime = 5 * time.Second        // a target's own
)

// How a target ends on SIGTERM.
const (
	Exits    = "exit"     // at once
	Graceful = "graceful" // http.Server.Shutdown; streams end in good order
)

// What a target prints of each POST, before its id.
const (
	Read     = "read"     // by the process
	Unread   = "unread"   // in the kernel, which has acknowledged it, when its connection was closed
	Executed = "executed" // printed before it is answered
)

// service is an instance of an application, called name.
type service struct {
	name    string
	body    []byte
	term    context.Context
	sockets sync.WaitGroup
}

// serveTarget serves until SIGTERM.
func serveTarget(ctx context.Context, l net.Listener, onTerm, name string) error {
	term, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	s := &service{name: name, body: []byte(strings.Repeat("x", 200)), term: term}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", s.answer)
	mux.HandleFunc("GET /fast", s.answer)
	mux.HandleFunc("GET /slow", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(slowRequest)
		s.answer(w, r)
	})
	mux.HandleFunc("POST /write", s.write)
	mux.HandleFunc("GET /stream", s.stream)
	mux.HandleFunc("GET /socket", s.socket)
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	fmt.Println(l.Addr())
	w := newWitness(l.(*net.TCPListener))
	served := make(chan error, 1)
	go func() { served <- srv.Serve(w) }()
	select {
	case err := <-served:
		return err
	case <-term.Done():
	}
	if onTerm == Exits {
		w.exit()
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	err := srv.Shutdown(end)
	s.sockets.Wait()
	return err
}

func (s *service) answer(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Instance", s.name)
	_, _ = w.Write(s.body) // who has gone notices it
}

func (s *service) write(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return // it is not whole: not executed
	}
	fmt.Println(Executed, r.URL.Query().Get("id"))
	s.answer(w, r)
}

// stream sends events until the client or the process goes away.
func (s *service) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Instance", s.name)
	w.Header().Set("Content-Type", "text/event-stream")
	tick := time.NewTicker(streamEvery)
	defer tick.Stop()
	for n := 1; ; n++ {
		fmt.Fprintf(w, "id: %d\ndata: x\n\n", n)
		if err := http.NewResponseController(w).Flush(); err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-s.term.Done():
			return
		case <-r.Context().Done():
			return
		}
	}
}
