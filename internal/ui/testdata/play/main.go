// Play serves the page over an invented shop, to look at the page while
// working on it:
//
//	go run ./internal/ui/testdata/play --strategy sticky
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/evenkeel/evenkeel/internal/ui"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	addr := flag.String("addr", "127.0.0.1:8090", "where to listen")
	strategy := flag.String("strategy", "sticky", "the first one")
	ahead := flag.Duration("ahead", 0, "how much of the run has passed already")
	viewers := flag.Int("viewers", 64, "at most")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	w := newWorld(*strategy)
	shop := &shop{world: w, users: map[string]*visitor{}}
	page := ui.New(w, shop, ui.Options{MaxViewers: *viewers})
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	for range *ahead / step {
		w.advance()
	}
	go w.run(ctx)
	srv := &http.Server{Handler: page.Handler(), ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	if err := page.Run(ctx); err != nil {
		return err
	}
	ending, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := srv.Shutdown(ending); err != nil {
		return err
	}
	<-served
	return nil
}
