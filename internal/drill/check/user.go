package check

import (
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

const (
	recentOps    = 64 // operations kept for witnesses
	openEpochs   = 2  // the current one, and the last for what is still on its way
	endedEpochs  = 32 // whose cookies can still be judged when replayed
	issuedValues = 16 // cookie values remembered per user
)

// never is later than every time of a run.
const never = time.Duration(1<<63 - 1)

// user is what is remembered about one user.
type user struct {
	id     int
	name   string
	recent []record // ring of recentOps
	oldest int      // of recent, once it is full
	open   []*epoch // by number, at most openEpochs
	ended  []ending // those no longer open, at most endedEpochs
	issued [issuedValues]uint64
	next   int // of issued
}

func (s *shard) user(id int, name func(int) string) *user {
	u := s.users[id]
	if u == nil {
		u = &user{id: id, name: name(id)}
		s.users[id] = u
	}
	return u
}

func (u *user) epoch(n int) *epoch {
	for _, e := range u.open {
		if e.n == n {
			return e
		}
	}
	return nil
}

// begin opens the operation's epoch if it is a new one, ends the earlier ones
// and closes the oldest. Nil: it is of an epoch that is closed.
func (v *visit) begin() *epoch {
	u := v.u
	if n := len(u.open); n > 0 && u.open[n-1].n > v.op.Epoch {
		return nil
	}
	if n := len(u.ended); n > 0 && u.ended[n-1].epoch >= v.op.Epoch {
		return nil
	}
	for _, earlier := range u.open {
		v.s.end(earlier, v.op.Call, &v.c.opt)
	}
	if len(u.open) == openEpochs {
		v.c.close(v.s, u, u.open[0])
		u.open = append(u.open[:0], u.open[1:]...)
	}
	e := newEpoch(v.op.Epoch)
	u.open = append(u.open, e)
	return e
}

// ending finds what is known about the end of an epoch, open or not.
func (u *user) ending(n int) *ending {
	if e := u.epoch(n); e != nil {
		return &e.ending
	}
	for i := range u.ended {
		if u.ended[i].epoch == n {
			return &u.ended[i]
		}
	}
	return nil
}

// record is an operation as far as a witness needs it.
type record struct {
	call, ret time.Duration
	n         int64
	token     string
	epoch     int32
	tokens    int32 // shown, -1 none asked for
	status    int16
	instance  uint16
	kind      history.Kind
	outcome   history.Outcome
	settle    bool
	anonymous bool
}

func (u *user) remember(op *history.Op, instance uint16) {
	r := record{
		call: op.Call, ret: op.Return, token: op.Token, epoch: int32(op.Epoch), tokens: -1,
		status: int16(op.Status), instance: instance, kind: op.Kind, outcome: op.Outcome,
		settle: op.Settle, anonymous: op.Anonymous,
	}
	if op.Seen != nil {
		r.n = op.Seen.N
		if !op.Seen.MarkerOnly && (op.Kind == history.State || op.Kind == history.Replay) {
			r.tokens = int32(len(op.Seen.Tokens))
		}
	}
	if len(u.recent) < recentOps {
		u.recent = append(u.recent, r)
		return
	}
	u.recent[u.oldest] = r
	u.oldest = (u.oldest + 1) % recentOps
}

// latest is the i-th record from the latest, which is 0.
func (u *user) latest(i int) *record {
	n := len(u.recent)
	return &u.recent[((u.oldest-1-i)%n+n)%n]
}
