package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/drain"
	"github.com/evenkeel/evenkeel/probe"
	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/memstore"
	"github.com/evenkeel/evenkeel/session/sqlitestore"
)

// drillSecret is that of every probe in the tests.
const drillSecret = "a-secret-of-more-than-24-bytes"

// drillService is a small service with a probe, as a program:
//
//	PORT=… drillservice memory     # sessions end with the process
//	PORT=… drillservice FILE       # sessions in a SQLite file
func drillService() {
	if err := serveDrill(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serveDrill(at string) error {
	var store session.Store = memstore.New(memstore.Options{})
	if at != "memory" {
		file, err := sqlitestore.Open(at, sqlitestore.Options{})
		if err != nil {
			return err
		}
		defer file.Close()
		store = file
	}
	quiet := slog.New(slog.DiscardHandler)
	manager, err := session.New(store, session.Options{
		Cookie: session.CookieOptions{InsecureCookie: true}, MaxStarts: -1, Budget: 2 * time.Second, Attributes: drillAttributes(), Logger: quiet,
	})
	if err != nil {
		return err
	}
	p, err := probe.New(drillSecret, drillCalls(), probe.Options{Instance: os.Getenv("EVENKEEL_INSTANCE"), Logger: quiet})
	if err != nil {
		return err
	}
	leaving, err := drain.New(drain.Options{
		Budget: drain.Budget{Withdraw: time.Second, Requests: 4 * time.Second, Streams: time.Second, Flush: time.Second}, Logger: quiet,
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /readyz", leaving.Ready())
	mux.Handle("/probe/", manager.Handler(p))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Instance", os.Getenv("EVENKEEL_INSTANCE"))
	})
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: leaving.Handler(mux), ReadHeaderTimeout: 10 * time.Second}
	leaving.Listen(srv, l)
	_, err = leaving.Run(context.Background(), srv)
	return err
}

var (
	drillTickets = session.NewCounter("tickets")
	drillLists   = func() map[string]*session.List[string] {
		lists := map[string]*session.List[string]{}
		for i := range 8 {
			key := fmt.Sprint("k", i)
			lists[key] = session.NewList[string]("tokens-" + key)
		}
		return lists
	}()
)

func drillAttributes() []session.Named {
	attributes := []session.Named{drillTickets}
	for _, l := range drillLists {
		attributes = append(attributes, l)
	}
	return attributes
}

// drillCalls use the session of the request.
func drillCalls() probe.Calls {
	of := func(r *http.Request) *session.Session { return session.From(r.Context()) }
	told := func(err error) error {
		if errors.Is(err, session.ErrNotFound) || errors.Is(err, session.ErrSuperseded) || errors.As(err, new(session.ErrGone)) {
			return probe.ErrAnonymous
		}
		return err
	}
	return probe.Calls{
		Principal: func(_ http.ResponseWriter, r *http.Request) (string, error) {
			if err := of(r).Load(); err != nil {
				return "", told(err)
			}
			return of(r).Principal(), nil
		},
		SignIn:  func(_ http.ResponseWriter, r *http.Request, who string) error { return told(of(r).SignIn(who)) },
		SignOut: func(_ http.ResponseWriter, r *http.Request) error { return told(of(r).SignOut()) },
		Renew:   func(_ http.ResponseWriter, r *http.Request) error { return told(of(r).Renew()) },
		Append: func(_ http.ResponseWriter, r *http.Request, key, token string) error {
			l := drillLists[key]
			if l == nil {
				return errors.New("no such key: " + strings.ToValidUTF8(key, "?"))
			}
			return told(l.Append(of(r), token))
		},
		Increment: func(_ http.ResponseWriter, r *http.Request) (int64, error) {
			n, err := drillTickets.Add(r.Context(), of(r), 1)
			return n, told(err)
		},
		State: func(_ http.ResponseWriter, r *http.Request) (all probe.State, err error) {
			for _, l := range drillLists {
				values, err := l.Values(of(r))
				if err != nil {
					return all, told(err)
				}
				all.Tokens = append(all.Tokens, values...)
			}
			all.N, err = drillTickets.Value(of(r))
			return all, told(err)
		},
		Done: func(r *http.Request) <-chan struct{} { return drain.Leaving(r.Context()) },
	}
}
