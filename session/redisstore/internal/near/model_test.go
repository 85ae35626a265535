package near

import (
	"fmt"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// The model: one session on one server (server_test.go), this instance with a
// tracked and a plain connection, another instance, and the browser's tabs.
// Everything that happens is one step, so that all orders can be tried.

const (
	modelKey  = session.Key("0123456789abcdef")
	modelStep = 600 * time.Millisecond // more than half a lease
)

var modelVerifier = session.Hash{1}

type kind uint8

const (
	fill       kind = iota // reads all over the tracked connection
	plainFill              // ... over the plain one
	commit                 // an own write over the tracked connection
	plainWrite             // ... over the plain one
	lostCommit             // an own write whose caller gives up
	check                  // asks for the version over the tracked connection
	touch                  // ... and records an access
	ping
)

func (k kind) conn() Conn {
	if k == plainFill || k == plainWrite {
		return Plain
	}
	return Tracked
}

// call is something that this instance asks of the server.
type call struct {
	kind   kind
	fill   filler
	copied *session.Record // the candidate of a check
	term   *term           // of a ping
	wire   *wire
	sent   time.Time
	least  int64 // the newest version when it was sent
	rec    *session.Record
	prev   int64
	made   *state // by an own write
	stage  stage
}

type stage uint8

const (
	unsent stage = iota
	sent
	answered // the reader has handed the answer out
	done
)

// world is one run of a scenario.
type world struct {
	sc      scenario
	subject subject
	server  server
	wires   [2]*wire // by Conn
	orphan  *wire    // the tracked connection that was cut
	calls   []*call
	writes  int // by the other instance, left
	ticks   int
	cut     bool
	flushed bool

	acked int64 // own writes
	floor int64 // what a browser has seen, on any instance
	seen  int64 // what this instance has served
	hits  int
	bad   string
}

func newWorld(sc scenario, plant func(*Cache) subject) *world {
	lease, err := NewLease(0, nil)
	if err != nil {
		panic(err)
	}
	cache, err := New(lease, Options{})
	if err != nil {
		panic(err)
	}
	w := &world{sc: sc, subject: plant(cache), writes: sc.writes, ticks: sc.ticks}
	w.server = server{version: 1, history: []*state{{version: 1, at: time.Now()}}, tracks: map[*wire]bool{}, noTail: sc.noTail}
	w.wires = [2]*wire{{conn: Plain}, {conn: Tracked}}
	if sc.copied {
		w.whole(sc.first)
	}
	w.whole(ping)
	for _, k := range sc.calls {
		w.calls = append(w.calls, &call{kind: k})
	}
	return w
}

// whole does a call from beginning to end.
func (w *world) whole(k kind) {
	c := &call{kind: k}
	w.send(c)
	w.execute(c.wire)
	for len(c.wire.down) > 0 {
		w.receive(c.wire)
	}
	w.handle(c)
}

func (w *world) send(c *call) {
	c.wire, c.sent, c.least, c.stage = w.wires[c.kind.conn()], time.Now(), w.server.version, sent
	switch c.kind {
	case fill, plainFill:
		c.fill = w.subject.begin(c.wire.conn)
	case check, touch:
		c.fill = w.subject.begin(Tracked)
		c.copied, _ = c.fill.Candidate(w.load(0, session.CacheValidated))
	case ping:
		c.term = w.subject.term()
	default: // own writes have no placeholder
	}
	c.wire.up = append(c.wire.up, c)
}

// execute runs the oldest command that was sent over the connection.
func (w *world) execute(on *wire) {
	c := on.up[0]
	on.up = on.up[1:]
	switch c.kind {
	case fill, plainFill, check:
		w.server.read(on)
	case touch:
		w.server.change(on)
	case commit, plainWrite, lostCommit:
		c.prev = w.server.version
		c.made = w.server.write(on)
		c.made.pending = c.stage != done
	default: // a ping touches nothing
	}
	c.rec = w.record()
	if !on.dead {
		on.down = append(on.down, message{reply: c})
	}
}

// receive reads the oldest message: an invalidation is handled by the reader
// itself, an answer is handed out.
func (w *world) receive(on *wire) {
	m := on.down[0]
	on.down = on.down[1:]
	if m.reply == nil {
		w.subject.invalidate()
	} else if m.reply.stage == sent {
		m.reply.stage = answered
	}
}

// handle is what the caller does with the answer.
func (w *world) handle(c *call) {
	c.finish()
	switch c.kind {
	case fill, plainFill:
		w.judge(c.fill.Done(c.rec), nil, c)
	case commit, plainWrite:
		w.subject.wrote(c.prev, c.rec, c.sent)
		w.acked = max(w.acked, c.rec.Version.N)
	case check:
		w.judge(c.fill.Confirm(Answer{Version: c.rec.Version}), c.copied, c)
	case touch:
		w.judge(c.fill.Confirm(Answer{Version: c.rec.Version, Accessed: c.rec.Accessed, Now: c.rec.Now}), c.copied, c)
	case ping:
		w.subject.pinged(c.term, c.sent)
	case lostCommit:
		w.subject.forget() // the answer is an error that says nothing
	}
}

func (c *call) finish() {
	c.stage = done
	if c.made != nil {
		c.made.pending, c.made.at = false, time.Now()
	}
}

// judge checks what a load was told.
func (w *world) judge(v Verdict, served *session.Record, c *call) {
	if v == Lost || v == RolledBack {
		w.fail("verdict %d though nothing was lost", v)
	}
	if v == Current && served != nil && served.Version.N < c.least {
		w.fail("a validated copy of version %d, sent when %d was the newest", served.Version.N, c.least)
	}
}

// abandon is what the caller does that gets no answer.
func (w *world) abandon(c *call) {
	c.finish()
	switch {
	case c.fill != nil:
		c.fill.Abort()
	case c.kind != ping:
		w.subject.forget()
	}
}

// sever cuts the tracked connection. What it had answered is lost; what it was
// sent may still be executed.
func (w *world) sever() {
	w.cut = true
	w.orphan = w.wires[Tracked]
	w.orphan.dead, w.orphan.down = true, nil
	delete(w.server.tracks, w.orphan)
	w.wires[Tracked] = &wire{conn: Tracked}
}

func (w *world) record() *session.Record {
	now := time.Now()
	n := strconv.FormatInt(w.server.version, 10)
	return &session.Record{
		Format: session.Format, Version: modelVersion(w.server.version), Generation: 1, Verifier: modelVerifier,
		Created: now, Accessed: now, Idle: time.Hour, Now: now, Attributes: map[string][]byte{"n": []byte(n)},
	}
}

func modelVersion(n int64) session.Version {
	return session.Version{N: n, Write: strconv.FormatInt(n, 10)}
}

func (w *world) load(floor int64, mode session.CacheMode) session.LoadOptions {
	return session.LoadOptions{Verifiers: []session.Hash{modelVerifier}, Cache: mode, Floor: floor}
}

// look is a load by a tab that knows nothing, and by a browser that knows what
// it has seen.
func (w *world) look() {
	w.see(w.subject.lookup(w.load(0, session.CacheBounded)), 0)
	w.see(w.subject.lookup(w.load(w.floor, session.CacheBounded)), w.floor)
}

func (w *world) see(rec *session.Record, floor int64) {
	if rec == nil {
		return
	}
	w.hits++
	n := rec.Version.N
	switch {
	case string(rec.Attributes["n"]) != strconv.FormatInt(n, 10):
		w.fail("version %d holds %s", n, rec.Attributes["n"])
	case n < floor:
		w.fail("version %d for a browser that has seen %d", n, floor)
	case n < w.acked:
		w.fail("version %d after the own write %d was acknowledged", n, w.acked)
	case n < w.server.before(time.Now().Add(-DefaultLease)):
		w.fail("version %d, a lease after the server had %d", n, w.server.before(time.Now().Add(-DefaultLease)))
	case n < w.seen:
		w.fail("version %d after %d", n, w.seen)
	}
	w.seen = max(w.seen, n)
	w.floor = max(w.floor, n)
}

func (w *world) fail(format string, args ...any) {
	if w.bad == "" {
		w.bad = fmt.Sprintf(format, args...)
	}
}
