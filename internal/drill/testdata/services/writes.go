package main

import (
	"cmp"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/probe"
)

// counter tells which calls are each n-th.
type counter struct{ n atomic.Int64 }

func (c *counter) each(n int64) bool { return c.n.Add(1)%n == 0 }

// work is how long an application takes between reading and writing.
const work = 10 * time.Millisecond

// blob loads a session whole and saves it whole: two requests at once undo one
// another's changes. With reads it saves after a read as well, and what it
// saves exists again if it had been ended.
type blob struct {
	shared
	reads bool
}

func (b blob) change(id string, f func(*content)) (*content, error) {
	c, err := b.shared.state(id)
	if err != nil {
		return nil, err
	}
	time.Sleep(work)
	if c.Tokens == nil {
		c.Tokens = map[string][]string{}
	}
	f(c)
	_, err = b.b.do(request{Op: "put", ID: id, Content: c, Create: b.reads})
	return c, err
}

func (b blob) append(id, key, token string) error {
	_, err := b.change(id, func(c *content) { c.Tokens[key] = append(c.Tokens[key], token) })
	return err
}

func (b blob) increment(id string) (n int64, err error) {
	_, err = b.change(id, func(c *content) { c.N++; n = c.N })
	return n, err
}

func (b blob) state(id string) (*content, error) {
	if !b.reads {
		return b.shared.state(id)
	}
	return b.change(id, func(*content) {})
}

// lateSave answers first and saves then.
type lateSave struct{ shared }

func (s lateSave) append(id, key, token string) error {
	if _, err := s.shared.state(id); err != nil {
		return err
	}
	time.AfterFunc(lag, func() { _ = s.shared.append(id, key, token) })
	return nil
}

// writeBehind keeps acknowledged writes for a while before it saves them; who
// comes back to the same instance sees them. They go with the program.
type writeBehind struct {
	shared
	mu     sync.Mutex
	behind []request
	first  map[string]string // the ID that a session began with here, by its others
}

func newWriteBehind(_ string, s shared) sessions {
	w := &writeBehind{shared: s, first: map[string]string{}}
	go func() {
		for range time.Tick(2 * time.Second) {
			w.flush()
		}
	}()
	return w
}

func (w *writeBehind) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, q := range w.behind {
		_, _ = w.b.do(q) // a session that has ended needs no write
	}
	w.behind = nil
}

func (w *writeBehind) append(id, key, token string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.shared.state(id); err != nil {
		return err
	}
	w.behind = append(w.behind, request{Op: "append", ID: id, Key: key, Token: token})
	return nil
}

func (w *writeBehind) state(id string) (*content, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, err := w.shared.state(id)
	if err != nil {
		return nil, err
	}
	for _, q := range w.behind {
		if w.began(q.ID) == w.began(id) {
			c.Tokens[q.Key] = append(c.Tokens[q.Key], q.Token)
		}
	}
	return c, nil
}

func (w *writeBehind) began(id string) string { return cmp.Or(w.first[id], id) }

func (w *writeBehind) renew(id string) (string, error) {
	next, err := w.shared.renew(id)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.first[next] = w.began(id)
	return next, err
}

// revives writes to a session that has ended meanwhile as if it were there.
type revives struct{ shared }

func (s revives) append(id, key, token string) error {
	c, err := s.shared.state(id)
	if err != nil {
		return err
	}
	time.Sleep(5 * work)
	err = s.shared.append(id, key, token)
	if errors.Is(err, probe.ErrAnonymous) {
		_, err = s.b.do(request{Op: "put", ID: id, Content: c, Create: true})
	}
	return err
}

// lostIncrements reads a counter and writes it back.
type lostIncrements struct{ shared }

func (s lostIncrements) increment(id string) (int64, error) {
	c, err := s.shared.state(id)
	if err != nil {
		return 0, err
	}
	time.Sleep(work)
	_, err = s.on(request{Op: "count", ID: id, N: c.N + 1})
	return c.N + 1, err
}

// ticketBlocks hands tickets out from a copy of the counter that each instance
// keeps for a while.
type ticketBlocks struct {
	shared
	mu     sync.Mutex
	copies map[string]int64
}

func newTicketBlocks(_ string, s shared) sessions {
	return &ticketBlocks{shared: s, copies: map[string]int64{}}
}

func (s *ticketBlocks) increment(id string) (int64, error) {
	now, err := s.shared.increment(id)
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.copies[id] == 0 {
		s.copies[id] = now
		return now, nil
	}
	s.copies[id]++
	return s.copies[id], nil
}

// appliedTwice repeats a write whose answer it has not waited for.
type appliedTwice struct {
	shared
	turn counter
}

func (s *appliedTwice) append(id, key, token string) error {
	err := s.shared.append(id, key, token)
	if err == nil && s.turn.each(25) {
		err = s.shared.append(id, key, token)
	}
	return err
}

// cappedList keeps what is new of a key and drops what is old.
type cappedList struct{ shared }

func (s cappedList) append(id, key, token string) error {
	_, err := s.on(request{Op: "append", ID: id, Key: key, Token: token, Most: 2})
	return err
}

// countedTwice counts each increment twice.
type countedTwice struct{ shared }

func (s countedTwice) increment(id string) (int64, error) {
	if _, err := s.shared.increment(id); err != nil {
		return 0, err
	}
	return s.shared.increment(id)
}

// rolledBack shows some writes for a while, takes them back and says that they
// failed.
type rolledBack struct {
	shared
	turn counter
}

func (s *rolledBack) append(id, key, token string) error {
	err := s.shared.append(id, key, token)
	if err != nil || !s.turn.each(4) {
		return err
	}
	time.Sleep(10 * work)
	if _, err := s.on(request{Op: "take", ID: id, Key: key, Token: token}); err != nil {
		return err
	}
	return errors.New("the transaction was rolled back")
}
