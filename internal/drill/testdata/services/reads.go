package main

import (
	"sync"
	"time"
)

// replicaReads reads what is in a session from a replica that is behind. Whose
// it is it asks the primary.
type replicaReads struct{ shared }

func (s replicaReads) state(id string) (*content, error) {
	return s.on(request{Op: "lagging", ID: id})
}

// replicasApart reads from the primary and from the replica in turn.
type replicasApart struct {
	shared
	turn counter
}

func (s *replicasApart) state(id string) (*content, error) {
	if s.turn.each(2) {
		return s.on(request{Op: "lagging", ID: id})
	}
	return s.shared.state(id)
}

// cache keeps what an instance has read for a while, and forgets it when that
// instance changes it.
type cache struct {
	shared
	mu   sync.Mutex
	kept map[string]kept
}

type kept struct {
	content *content
	until   time.Time
}

func newCache(_ string, s shared) sessions { return &cache{shared: s, kept: map[string]kept{}} }

const cachedFor = lag

func (c *cache) state(id string) (*content, error) {
	c.mu.Lock()
	k := c.kept[id]
	c.mu.Unlock()
	if time.Now().Before(k.until) {
		return k.content, nil
	}
	now, err := c.shared.state(id)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept[id] = kept{now, time.Now().Add(cachedFor)}
	return now, nil
}

func (c *cache) principal(id string, _ bool) (string, error) {
	now, err := c.state(id)
	if err != nil {
		return "", err
	}
	return now.Principal, nil
}

func (c *cache) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.kept, id)
}

func (c *cache) append(id, key, token string) error {
	defer c.forget(id)
	return c.shared.append(id, key, token)
}

func (c *cache) increment(id string) (int64, error) {
	defer c.forget(id)
	return c.shared.increment(id)
}

func (c *cache) signOut(id string) error {
	defer c.forget(id)
	return c.shared.signOut(id)
}

// foreignToken builds its answers in a buffer that still holds some of the
// last one's.
type foreignToken struct {
	shared
	mu   sync.Mutex
	last *content
	turn counter
}

func newForeignToken(_ string, s shared) sessions { return &foreignToken{shared: s} }

func (s *foreignToken) state(id string) (*content, error) {
	c, err := s.shared.state(id)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.last
	s.last = c.clone()
	if last != nil && last.Principal != c.Principal && s.turn.each(10) {
		for key, list := range last.Tokens {
			c.Tokens[key] = append(c.Tokens[key], list...)
			break
		}
	}
	return c, nil
}
