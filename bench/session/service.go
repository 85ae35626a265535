package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// environment is what libraries are given.
type environment struct {
	redis string // host:port
	dir   string // for files, of this run
}

// library is one under test.
type library struct {
	name   string
	renews bool // it can renew a session's ID
	many   bool // it takes part in race.many trials, where those are more
	// open makes one instance of a service; what instances share is in the
	// environment or in the library.
	open func(environment, *holds) (instance, error)
}

// instance is one process's worth of a service.
type instance struct {
	serve func(net.Listener) error // until close
	close func() error
}

// overHTTP is an instance on net/http's server.
func overHTTP(h http.Handler, closing ...func() error) instance {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	return instance{
		serve: func(l net.Listener) error {
			if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		},
		close: func() error {
			err := srv.Close()
			for _, f := range closing {
				err = errors.Join(err, f())
			}
			return err
		},
	}
}

// service is two instances that share a store.
type service struct {
	library
	holds     *holds
	urls      [2]string
	instances []instance
	running   sync.WaitGroup
	failed    chan error
}

func startService(ctx context.Context, lib library, e environment) (*service, error) {
	s := &service{library: lib, holds: newHolds(), failed: make(chan error, 2)}
	for i := range s.urls {
		in, err := lib.open(e, s.holds)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", lib.name, err), s.close())
		}
		s.instances = append(s.instances, in)
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		s.urls[i] = "http://" + l.Addr().String()
		s.running.Go(func() {
			if err := in.serve(l); err != nil {
				s.failed <- fmt.Errorf("%s: %w", lib.name, err)
			}
		})
	}
	return s, nil
}

// close ends the instances and returns what went wrong with them.
func (s *service) close() error {
	var err error
	for _, in := range s.instances {
		err = errors.Join(err, in.close())
	}
	s.running.Wait()
	close(s.failed)
	for e := range s.failed {
		err = errors.Join(err, e)
	}
	return err
}
