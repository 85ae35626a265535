package streams

import (
	"cmp"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// WebSocketOptions bound how long leaving takes; zero is the default.
type WebSocketOptions struct {
	// Grace is how long the end of a message of several frames is waited for
	// before the Close goes between two of its frames, which RFC 6455, 5.4,
	// allows: 2 s.
	Grace time.Duration
	// Wait is how long each peer may take to answer a Close: 5 s.
	Wait time.Duration
	// HalfClosed is how long one direction outlives the other: 10 s.
	HalfClosed time.Duration
}

func (o WebSocketOptions) withDefaults() WebSocketOptions {
	o.Grace = cmp.Or(o.Grace, 2*time.Second)
	o.Wait = cmp.Or(o.Wait, 5*time.Second)
	o.HalfClosed = cmp.Or(o.HalfClosed, 10*time.Second)
	return o
}

// WebSocket joins the two connections of an upgraded one. Each direction has
// one goroutine, the only one that reads and writes there; others wake it by a
// deadline in the past. Where both are TCP, large payloads are spliced.
//
// Asked to leave, it tells the client: Close 1012. What the client still sends
// goes on to the target until the client's own Close, with the code that it
// repeats. Only in place of one that does not come the target gets a Close
// 1012 from here.
type WebSocket struct {
	down, up half // target to client, client to target
	opt      WebSocketOptions

	mu      sync.Mutex
	stage   stage
	aborted bool // both connections fail from now on
	timers  []*time.Timer
}

// stage is how far leaving has come.
type stage uint8

const (
	passing stage = iota
	asked         // the client is told after the present message
	pressed       // or frame
	told          // the client is sent a Close, or has been
	overdue       // and did not answer it in time
)

// NewWebSocket returns a relay over the two connections, which have no
// deadlines. The caller closes them after Run, or to break Run off.
func NewWebSocket(client, target net.Conn, opt WebSocketOptions) *WebSocket {
	return &WebSocket{
		down: half{from: target, to: client}, up: half{from: client, to: target},
		opt: opt.withDefaults(),
	}
}

// Passed says what the caller passed on by itself, before Run and Leave.
func (s *WebSocket) Passed(down, up []byte) {
	s.follow(&s.down, down)
	s.follow(&s.up, up)
}

// Run passes everything on until both directions have ended, and returns how
// many bytes went to the client. It is called once.
func (s *WebSocket) Run() int64 {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.passUp()
	}()
	s.passDown()
	<-done
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.timers {
		t.Stop()
	}
	return s.down.n
}

// Leave asks the stream to end and returns at once; it may be called from any
// goroutine. It reports false if the client cannot be told: it was asked
// before, or the stream is closing by itself, which then has to end soon.
func (s *WebSocket) Leave() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stage != passing || s.down.ended:
		return false
	case s.down.closing || s.up.closing:
		s.after(s.opt.Wait, s.abort)
		return false
	}
	s.stage = asked
	s.wake(&s.down)
	s.after(s.opt.Grace, func() {
		if s.stage == asked {
			s.stage = pressed
			s.wake(&s.down)
		}
	})
	return true
}

func (s *WebSocket) now() stage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stage
}

// passDown is the direction from the target to the client.
func (s *WebSocket) passDown() {
	h := &s.down
	for {
		if s.due(h.frames.BetweenMessages(), h.frames.BetweenFrames()) {
			s.tell()
		}
		if s.now() >= told && (h.frames.Closed() || s.alone()) {
			break
		}
		if err := s.pass(h); err != nil && !s.resume(h, err) {
			if s.now() < told {
				s.endHalf(h, err)
				return
			}
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h.ended = true
}

// passUp is the direction from the client to the target.
func (s *WebSocket) passUp() {
	h := &s.up
	for {
		if st := s.now(); st == overdue || st == told && h.frames.Closed() {
			break
		}
		if err := s.pass(h); err != nil && !s.resume(h, err) {
			if s.now() < told {
				s.endHalf(h, err)
				return
			}
			break
		}
	}
	s.mu.Lock()
	s.after(s.opt.Wait, s.abort) // for the target's Close
	s.mu.Unlock()
	if h.frames.BetweenFrames() && !h.discard {
		_, _ = h.to.Write(closeFrame(true)) // a target that has gone needs none
	}
}

// pass moves one piece.
func (s *WebSocket) pass(h *half) error {
	if left := h.frames.Left(); left >= spliceMin && !h.discard {
		return h.splice(int64(left))
	}
	p, err := h.read()
	if len(p) == 0 {
		return err
	}
	message, frame := s.follow(h, p)
	if h.discard {
		return err
	}
	if h == &s.down && s.due(message >= 0, frame >= 0) {
		if message < 0 {
			message = frame
		}
		if writeErr := h.write(p[:message]); writeErr != nil {
			return writeErr
		}
		s.tell()
		return err
	}
	if writeErr := h.write(p); writeErr != nil {
		return writeErr
	}
	return err
}

// follow scans p, and notes a Close frame in it.
func (s *WebSocket) follow(h *half, p []byte) (message, frame int) {
	before := h.frames.Closing()
	message, frame = h.frames.Scan(p)
	if h.frames.Closing() != before {
		s.mu.Lock()
		defer s.mu.Unlock()
		h.closing = true
		if s.stage == asked || s.stage == pressed {
			s.after(s.opt.Wait, s.abort)
		}
	}
	return message, frame
}

// due reports whether the client is to be told here. A stream that is closing
// by itself needs no second Close.
func (s *WebSocket) due(betweenMessages, betweenFrames bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down.closing || s.up.closing {
		return false
	}
	return s.stage == asked && betweenMessages || s.stage == pressed && betweenFrames
}

// tell sends the client a Close. Nothing goes there after it. The stage comes
// first: the answer can be there before the writing has returned.
func (s *WebSocket) tell() {
	s.mu.Lock()
	s.stage = told
	s.mu.Unlock()
	_ = s.down.write(closeFrame(false)) // a client that has gone answers nothing
	s.down.discard = true
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wake(&s.up)
	s.after(s.opt.Wait, func() {
		s.stage = overdue
		s.wake(&s.up)
	})
}

// alone reports whether the client had said before that no more will come: it
// answers nothing then, and the target cannot be told anything more.
func (s *WebSocket) alone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.up.ended
}

// resume reports whether h goes on after err: it was only woken, or it is the
// client's last words that the target does not take.
func (s *WebSocket) resume(h *half, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.aborted:
		return false
	case errors.Is(err, os.ErrDeadlineExceeded): // nobody else sets deadlines
		return h.from.SetReadDeadline(time.Time{}) == nil
	case h == &s.up && s.stage == told && h.stuck && !h.discard:
		h.discard = true
		return true
	}
	return false
}

// endHalf ends a direction by what its reading or writing returned. At a clean
// end the other side is told; the opposite direction then has HalfClosed to
// end, and after an error none at all.
func (s *WebSocket) endHalf(h *half, err error) {
	s.mu.Lock()
	h.ended = true // before anybody can see it
	s.mu.Unlock()
	clean := h.closeWrite(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	if clean {
		s.after(s.opt.HalfClosed, s.abort)
	} else {
		s.abort()
	}
}

// after calls f later, under mu, which is held now as well.
func (s *WebSocket) after(d time.Duration, f func()) {
	s.timers = append(s.timers, time.AfterFunc(d, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		f()
	}))
}

// wake interrupts the reading of h; mu is held.
func (s *WebSocket) wake(h *half) {
	if !s.aborted {
		_ = h.from.SetReadDeadline(past) // fails on a closed connection, which wakes as well
	}
}

// abort ends both directions; mu is held.
func (s *WebSocket) abort() {
	s.aborted = true
	_ = s.down.from.SetDeadline(past) // as in wake
	_ = s.up.from.SetDeadline(past)
}

var past = time.Unix(1, 0)
