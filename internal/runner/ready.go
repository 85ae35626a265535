package runner

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/drain"
)

// How often it is looked whether the program listens.
const (
	lookEvery = 200 * time.Millisecond // until it does
	lookAgain = 2 * time.Second        // afterwards
	lookFor   = time.Second
)

// readiness is what balancers may know of the run. Without an App the program
// counts as listening.
type readiness struct {
	app       string
	d         *drain.Drainer
	listening atomic.Bool
}

// watch looks until ctx ends.
func (r *readiness) watch(ctx context.Context) {
	if r.app == "" {
		r.listening.Store(true)
		return
	}
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		ok := r.look(ctx)
		r.listening.Store(ok)
		if ok {
			t.Reset(lookAgain)
		} else {
			t.Reset(lookEvery)
		}
	}
}

func (r *readiness) look(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", r.app)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// handler serves the probes and nothing else.
func (r *readiness) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /livez", r.d.Live())
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, q *http.Request) {
		if r.d.State().Ready() && !r.listening.Load() {
			refuse(w, http.StatusServiceUnavailable, "the program does not listen")
			return
		}
		r.d.Ready().ServeHTTP(w, q)
	})
	return mux
}
