package check

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// streams is what G11 suspects of an epoch's stream. A logout that is still on
// its way may explain it, so it is filed when the epoch is closed.
type streams struct {
	found []suspect
	away  time.Duration // the break after which the user was last turned away; G1 or nobody is to blame for the time; never
}

// maxStreamed bounds streams.found; then the epoch's stream is judged no more.
const maxStreamed = 8

// suspect is a finding about a break, or about a connection.
type suspect struct {
	broken time.Duration // which break; never: about a connection by itself
	never  bool          // it had not been resumed so far
	finding
}

// streamed judges a connection of a stream: by itself, and as what resumes the
// one before it.
func (v *visit) streamed() {
	c := v.op.Connection
	if c == nil || len(v.e.streams.found) >= maxStreamed {
		return
	}
	if c.Events > 1 {
		v.s.tally.exposed[G11]++
	}
	if jump := c.Jump; jump != nil {
		v.suspect(suspect{broken: never, finding: finding{
			grade: missing(jump.From, jump.To), lastGood: min(jump.Good, jump.At), at: jump.At,
			detail: fmt.Sprintf("the stream of %s goes on with event %d after event %d", v.u.name, jump.To, jump.From),
		}}, jumped(jump.From, jump.To))
	}
	v.resumed(c)
}

// missing is the grade of events that were left out; repeated ones have none.
func missing(from, to uint64) Grade {
	if to > from+1 {
		return Lost
	}
	return NoGrade
}

// jumped says what is wrong with an ID that does not follow, for a witness.
func jumped(from, to uint64) string {
	switch {
	case to > from+1:
		return fmt.Sprintf("%d events are missing", to-from-1)
	case to == 1:
		return "begins again"
	case to == 0:
		return "an ID that is no number above zero"
	}
	return fmt.Sprintf("repeats %d events", from-to+1)
}

// resumed judges whether a break was resumed in time, and at the right place.
// While nothing has come of a stream, it is its beginning that has to come.
func (v *visit) resumed(c *history.Connection) {
	within, e := v.c.opt.ResumeWithin, v.e
	deadline := c.Broken + within
	waited := v.op.Return
	if c.Events > 0 {
		waited = c.FirstAt
	}
	late := waited > deadline && e.streams.away != c.Broken
	known := e.streams.of(c.Broken)
	if c.Events > 0 && c.LastEventID > 0 && known == nil || late && known == nil {
		v.s.tally.exposed[G11]++
	}
	delay := (waited - c.Broken).Round(time.Millisecond)
	switch {
	case known != nil && known.never && c.Events > 0:
		known.never, known.grade = false, Stale
		known.detail = fmt.Sprintf("the stream of %s went on %v after it had broken", v.u.name, delay)
	case known != nil:
	case late && c.Events > 0:
		v.suspect(suspect{broken: c.Broken, finding: finding{
			grade: Stale, lastGood: c.Broken, at: deadline, timed: true,
			detail: fmt.Sprintf("the stream of %s went on %v after it had broken", v.u.name, delay),
		}}, "resumed late")
	case late:
		v.suspect(suspect{broken: c.Broken, never: true, finding: finding{
			grade: Lost, lastGood: c.Broken, at: deadline, timed: true,
			detail: fmt.Sprintf("the stream of %s had not come or gone on %v after it should", v.u.name, delay),
		}}, "no event")
	case c.Events > 0 && c.LastEventID > 0 && c.First != c.LastEventID+1:
		v.suspect(suspect{broken: c.Broken, finding: finding{
			grade: missing(c.LastEventID, c.First), lastGood: c.Broken, at: c.FirstAt,
			detail: fmt.Sprintf("the stream of %s was resumed after event %d and goes on with event %d", v.u.name, c.LastEventID, c.First),
		}}, jumped(c.LastEventID, c.First))
	}
}

// of is what is suspected of a break.
func (s *streams) of(broken time.Duration) *suspect {
	for i := range s.found {
		if s.found[i].broken == broken {
			return &s.found[i]
		}
	}
	return nil
}

// suspect keeps a finding until the epoch is closed. One connection makes two
// at most.
func (v *visit) suspect(x suspect, note string) {
	s := &v.e.streams
	x.id, x.user, x.instance = G11, v.u, v.op.Instance
	x.witness = v.witness(G11, nil, note)
	s.found = append(s.found, x)
	v.s.tally.suspect[G11]++
}

// closeStreams files what happened before the user began to leave.
func (c *Checker) closeStreams(s *shard, e *epoch) {
	for i := range e.streams.found {
		s.tally.suspect[G11]--
		if f := e.streams.found[i].finding; f.at < e.endCall {
			s.file(f)
		}
	}
	e.streams = streams{}
}
