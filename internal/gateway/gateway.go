// Package gateway is a session-aware reverse proxy: target groups, cookie
// affinity, health checks, draining, and an admin API.
//
//	gw, err := gateway.New(gateway.Options{Groups: []gateway.GroupOptions{{
//		Name:    "shop",
//		Routes:  []string{"/"},
//		Targets: []target.Target{{ID: "a", Address: "127.0.0.1:9001"}},
//	}}})
//	go gw.Run(ctx)
//	result, err := gw.Drain(ctx, "shop", "a") // returns when nothing is left on a
//
// The way of a request is [Gateway.ServeHTTP]: route, affinity, pick, forward.
//
// # Guarantees
//
//   - A change of targets touches no client connection, no request in flight
//     and no stream of another target; only sessions bound to a leaving target
//     move.
//   - Requests in flight are counted exactly: after a drain has reported
//     empty, nothing is sent to that target until it is registered again.
//   - Gateways with the same keys and the same targets agree on every cookie,
//     and a restart moves nobody.
//   - A request that a target may have processed is sent again only if it is
//     idempotent, or the group's options say so.
//   - A response that breaks off is aborted towards the client.
//
// # Not guaranteed
//
//   - Routes are not access control: targets may see a path differently.
//   - A client that speaks HTTP/1.0 without Content-Length cannot tell a
//     broken response from a whole one.
//   - Events can be lost to a slow subscriber; they are counted.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway/affinity"
	"github.com/evenkeel/evenkeel/internal/gateway/certs"
	"github.com/evenkeel/evenkeel/internal/gateway/health"
	"github.com/evenkeel/evenkeel/internal/upstream"
)

// Errors that callers branch on.
var (
	ErrUnknownGroup  = errors.New("unknown group")
	ErrUnknownTarget = errors.New("unknown target")
	ErrInvalid       = errors.New("invalid")
	ErrReturned      = errors.New("the target was registered again while it was draining")
	ErrStopped       = errors.New("the gateway has stopped")
)

// Gateway is a reverse proxy with its target groups. It is an http.Handler
// that takes over the request: it changes its Header. It is safe for
// concurrent use.
type Gateway struct {
	opt     Options
	routing atomic.Pointer[routing]
	events  hub
	keys    atomic.Pointer[affinity.Ring]
	reload  reloads

	reloading reloading
	ownKeys   bool                  // nobody configured keys: those beside the state are used
	state     atomic.Pointer[store] // nil: nothing is kept, or not yet
	kept      unclaimed
	access    *accessLog   // nil: none is written
	certs     *certs.Store // nil: clear text

	newPool func(addr string) pool
	check   func(ctx context.Context, addr string, opt health.Options) error

	leaving    atomic.Bool   // Run is ending: answers say Connection: close
	dismissing atomic.Bool   // at the end: streams are asked to leave
	stopping   chan struct{} // closed when Run gives up waiting
	stop       func()        // closes stopping, once
	tasks      tasks
	running    atomic.Pointer[context.Context] // of the health checks; nil before Run
}

// tasks are goroutines that the gateway waits for at its end.
type tasks struct {
	sync.WaitGroup
	mu     sync.Mutex
	closed bool
}

// run starts f, or reports that it is too late to.
func (t *tasks) run(f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.Go(f)
	return true
}

func (t *tasks) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
}

// New checks the options. The gateway serves when its Run does; targets can be
// registered before.
func New(opt Options) (*Gateway, error) {
	ownKeys := opt.Keys == nil
	opt = opt.withDefaults()
	g := &Gateway{opt: opt, ownKeys: ownKeys, check: health.Check, stopping: make(chan struct{})}
	g.stop = sync.OnceFunc(func() { close(g.stopping) })
	g.newPool = func(addr string) pool { return upstream.NewPool(addr, opt.Upstream) }
	g.keys.Store(opt.Keys)
	g.reload.done(time.Now(), nil, nil)
	g.reloading.begin(opt, ownKeys)
	if err := g.prepareFront(); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	groups := make([]*group, len(opt.Groups))
	for i, o := range opt.Groups {
		groups[i] = newGroup(o.withDefaults())
	}
	if err := checkGroups(optionsOf(groups)); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	g.routing.Store(newRouting(groups))
	for _, grp := range groups {
		for _, t := range grp.Targets {
			if err := g.Register(grp.Name, t); err != nil {
				return nil, fmt.Errorf("gateway: %w", err)
			}
		}
	}
	return g, nil
}

// publish hands events to the subscribers and writes them to the log.
func (g *Gateway) publish(events ...Event) {
	g.state.Load().touch()
	for _, ev := range events {
		g.events.publish(ev)
		g.opt.Log.LogAttrs(context.Background(), slog.LevelInfo, "target event", slog.String("kind", string(ev.Kind)),
			slog.String("group", ev.Group), slog.String("target", ev.Target), slog.String("state", ev.State.String()), slog.String("reason", ev.Reason))
	}
}

var _ http.Handler = (*Gateway)(nil)
