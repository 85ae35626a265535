package streams

import (
	"errors"
	"io"
	"sync"
)

// ErrLeft ends a copy to an Events that has left.
var ErrLeft = errors.New("the stream was asked to leave")

// Events passes an event stream on, each piece at once, until it is asked to
// leave: it then ends directly after a complete event. Write and End are for
// one goroutine; Leave may be called from any.
type Events struct {
	w    io.Writer
	stop func()

	mu     sync.Mutex
	at     Boundary
	asked  bool
	busy   bool // a Write is under way
	over   bool // nothing more is passed on
	failed bool // w failed: the end is not a clean one
}

// NewEvents returns an Events that writes to w. stop is called at most once,
// when the stream leaves while no Write is under way: it must end the reading
// of what is to be written, and return at once.
func NewEvents(w io.Writer, stop func()) *Events { return &Events{w: w, stop: stop} }

// Write implements io.Writer. When the stream was asked to leave it passes on
// what p has of complete events, and returns ErrLeft.
func (e *Events) Write(p []byte) (int, error) {
	p, ok := e.begin(p)
	if !ok {
		return 0, ErrLeft
	}
	n, err := e.w.Write(p)
	if e.end(err) && err == nil {
		err = ErrLeft
	}
	return n, err
}

// begin returns how much of p is to be passed on.
func (e *Events) begin(p []byte) ([]byte, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over {
		return nil, false
	}
	if end := e.at.Scan(p); e.asked && end >= 0 {
		e.over = true
		p = p[:end]
	}
	e.busy = true
	return p, true
}

func (e *Events) end(err error) (over bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.busy = false
	e.failed = e.failed || err != nil
	if e.asked && e.at.Between() {
		e.over = true
	}
	return e.over
}

// Leave asks the stream to end: now if it is between events, else after the
// present one. It returns at once. It reports false if the stream was asked
// before or has ended.
func (e *Events) Leave() bool {
	e.mu.Lock()
	if e.asked || e.over {
		e.mu.Unlock()
		return false
	}
	e.asked = true
	now := !e.busy && e.at.Between()
	e.over = now
	e.mu.Unlock()
	if now {
		e.stop()
	}
	return true
}

// End says that nothing more will be written. It reports whether the stream
// ended between events because it was asked to.
func (e *Events) End() (left bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	left = e.asked && e.over && !e.failed
	e.over = true
	return left
}
