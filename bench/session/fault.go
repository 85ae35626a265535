package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"
)

// fault does what must be found: the session is one value that is loaded, and
// saved as a whole at the end of each request, also of those that only read.
var fault = library{name: "planted-fault", renews: true, open: func(e environment, h *holds) (instance, error) {
	client := redis.NewClient(&redis.Options{Addr: e.redis})
	app := h.handler(func(_ http.ResponseWriter, r *http.Request) (visit, error) {
		return r.Context().Value(blobKey{}).(*blobVisit), nil
	})
	return overHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &blobVisit{client: client, w: w, ctx: r.Context(), Values: map[string]string{}}
		if err := v.load(r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		early := &savesFirst{ResponseWriter: w, v: v}
		app.ServeHTTP(early, r.WithContext(context.WithValue(r.Context(), blobKey{}, v)))
	}), client.Close), nil
}}

type blobKey struct{}

const faultCookie = "fault"

// savesFirst saves before the status is sent.
type savesFirst struct {
	http.ResponseWriter
	v *blobVisit
}

func (s *savesFirst) WriteHeader(status int) {
	if err := s.v.store(); err != nil {
		status = http.StatusInternalServerError
	}
	s.ResponseWriter.WriteHeader(status)
}

type blobVisit struct {
	client *redis.Client
	w      http.ResponseWriter
	ctx    context.Context
	id     string
	gone   bool
	Values map[string]string
}

func (v *blobVisit) load(r *http.Request) error {
	c, err := r.Cookie(faultCookie)
	if err != nil {
		return nil // no cookie, no session
	}
	v.id = c.Value
	b, err := v.client.Get(v.ctx, "fault:"+v.id).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(b, &v.Values)
}

func (v *blobVisit) store() error {
	if v.gone || len(v.Values) == 0 {
		return nil
	}
	if v.id == "" {
		v.id = rand.Text()
	}
	b, err := json.Marshal(v.Values)
	if err != nil {
		return err
	}
	http.SetCookie(v.w, &http.Cookie{Name: faultCookie, Value: v.id, Path: "/", HttpOnly: true})
	return v.client.Set(v.ctx, "fault:"+v.id, b, 30*time.Minute).Err()
}

func (v *blobVisit) User() (string, error)            { return v.Values["user"], nil }
func (v *blobVisit) Value(key string) (string, error) { return v.Values[key], nil }
func (v *blobVisit) Save() error                      { return nil }

func (v *blobVisit) Set(key, value string) error {
	v.Values[key] = value
	return nil
}

func (v *blobVisit) SignIn(user string) error {
	old := v.id
	v.id = rand.Text()
	v.Values["user"] = user
	return v.client.Del(v.ctx, "fault:"+old).Err()
}

func (v *blobVisit) SignOut() error {
	v.gone = true
	return v.client.Del(v.ctx, "fault:"+v.id).Err()
}
