// Package ui is the page that people watch while a demo runs: what happens to
// the shop's replicas, and what it does to the people who shop.
//
//	page := ui.New(source, shop, ui.Options{})
//	go page.Run(ctx)
//	err := http.Serve(listener, page.Handler())
//
// Everything that the page needs is embedded: no build step, no request to
// anywhere else. Viewers get one message per [Options.Every], over
// Server-Sent Events.
//
// # Guarantees
//
//   - A snapshot is encoded once, however many people watch.
//   - A viewer who comes late, falls behind or reconnects gets the newest state
//     and the charts' last 120 points in one message.
//   - A viewer who does not read holds up nobody: a message that has been
//     overtaken is not sent, and one that cannot be written within
//     [Options.WriteTimeout] ends the connection.
//   - A request that is refused changes nothing.
//   - Other sites' pages can neither press the buttons nor read the state, not
//     even with a name that they have pointed at this machine.
//   - What the source says is shown as text, never as markup.
//
// # Not guaranteed
//
//   - That every snapshot reaches every viewer; their points do.
//   - Who may watch and press: anybody who can reach the listener can.
//   - Anything about what the shop's handler answers; its requests and answers
//     pass as they are, once the Host has been checked.
package ui

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"
)

// Errors by which a [Source] refuses. They may be wrapped.
var (
	ErrBusy    = errors.New("the queue is full")
	ErrUnknown = errors.New("unknown")
)

// The actions that the page's buttons ask for.
const (
	ScaleOut       = "scale-out"
	ScaleIn        = "scale-in"
	Kill           = "kill"
	RollingRestart = "rolling-restart"
)

// Source is what the page shows and what it may ask for. It is safe for
// concurrent use.
type Source interface {
	// State returns a complete snapshot. It is called once per Options.Every,
	// so it must be cheap. The page changes nothing in it.
	State() State
	// Do puts an action into the queue and returns how many wait, this one
	// included. The error is ErrBusy when the queue is full (queued then is its
	// length), ErrUnknown when there is no such action; any other is shown to
	// the person.
	Do(action string) (queued int, err error)
	// Switch starts over with another strategy. The error is ErrUnknown when
	// there is no such strategy; any other is shown to the person.
	Switch(strategy string) error
}

// Options of a page. The zero value works.
type Options struct {
	Every        time.Duration // between two snapshots; 0 is 500 ms
	MaxViewers   int           // at once; further ones get 503; 0 is 64
	WriteTimeout time.Duration // for one message to one viewer; 0 is 10 s
	// Hosts are names under which the page may be asked for beside loopback's
	// and the address that was connected to.
	Hosts  []string
	Logger *slog.Logger // nil is slog.Default()
}

func (o Options) withDefaults() Options {
	if o.Every <= 0 {
		o.Every = 500 * time.Millisecond
	}
	if o.MaxViewers <= 0 {
		o.MaxViewers = 64
	}
	if o.WriteTimeout <= 0 {
		o.WriteTimeout = 10 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// Page shows a Source. It is safe for concurrent use.
type Page struct {
	src    Source
	shop   http.Handler
	opt    Options
	assets assets

	ran     atomic.Bool
	latest  atomic.Pointer[frame]
	viewers chan struct{} // a token for each
	counts  counts
}

type counts struct{ encoded, sent, overtaken, dropped atomic.Uint64 }

// Stats is a snapshot of what the page has done.
type Stats struct {
	Viewers   int    // now
	Encoded   uint64 // snapshots
	Sent      uint64 // messages, over all viewers
	Overtaken uint64 // messages not sent because a newer one was there
	Dropped   uint64 // viewers who did not read
}

// New returns a page that shows src, with shop under /shop/. It starts
// nothing: viewers wait until Run is called.
func New(src Source, shop http.Handler, opt Options) *Page {
	opt = opt.withDefaults()
	p := &Page{src: src, shop: shop, opt: opt, assets: embedded(), viewers: make(chan struct{}, opt.MaxViewers)}
	p.latest.Store(newFrame())
	return p
}

// Stats may be called at any time.
func (p *Page) Stats() Stats {
	c := &p.counts
	return Stats{
		Viewers: len(p.viewers), Encoded: c.encoded.Load(), Sent: c.sent.Load(),
		Overtaken: c.overtaken.Load(), Dropped: c.dropped.Load(),
	}
}

// Run takes snapshots and hands them to all viewers until ctx ends; it then
// tells them so, closes their connections and returns nil. End it before
// http.Server.Shutdown, which waits for connections. An error is a bug of the
// source: a state that cannot be encoded. Run may be called once.
func (p *Page) Run(ctx context.Context) error {
	if p.ran.Swap(true) {
		return errors.New("ui: Run was called before")
	}
	tick := time.NewTicker(p.opt.Every)
	defer tick.Stop()
	var c chart
	for {
		f, err := p.snapshot(&c)
		if err != nil {
			p.publish(&frame{last: true})
			return fmt.Errorf("ui: %w", err)
		}
		p.publish(f)
		select {
		case <-ctx.Done():
			p.publish(&frame{last: true})
			return nil
		case <-tick.C:
		}
	}
}

// snapshot asks the source and encodes what it says.
func (p *Page) snapshot(c *chart) (*frame, error) {
	s := p.src.State().listed()
	if err := c.add(&s); err != nil {
		return nil, err
	}
	state, err := encode(s)
	if err != nil {
		return nil, fmt.Errorf("encode the state: %w", err)
	}
	p.counts.encoded.Add(1)
	return &frame{state: state, points: c.points, added: c.added}, nil
}

// publish makes f the latest frame and wakes those who wait for it.
func (p *Page) publish(f *frame) {
	old := p.latest.Load()
	f.id = old.id + 1
	f.replaced = make(chan struct{})
	if !f.last {
		f.event = f.message(f.id - 1)
	}
	p.latest.Store(f)
	close(old.replaced)
}
