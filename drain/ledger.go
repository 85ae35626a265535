package drain

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// kind of a request: what it is allowed at the end differs.
type kind uint8

const (
	plain kind = iota
	stream
	idler // a worker: it has the time of a request, and is none
	kinds
)

// A request is one request in flight: in its handler, or hijacked and not yet
// closed. Its fields belong to the ledger's mutex, but for cut, which writers
// read, and origin, which never changes.
type request struct {
	ledger *ledger
	origin origin
	cancel context.CancelCauseFunc
	cut    atomic.Bool // written under the mutex

	prev, next *request // in the ledger's ring; nil when ended or cut
	kind       kind
	late       bool // arrived when draining had begun
	told       bool
	leaving    chan struct{} // made when somebody asks; closed once told
	refs       int           // the handler, and the hijacked connection
	conn       net.Conn      // hijacked
}

// An origin is what names a request's route later on. It is a copy, since the
// handler may change the *http.Request at any time.
type origin struct {
	method, host, path string
	route              func(*http.Request) string
}

func (o origin) name() string {
	if o.route != nil {
		r := &http.Request{Method: o.method, Host: o.host, URL: &url.URL{Path: o.path}}
		if s := o.route(r); s != "" {
			return s
		}
	}
	// Further segments are often IDs, and no business of a log.
	first, _, more := strings.Cut(strings.TrimPrefix(o.path, "/"), "/")
	if more {
		first += "/"
	}
	return o.method + " /" + first
}

// A ledger is the state and everything that is in flight, under one lock, so
// that each request is on one side of each change of state.
type ledger struct {
	state atomic.Int32  // written by Run's goroutine, under mu
	quiet chan struct{} // holds a token when draining may have nothing in flight any more

	mu    sync.Mutex
	ring  request      // in order of arrival; neither ended nor cut
	live  [kinds]int   // members of the ring
	tally [kinds]Tally // since draining began
	told  int          // streams among the tally that had been told
	stuck int          // cut, and still in the handler or not closed
}

func (l *ledger) init() {
	l.quiet = make(chan struct{}, 1)
	l.ring.next, l.ring.prev = &l.ring, &l.ring
}

// State may be read without the lock; a decision that must hold needs it.
func (l *ledger) State() State { return State(l.state.Load()) }

// advance sets the state, and with Draining tells plain requests to leave.
func (l *ledger) advance(s State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.Store(int32(s))
	if s != Draining {
		return
	}
	for r := l.ring.next; r != &l.ring; r = r.next {
		if r.kind != stream {
			r.tell()
		}
	}
}

// close advances to Flushing if nothing is in flight: nothing can enter
// between the look and the step.
func (l *ledger) close() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if busy(l.live) > 0 {
		return false
	}
	l.state.Store(int32(Flushing))
	return true
}

// enter counts r in, unless nothing is served any more.
func (l *ledger) enter(r *request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.State()
	if !s.Serves() {
		return false
	}
	r.late = s == Draining
	r.told = r.late
	r.refs = 1
	r.prev, r.next = l.ring.prev, &l.ring
	r.prev.next, r.next.prev = r, r
	l.live[r.kind]++
	return true
}

// exit takes back one of r's references and reports whether r was cut before.
func (l *ledger) exit(r *request) (cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.refs--
	if r.cut.Load() {
		if r.refs == 0 {
			l.stuck--
		}
		return true
	}
	if r.refs == 0 {
		l.end(r, func(t *Tally) { t.Finished++ })
	}
	return false
}

// end takes r out of the ring and counts it, if draining has begun.
func (l *ledger) end(r *request, count func(*Tally)) {
	r.prev.next, r.next.prev = r.next, r.prev
	r.prev, r.next = nil, nil
	l.live[r.kind]--
	if l.State() < Draining {
		return
	}
	t := &l.tally[r.kind]
	count(t)
	if r.kind == stream && r.told {
		l.told++
	}
	if r.late {
		t.Late++
	} else {
		t.InFlight++
	}
	if busy(l.live) == 0 {
		select {
		case l.quiet <- struct{}{}:
		default: // the token is there
		}
	}
}

// stream makes r a stream for the rest of its life. Draining tells streams one
// by one; one that only now shows itself has had its turn as a plain request.
func (l *ledger) stream(r *request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.streamLocked(r)
}

func (l *ledger) streamLocked(r *request) {
	if r.kind == stream || r.next == nil {
		return
	}
	l.live[r.kind]--
	l.live[stream]++
	r.kind = stream
}

// hijack notes that r's handler has taken its connection; false if r was cut
// meanwhile.
func (l *ledger) hijack(r *request, c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.next == nil {
		return false
	}
	r.conn = c
	r.refs++
	l.streamLocked(r)
	return true
}

// leaving is the channel that is closed when r is told to leave.
func (l *ledger) leaving(r *request) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.leaving == nil {
		r.leaving = make(chan struct{})
		if r.told {
			close(r.leaving)
		}
	}
	return r.leaving
}

// tell must be called with the ledger's mutex held.
func (r *request) tell() {
	if r.told {
		return
	}
	r.told = true
	if r.leaving != nil {
		close(r.leaving)
	}
}

// tellStreams tells the next of the streams that do not know yet, so that in
// the given number of rounds all are told, and reports how many are left.
func (l *ledger) tellStreams(rounds int) (left int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var waiting []*request
	for r := l.ring.next; r != &l.ring; r = r.next {
		if r.kind == stream && !r.told {
			waiting = append(waiting, r)
		}
	}
	share := (len(waiting) + rounds - 1) / rounds
	for _, r := range waiting[:share] {
		r.tell()
	}
	return len(waiting) - share
}

// cut ends all requests of kind k.
func (l *ledger) cut(k kind) []*request {
	l.mu.Lock()
	cut := l.cutLocked(k)
	l.mu.Unlock()
	return closeAll(cut)
}

// cutRest ends everything and advances to Flushing in the same instant.
func (l *ledger) cutRest() []*request {
	l.mu.Lock()
	var cut []*request
	for k := range kinds {
		cut = append(cut, l.cutLocked(k)...)
	}
	l.state.Store(int32(Flushing))
	l.mu.Unlock()
	return closeAll(cut)
}

func (l *ledger) cutLocked(k kind) []*request {
	var cut []*request
	for r := l.ring.next; r != &l.ring; {
		next := r.next
		if r.kind == k {
			r.cut.Store(true)
			l.stuck++
			l.end(r, func(t *Tally) { t.Cut++ })
			cut = append(cut, r)
		}
		r = next
	}
	return cut
}

// closeAll tells the handlers of what was cut. It takes no lock: closing a
// connection counts, and cancelling runs what others have hung on the context.
func closeAll(cut []*request) []*request {
	for _, r := range cut {
		r.cancel(ErrCut)
		if t, ok := r.conn.(*tls.Conn); ok {
			t.NetConn().Close() // or a peer that does not read holds up the goodbye for 5 s
		}
		if r.conn != nil {
			r.conn.Close()
		}
	}
	return cut
}

// counts is how many requests and streams are in flight, and how many were cut
// and hang on.
func (l *ledger) counts() (live [kinds]int, stuck int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.live, l.stuck
}

// tallies since draining began, and the streams among them that were told.
func (l *ledger) tallies() (all [kinds]Tally, told int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tally, l.told
}

// busy is how much is in flight.
func busy(live [kinds]int) (sum int) {
	for _, n := range live {
		sum += n
	}
	return sum
}

// routes names what was cut, most first.
func routes(cut []*request) []CutRoute {
	var out []CutRoute
	at := map[string]int{}
	for _, r := range cut {
		name := r.origin.name()
		i, seen := at[name]
		if !seen {
			i = len(out)
			at[name] = i
			out = append(out, CutRoute{Route: name})
		}
		switch r.kind {
		case stream:
			out[i].Streams++
		case idler:
			out[i].Workers++
		default:
			out[i].Requests++
		}
	}
	slices.SortStableFunc(out, func(a, b CutRoute) int {
		return cmp.Or(cmp.Compare(b.sum(), a.sum()), cmp.Compare(a.Route, b.Route))
	})
	return out
}
