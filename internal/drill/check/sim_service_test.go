package check

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// fault is what is wrong with the simulated service.
type fault string

const (
	healthy          fault = "healthy"
	blob             fault = "load-modify-save blob"
	blobRevives      fault = "blob saved without a look whether it is gone"
	memory           fault = "sessions in the process"
	staleReplica     fault = "reads from a replica behind"
	saveAfterReply   fault = "saved after the reply"
	failover         fault = "failover loses the last moment"
	deleteThenCreate fault = "renewal deletes, then creates"
	sameID           fault = "renewal keeps the ID"
	oldIDLives       fault = "renewed IDs never die"
	logoutIgnored    fault = "logout forgets the cookie only"
	leak             fault = "cached page of another user"
	doubleApply      fault = "writes applied twice"
	noDrain          fault = "stopped without draining"
	flaky            fault = "answers are lost, and what they were to confirm is done late or never"
)

const simGrace = 300 * time.Millisecond

// simSession is immutable; a change replaces it.
type simSession struct {
	user   int
	tokens []string
	n      int64
}

// binding is what a cookie opens, and until when.
type binding struct {
	key   int
	until time.Duration
}

// service is the simulated service: a store of sessions by key, and cookies
// that open them. Its methods are atomic; faults are where they are called in
// two steps or on the wrong state.
type service struct {
	fault    fault
	rng      *rand.Rand
	now      func() time.Duration
	nextKey  int
	cookies  map[string]binding
	sessions map[int]simSession
	home     map[int]string // memory: the instance that holds a session
	past     []snapshot     // for staleReplica and failover
	lastPage *history.Seen  // for leak
}

type snapshot struct {
	at       time.Duration
	sessions map[int]simSession
	cookies  map[string]binding
}

func newService(f fault, rng *rand.Rand, now func() time.Duration) *service {
	return &service{fault: f, rng: rng, now: now, cookies: map[string]binding{}, sessions: map[int]simSession{}, home: map[int]string{}}
}

// keep notes the state for those faults that go back to it.
func (s *service) keep() {
	if s.fault != staleReplica && s.fault != failover {
		return
	}
	snap := snapshot{at: s.now(), sessions: map[int]simSession{}, cookies: map[string]binding{}}
	maps.Copy(snap.sessions, s.sessions)
	maps.Copy(snap.cookies, s.cookies)
	s.past = append(s.past, snap)
	if len(s.past) > 1 && s.past[1].at <= s.now()-longAgo {
		s.past = s.past[1:] // the one before it is not asked for any more
	}
}

// longAgo is how far back the past is asked for.
const longAgo = 30 * time.Millisecond

// before is the state some time ago.
func (s *service) before(ago time.Duration) snapshot {
	for _, snap := range slices.Backward(s.past) {
		if snap.at <= s.now()-ago {
			return snap
		}
	}
	return snapshot{sessions: map[int]simSession{}, cookies: map[string]binding{}}
}

func (s *service) open(cookie, instance string) (key int, sess simSession, ok bool) {
	b, ok := s.cookies[cookie]
	if !ok || b.until < s.now() {
		return 0, simSession{}, false
	}
	sess, ok = s.sessions[b.key]
	if s.fault == memory && s.home[b.key] != instance {
		return 0, simSession{}, false
	}
	return b.key, sess, ok
}

func (s *service) newCookie(key int) string {
	cookie := fmt.Sprintf("c%d", s.rng.Uint64())
	s.cookies[cookie] = binding{key: key, until: never}
	return cookie
}

// answer is what a request comes back with.
type answer struct {
	status int
	seen   *history.Seen
	cookie string
}

var denied = answer{status: 401}

// page is a State answer.
func page(sess simSession) answer {
	return answer{status: 200, seen: &history.Seen{User: history.UserName(sess.user), Tokens: slices.Clone(sess.tokens), N: sess.n}}
}

// write is the change that an operation makes to a session.
func (s *service) write(op *history.Op, sess simSession) (simSession, answer) {
	times := 1
	if s.fault == doubleApply && s.rng.IntN(4) == 0 {
		times = 2
	}
	a := answer{status: 200}
	for range times {
		switch op.Kind {
		case history.Append:
			sess.tokens = append(slices.Clone(sess.tokens), op.Token)
		case history.Incr:
			sess.n++
			a.seen = &history.Seen{User: history.UserName(sess.user), N: sess.n}
		default:
		}
	}
	return sess, a
}

// handle performs an operation in one step.
func (s *service) handle(op *history.Op, cookie, instance string) answer {
	defer s.keep()
	if op.Kind == history.Login {
		return s.login(op, cookie, instance)
	}
	key, sess, ok := s.open(cookie, instance)
	if !ok {
		return denied
	}
	switch op.Kind {
	case history.State, history.Replay:
		return s.read(op, cookie, sess)
	case history.Rotate:
		return s.rotate(key, cookie)
	case history.Logout:
		if s.fault != logoutIgnored {
			delete(s.sessions, key)
		}
		return answer{status: 200}
	default:
		sess, a := s.write(op, sess)
		s.sessions[key] = sess
		return a
	}
}

// login renews a session of the same user that is presented, else starts one.
func (s *service) login(op *history.Op, cookie, instance string) answer {
	key, sess, ok := s.open(cookie, instance)
	if ok && s.fault == sameID {
		return answer{status: 200, cookie: cookie}
	}
	if !ok || sess.user != op.User {
		s.nextKey++
		key = s.nextKey
		s.sessions[key] = simSession{user: op.User}
		s.home[key] = instance
	}
	delete(s.cookies, cookie)
	return answer{status: 200, cookie: s.newCookie(key)}
}

func (s *service) read(op *history.Op, cookie string, sess simSession) answer {
	switch s.fault {
	case staleReplica:
		old := s.before(time.Duration(s.rng.IntN(2)) * 12 * time.Millisecond)
		if b, ok := old.cookies[cookie]; ok && op.Kind == history.State {
			if was, ok := old.sessions[b.key]; ok {
				sess = was
			}
		}
	case leak:
		if s.lastPage != nil && s.rng.IntN(20) == 0 {
			seen := *s.lastPage
			return answer{status: 200, seen: &seen}
		}
	default:
	}
	a := page(sess)
	s.lastPage = a.seen
	return a
}

func (s *service) rotate(key int, old string) answer {
	if s.fault == sameID {
		return answer{status: 200, cookie: old}
	}
	b := s.cookies[old]
	if b.until != never && s.rng.IntN(2) == 0 {
		return answer{status: 200} // another renewal has replaced it and gave the new ID
	}
	if s.fault != oldIDLives {
		b.until = min(b.until, s.now()+simGrace)
		s.cookies[old] = b
	}
	return answer{status: 200, cookie: s.newCookie(key)}
}

// lose is what an event takes along.
func (s *service) lose(instance string) {
	switch s.fault {
	case memory:
		for key, home := range s.home {
			if home == instance {
				delete(s.sessions, key)
			}
		}
	case failover:
		old := s.before(longAgo)
		s.sessions, s.cookies = old.sessions, old.cookies
		s.past = nil
		s.keep()
	default:
	}
}
