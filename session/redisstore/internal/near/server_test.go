package near

import "time"

// server holds the session and remembers which connections to tell.
type server struct {
	version int64
	history []*state // what version was made when
	tracks  map[*wire]bool
	noTail  bool // fault: scripts that write do not read the key again
}

type state struct {
	version int64
	at      time.Time
	pending bool // an own write whose caller still waits
}

// change is a write by a connection; nil is the other instance's. Everybody
// who is tracked is forgotten; all but the writer are told.
func (s *server) change(by *wire) {
	for w := range s.tracks {
		if w != by {
			w.down = append(w.down, message{})
		}
	}
	clear(s.tracks)
	if by != nil && !s.noTail {
		s.read(by)
	}
}

func (s *server) write(by *wire) *state {
	s.version++
	made := &state{version: s.version, at: time.Now()}
	s.history = append(s.history, made)
	s.change(by)
	return made
}

func (s *server) read(by *wire) {
	if by.conn == Tracked && !by.dead {
		s.tracks[by] = true
	}
}

// before is the version that was the newest one at t. An own write counts from
// when its caller has stopped waiting for it.
func (s *server) before(t time.Time) int64 {
	n := int64(0)
	for _, h := range s.history {
		if !h.pending && !h.at.After(t) {
			n = h.version
		}
	}
	return n
}

// wire is a connection: what was sent and not executed, and what was answered
// and not read.
type wire struct {
	conn Conn
	up   []*call
	down []message
	dead bool
}

// message is the answer to a call, or without one an invalidation.
type message struct{ reply *call }
