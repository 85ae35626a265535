package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// browser keeps cookies in the order in which answers arrive. It is safe for
// concurrent use.
type browser struct {
	client *http.Client

	mu  sync.Mutex
	jar map[string]string
}

func newBrowser(c *http.Client) *browser { return &browser{client: c, jar: map[string]string{}} }

func newClient() *http.Client {
	return &http.Client{
		Timeout:       10 * time.Second,
		Transport:     &http.Transport{MaxIdleConnsPerHost: attributes + 4, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// cookies are those that the next request presents.
func (b *browser) cookies() map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.jar)
}

// post sends a call and returns the status and the body.
func (b *browser) post(ctx context.Context, url, call string) (status int, body string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/"+call, nil)
	if err != nil {
		return 0, "", err
	}
	for name, value := range b.cookies() {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	resp, err := b.client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b.arrived(resp.Cookies())
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	return resp.StatusCode, string(text), err
}

// do is post of a call that must be answered 204.
func (b *browser) do(ctx context.Context, url, call string) error {
	status, body, err := b.post(ctx, url, call)
	if err == nil && status != http.StatusNoContent {
		err = fmt.Errorf("answered %d: %s", status, body)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", call, err)
	}
	return nil
}

func (b *browser) arrived(cookies []*http.Cookie) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range cookies {
		if c.MaxAge < 0 || !c.Expires.IsZero() && c.Expires.Before(time.Now()) {
			delete(b.jar, c.Name)
			continue
		}
		b.jar[c.Name] = c.Value
	}
}

// state is what the session holds.
type state struct {
	user string
	keys []string
}

// state reads the session.
func (b *browser) state(ctx context.Context, url string) (state, error) {
	status, body, err := b.post(ctx, url, "state")
	if err != nil {
		return state{}, err
	}
	user, found := "", false
	words := strings.Fields(body)
	if len(words) > 0 {
		user, found = strings.CutPrefix(words[0], "user=")
	}
	if status != http.StatusOK || !found {
		return state{}, errors.New("state answered " + body)
	}
	return state{user, words[1:]}, nil
}

// lacking counts which of the attributes are not there.
func (s state) lacking(keys []string) (n int) {
	for _, k := range keys {
		if !slices.Contains(s.keys, k) {
			n++
		}
	}
	return n
}
