package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// visit is the session in the hands of one request, as a handler of that
// library would use it.
type visit interface {
	User() (string, error)            // "" is nobody
	Value(key string) (string, error) // "" is absent
	Set(key, value string) error      //
	SignIn(user string) error         // renews the ID where the library can
	SignOut() error                   //
	Save() error                      // what handlers do before they answer, after a change
}

// attributes that races count.
const attributes = 20

func attribute(i int) string { return fmt.Sprintf("a%d", i) }

// answer is the application. It knows neither library nor framework.
//
//	login?u=NAME  204
//	set?k=KEY     loads, is held or waits, sets; 204
//	read          loads, is held or waits; 204
//	state         200 and a line "user a0 a3 …" of what is there
//	logout        204
func (h *holds) answer(ctx context.Context, call string, q url.Values, v visit) (status int, body string) {
	err := h.do(ctx, call, q, v, &body)
	switch {
	case err != nil:
		return http.StatusInternalServerError, err.Error()
	case body != "":
		return http.StatusOK, body
	}
	return http.StatusNoContent, ""
}

func (h *holds) do(ctx context.Context, call string, q url.Values, v visit, body *string) error {
	switch call {
	case "login":
		if err := v.SignIn(q.Get("u")); err != nil {
			return err
		}
		return v.Save()
	case "logout":
		if err := v.SignOut(); err != nil {
			return err
		}
		return v.Save()
	case "set", "read":
		if _, err := v.User(); err != nil { // loads, where that has not happened
			return err
		}
		if err := h.wait(ctx, q); err != nil || call == "read" {
			return err
		}
		if err := v.Set(q.Get("k"), "1"); err != nil {
			return err
		}
		return v.Save()
	case "state":
		user, err := v.User()
		if err != nil {
			return err
		}
		there := []string{"user=" + user}
		for i := range attributes {
			switch value, err := v.Value(attribute(i)); {
			case err != nil:
				return err
			case value != "":
				there = append(there, attribute(i))
			}
		}
		*body = strings.Join(there, " ")
		return nil
	}
	return fmt.Errorf("no call %q", call)
}

// holds are requests that the harness keeps between their load and their end.
type holds struct {
	mu sync.Mutex
	m  map[string]*hold
}

type hold struct {
	name    string
	arrived chan struct{}
	release chan struct{}
}

func newHolds() *holds { return &holds{m: map[string]*hold{}} }

// add announces a request with hold=name. A hold serves one request.
func (h *holds) add(name string) *hold {
	x := &hold{name: name, arrived: make(chan struct{}), release: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.m[name] = x
	return x
}

// wait holds the request, or lets it take its time.
func (h *holds) wait(ctx context.Context, q url.Values) error {
	d := time.Duration(0)
	if text := q.Get("wait"); text != "" {
		var err error
		if d, err = time.ParseDuration(text); err != nil {
			return err
		}
	}
	name := q.Get("hold")
	if name == "" {
		if d > 0 {
			time.Sleep(d) // the handler's work
		}
		return nil
	}
	h.mu.Lock()
	x := h.m[name]
	delete(h.m, name)
	h.mu.Unlock()
	if x == nil {
		return fmt.Errorf("nobody holds %q", name)
	}
	close(x.arrived)
	select {
	case <-x.release:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// handler serves the application with net/http; begin gives a request its
// session.
func (h *holds) handler(begin func(http.ResponseWriter, *http.Request) (visit, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := begin(w, r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		status, body := h.answer(r.Context(), strings.TrimPrefix(r.URL.Path, "/"), r.URL.Query(), v)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // a client that has gone is noticed by the client
	})
}
