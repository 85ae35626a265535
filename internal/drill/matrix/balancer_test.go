package matrix

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// affinityCookie names the instance that a sticky balancer prefers.
const affinityCookie = "lb"

// balancer forwards to instances in turn, or sticks to the one that answered
// first. It shares nothing with the gateway, whose faults must not hide here.
type balancer struct {
	sticky    bool
	transport *http.Transport

	mu      sync.Mutex
	serving []*backend
	turn    int
}

// backend is an instance in the balancer's table.
type backend struct {
	name  string
	proxy *httputil.ReverseProxy
	busy  sync.WaitGroup // of requests in flight, without streams
}

func newBalancer(t testing.TB, sticky bool) *balancer {
	b := &balancer{sticky: sticky, transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	t.Cleanup(b.transport.CloseIdleConnections)
	return b
}

// register has the instance at the address take part.
func (b *balancer) register(name, address string) {
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address})
	proxy.Transport = b.transport
	proxy.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.serving = append(b.serving, &backend{name: name, proxy: proxy})
}

// deregister gives the instance no more requests, and returns when it has
// answered those it has.
func (b *balancer) deregister(ctx context.Context, name string) error {
	b.mu.Lock()
	i := slices.IndexFunc(b.serving, func(s *backend) bool { return s.name == name })
	leaving := b.serving[i]
	b.serving = slices.Delete(slices.Clone(b.serving), i, i+1)
	b.mu.Unlock()
	empty := make(chan struct{})
	go func() {
		leaving.busy.Wait()
		close(empty)
	}()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func isStream(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/stream") }

// pick chooses, and counts the request as in flight.
func (b *balancer) pick(r *http.Request) *backend {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.serving) == 0 {
		return nil
	}
	b.turn++
	chosen := b.serving[b.turn%len(b.serving)]
	if c, err := r.Cookie(affinityCookie); b.sticky && err == nil {
		for _, s := range b.serving {
			if s.name == c.Value {
				chosen = s
			}
		}
	}
	if !isStream(r) {
		chosen.busy.Add(1)
	}
	return chosen
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	chosen := b.pick(r)
	if chosen == nil {
		http.Error(w, "no instance", http.StatusServiceUnavailable)
		return
	}
	if !isStream(r) {
		defer chosen.busy.Done()
	}
	if b.sticky {
		http.SetCookie(w, &http.Cookie{Name: affinityCookie, Value: chosen.name, Path: "/"})
	}
	chosen.proxy.ServeHTTP(w, r)
}

// detect takes an instance out whose end nobody announced, after the time that
// a health check needs.
func (b *balancer) detect(ctx context.Context, name string) error {
	select {
	case <-time.After(300 * time.Millisecond):
	case <-ctx.Done():
		return ctx.Err()
	}
	return b.deregister(ctx, name)
}
