package main

import (
	"net/http"

	"github.com/boj/redistore"
	"github.com/gorilla/sessions"
)

var gorillaPeers = []library{
	{name: "gorilla-boj", open: func(e environment, h *holds) (instance, error) {
		store, err := redistore.NewRediStore(10, "tcp", e.redis, "", "", []byte("a-key-of-32-bytes-for-the-bench!"))
		if err != nil {
			return instance{}, err
		}
		store.SetKeyPrefix("gorilla-boj:")
		return overHTTP(gorillaHandler(store, h), store.Close), nil
	}},
}

func gorillaHandler(store sessions.Store, h *holds) http.Handler {
	return h.handler(func(w http.ResponseWriter, r *http.Request) (visit, error) {
		s, err := store.Get(r, "session-key")
		return gorillaVisit{s, w, r}, err
	})
}

// gorillaVisit: the handler saves, which it does after a change. Gorilla has no
// means to give a session another ID.
type gorillaVisit struct {
	s *sessions.Session
	w http.ResponseWriter
	r *http.Request
}

func (v gorillaVisit) User() (string, error) { return v.Value("user") }
func (v gorillaVisit) Save() error           { return v.s.Save(v.r, v.w) }

func (v gorillaVisit) Value(key string) (string, error) {
	value, _ := v.s.Values[key].(string) // absent is ""
	return value, nil
}

func (v gorillaVisit) Set(key, value string) error {
	v.s.Values[key] = value
	return nil
}

func (v gorillaVisit) SignIn(user string) error { return v.Set("user", user) }

func (v gorillaVisit) SignOut() error {
	v.s.Options.MaxAge = -1
	return nil
}
