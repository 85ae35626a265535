package redisstore

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/durable"
)

// Durability is for changes that must not be lost with a server: sign-ins,
// renewals, sign-outs and revocations. A master acknowledges a change before
// its replicas have it, and a failover loses what they have not.
type Durability struct {
	// Replicas is how many have to have such a change before it is
	// acknowledged; 0 is none. Only as many as may be promoted are enough: one
	// that does not have the change may be the one.
	Replicas int
	// Timeout is how long to wait for them, 5 ms or more; 0 is 100 ms. It is
	// part of the session manager's budget.
	Timeout time.Duration
	// Strict makes a change that fewer have acknowledged in time an error,
	// whose outcome is open. Otherwise it is session.Result.Degraded, counted
	// and an Event.
	Strict bool
}

// Degraded is the kind of an Event that reports a change which fewer replicas
// acknowledged than were asked for.
const Degraded = durable.Degraded

func (s *Store) newDurable(opt Durability) (err error) {
	s.durable, err = durable.New(s.link, durable.Options{
		Replicas: opt.Replicas, Timeout: opt.Timeout, Strict: opt.Strict, Hook: s.hook,
	})
	s.replicas = opt.Replicas
	return err
}

// lasting tells whether a change has to be on replicas.
func (s *Store) lasting(c *session.Change) bool {
	return s.replicas > 0 && (c.SignIn != nil || c.Renew != nil || c.Invalidate != "")
}

// acknowledged waits for replicas, and tells whether they are too few. name is
// the server's key, and t the token from before the change was sent.
func (s *Store) acknowledged(ctx context.Context, name string, t durable.Token) (degraded bool, err error) {
	acked, err := s.durable.Wait(ctx, name, t)
	return acked < s.replicas, err
}
