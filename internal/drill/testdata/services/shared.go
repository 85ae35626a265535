package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/evenkeel/evenkeel/probe"
)

// sessions is what an application does with the session that an ID opens. An
// error is probe.ErrAnonymous where there is none.
type sessions interface {
	principal(id string, active bool) (string, error) // whose it is; inactive requests do not keep it alive
	signIn(old, principal string) (id string, err error)
	signOut(id string) error
	renew(id string) (next string, err error)
	append(id, key, token string) error
	state(id string) (*content, error)
	increment(id string) (int64, error)
}

// backend is a store, here or elsewhere.
type backend interface {
	do(request) (reply, error)
}

// remote is the store that all instances share.
type remote struct {
	url    string
	client *http.Client
}

func newRemote(address string) *remote {
	return &remote{"http://" + address, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
}

func (r *remote) do(q request) (reply, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return reply{}, err
	}
	// A change that a client has asked for is made whether it waits or not.
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, r.url, bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	res, err := r.client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return reply{}, fmt.Errorf("the store answers %d: %s: %w", res.StatusCode, raw, err)
	}
	var answer reply
	return answer, json.Unmarshal(raw, &answer)
}

// renewalGrace is for how long a renewed ID still opens its session: the
// requests that carry it are on their way.
const renewalGrace = 10 * time.Second

// shared are healthy sessions: each change is one atomic operation on what all
// instances share, acknowledged when it is done. Faults embed it.
type shared struct{ b backend }

// on does an operation that a session is needed for.
func (s shared) on(q request) (*content, error) {
	answer, err := s.b.do(q)
	if err == nil && answer.Content == nil {
		err = probe.ErrAnonymous
	}
	return answer.Content, err
}

func (s shared) principal(id string, active bool) (string, error) {
	c, err := s.on(request{Op: "get", ID: id, Idle: !active})
	if err != nil {
		return "", err
	}
	return c.Principal, nil
}

func (s shared) signIn(old, principal string) (string, error) {
	id := rand.Text()
	_, err := s.on(request{Op: "create", New: id, Previous: old, Key: principal})
	return id, err
}

func (s shared) signOut(id string) error {
	_, err := s.b.do(request{Op: "end", ID: id})
	return err
}

func (s shared) renew(id string) (string, error) {
	next := rand.Text()
	_, err := s.on(request{Op: "rename", ID: id, New: next, Grace: renewalGrace})
	return next, err
}

func (s shared) append(id, key, token string) error {
	_, err := s.on(request{Op: "append", ID: id, Key: key, Token: token})
	return err
}

func (s shared) state(id string) (*content, error) {
	return s.on(request{Op: "get", ID: id})
}

func (s shared) increment(id string) (int64, error) {
	c, err := s.on(request{Op: "increment", ID: id})
	if err != nil {
		return 0, err
	}
	return c.N, nil
}
