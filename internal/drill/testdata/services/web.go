package main

import (
	"bytes"
	"crypto/rand"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"
)

// record asks the application and keeps the answer back.
func record(r *http.Request, next http.Handler) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	next.ServeHTTP(rec, r)
	return rec
}

func replay(w http.ResponseWriter, rec *httptest.ResponseRecorder, body []byte) {
	maps.Copy(w.Header(), rec.Header())
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(rec.Code)
	_, _ = w.Write(body) // fails if the client is gone
}

func unavailable(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	http.Error(w, "no connection left in the pool", http.StatusServiceUnavailable)
}

// truncated answers with the first half, as if it were all.
func truncated(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if !isState(r) {
		next.ServeHTTP(w, r)
		return
	}
	rec := record(r, next)
	replay(w, rec, rec.Body.Bytes()[:rec.Body.Len()/2])
}

// reset breaks the connection off without an answer.
func reset(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

func isState(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/state") }

// page is an answer that is kept.
type page struct {
	rec   *httptest.ResponseRecorder
	until time.Time
}

// pageCache answers a state read with the page kept under its key, and keeps
// pages that show somebody.
type pageCache struct {
	next http.Handler
	life time.Duration
	key  func(*http.Request) string
	mu   sync.Mutex
	kept map[string]page
}

func (c *pageCache) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !isState(r) {
		c.next.ServeHTTP(w, r)
		c.mu.Lock()
		defer c.mu.Unlock()
		if strings.HasSuffix(r.URL.Path, "/append") || strings.HasSuffix(r.URL.Path, "/incr") {
			delete(c.kept, c.key(r))
		}
		return
	}
	c.mu.Lock()
	kept := c.kept[c.key(r)]
	c.mu.Unlock()
	if time.Now().Before(kept.until) {
		replay(w, kept.rec, kept.rec.Body.Bytes())
		return
	}
	rec := record(r, c.next)
	if rec.Code == http.StatusOK {
		c.mu.Lock()
		c.kept[c.key(r)] = page{rec, time.Now().Add(c.life)}
		c.mu.Unlock()
	}
	replay(w, rec, bytes.Clone(rec.Body.Bytes()))
}

// sharedPageCache forgets that pages differ from person to person.
func sharedPageCache(next http.Handler) http.Handler {
	return &pageCache{next: next, life: 10 * time.Millisecond, kept: map[string]page{}, key: func(*http.Request) string { return "" }}
}

// pageCacheByLogin keeps a page for each cookie, drops it when its owner writes
// something, and does not when the owner signs out.
func pageCacheByLogin(next http.Handler) http.Handler {
	return &pageCache{next: next, life: 400 * time.Millisecond, kept: map[string]page{}, key: idOf}
}

// cookieOverwritten gives an anonymous session to whoever asks for something
// that needs none.
func cookieOverwritten(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/slow") {
			http.SetCookie(w, &http.Cookie{Name: cookieName, Value: rand.Text(), Path: "/"})
		}
		next.ServeHTTP(w, r)
	})
}

func isStream(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/stream") }

// resumedAt goes on after another event than the last one received.
func resumedAt(other func(last int) int) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if last, err := strconv.Atoi(r.Header.Get("Last-Event-ID")); err == nil && isStream(r) {
				r.Header.Set("Last-Event-ID", strconv.Itoa(other(last)))
			}
			next.ServeHTTP(w, r)
		})
	}
}

// streamRefused has streams begin and not go on.
func streamRefused(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isStream(r) && r.Header.Get("Last-Event-ID") != "" {
			http.Error(w, "too many streams", http.StatusTooManyRequests)
			return
		}
		next.ServeHTTP(w, r)
	})
}
