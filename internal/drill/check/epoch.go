package check

import "time"

// epoch is one session of a user as the drill knows it: from a login to its
// logout, or to the next login.
type epoch struct {
	ending
	n int

	session session
	renewal renewal
	tokens  tokens
	counter counter
	expiry  expiry
	streams streams
}

// ending is what outlives an epoch: how it ended, and what its counter can have
// come to.
type ending struct {
	epoch     int
	endCall   time.Duration // earliest call of a logout or a later login; never
	logoutRet time.Duration // return of an acknowledged logout; never
	lastDead  time.Duration // return of the last replay that was anonymous
	upper     int64         // the largest final count
	replayed  bool
	undone    bool
}

func newEpoch(n int) *epoch {
	return &epoch{
		n:       n,
		ending:  ending{epoch: n, endCall: never, logoutRet: never, lastDead: -1},
		session: session{from: never, loginCall: -1, lastCall: -1, lastRet: -1, active: -1},
		tokens:  tokens{known: map[string]*token{}},
		counter: counter{floorRet: -1},
		expiry:  expiry{signed: -1, touched: -1},
		streams: streams{away: never},
	}
}

// end notes that the user gave the epoch up with an operation called then.
func (s *shard) end(e *epoch, call time.Duration, opt *Options) {
	before, suspected := e.suspicion(opt)
	e.endCall = min(e.endCall, call)
	after, suspects := e.suspicion(opt)
	if suspected {
		s.tally.suspect[before.id]--
	}
	if suspects {
		s.tally.suspect[after.id]++
	}
}

// close files what the epoch has shown and keeps only its ending.
func (c *Checker) close(s *shard, u *user, e *epoch) {
	c.closeTokens(s, u, e)
	c.closeRenewal(s, u, e)
	c.closeSession(s, u, e)
	c.closeStreams(s, e)
	e.upper = u.upper(e)
	if len(u.ended) == endedEpochs {
		u.ended = append(u.ended[:0], u.ended[1:]...)
	}
	u.ended = append(u.ended, e.ending)
}
