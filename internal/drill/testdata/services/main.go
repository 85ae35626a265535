// Command services is a web application with sessions, healthy or with one
// fault planted in it, for the proof that the drill finds each of them and
// blames nothing else. It is never part of a shipped program.
//
//	services -role store
//	services -role instance -name shop-1 -store 127.0.0.1:4711 -fault renewal-gap
//	services -role list
//
// A program prints "listening on ADDRESS" and serves until SIGTERM. The store
// keeps sessions for all instances; an instance answers the probe.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

func main() {
	var o options
	flag.StringVar(&o.role, "role", "", "store, instance or list")
	flag.StringVar(&o.name, "name", "", "of the instance")
	flag.StringVar(&o.store, "store", "", "address of the store")
	flag.StringVar(&o.fault, "fault", "none", "what is wrong")
	flag.DurationVar(&o.idle, "idle", 0, "store: idle timeout; 0 is none")
	flag.DurationVar(&o.absolute, "absolute", 0, "store: absolute timeout; 0 is none")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type options struct {
	role, name, store, fault string
	idle, absolute           time.Duration
}

func run(o options) error {
	switch o.role {
	case "list":
		for _, name := range slices.Sorted(maps.Keys(faults)) {
			fmt.Println(name)
		}
		return nil
	case "store":
		st := newStore()
		st.idle, st.absolute = o.idle, o.absolute
		return serve(http.HandlerFunc(st.serve), drained, nil)
	case "instance":
		f, ok := faults[o.fault]
		if !ok {
			return fmt.Errorf("there is no fault %q", o.fault)
		}
		leaving := make(chan struct{})
		h, err := instance(o, f, leaving)
		if err != nil {
			return err
		}
		return serve(h, f.grace, leaving)
	}
	return fmt.Errorf("-role %q: want store, instance or list", o.role)
}

// drained is the zero grace: requests in flight end as long as they take.
const drained time.Duration = 0

// serve answers on a free port of the loopback until SIGTERM. Requests in
// flight have the grace to end; a negative one ends the program at once.
// leaving, if there is one, is closed then.
func serve(h http.Handler, grace time.Duration, leaving chan<- struct{}) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	fmt.Println("listening on", l.Addr())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	if grace < 0 {
		return nil
	}
	if leaving != nil {
		close(leaving)
	}
	ending := context.Background()
	if grace != drained {
		var cancel context.CancelFunc
		ending, cancel = context.WithTimeout(ending, grace)
		defer cancel()
	}
	if err := srv.Shutdown(ending); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return srv.Close()
}
