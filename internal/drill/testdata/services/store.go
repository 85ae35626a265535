package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// content is what is in a session.
type content struct {
	Principal string
	Tokens    map[string][]string
	N         int64
	Version   int64
}

func (c *content) clone() *content {
	d := *c
	d.Tokens = map[string][]string{}
	for k, v := range c.Tokens {
		d.Tokens[k] = slices.Clone(v)
	}
	return &d
}

// session is one of any number of IDs; when it ends, all of them open nothing.
type session struct {
	content content
	lagging *content // as a replica has it
	ended   bool
	begun   time.Time
	active  time.Time
}

// longest is the key with the most tokens.
func (c *content) longest() (longest string) {
	for key, list := range c.Tokens {
		if len(list) > len(c.Tokens[longest]) {
			longest = key
		}
	}
	return longest
}

// request is an operation on the session that ID opens.
type request struct {
	Op       string
	ID       string
	New      string        // create, rename: the new ID
	Key      string        // append, take; create: the principal
	Token    string        // append, take
	Most     int           // append: how long the list may become; 0 is no bound
	N        int64         // count
	Content  *content      // put
	Create   bool          // put: also if there is no such session
	Grace    time.Duration // rename: for how long the old ID opens it
	Idle     bool          // this is no activity
	Previous string        // create: a session that ends
}

// reply is the session's content after the operation; nil if there is none.
type reply struct{ Content *content }

// store keeps sessions, each operation atomic.
type store struct {
	idle, absolute time.Duration // timeouts; 0 is none

	mu       sync.Mutex
	sessions map[string]*session // by ID
	marked   map[string]*session // as they were at the mark
}

func newStore() *store { return &store{sessions: map[string]*session{}} }

// lag is how far what is late is behind.
const lag = 300 * time.Millisecond

func (s *store) serve(w http.ResponseWriter, r *http.Request) {
	var q request
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer, err := s.do(q)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_ = json.NewEncoder(w).Encode(answer) // fails if the instance is gone
}

// do is one operation.
func (s *store) do(q request) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch q.Op {
	case "mark":
		s.marked = copied(s.sessions)
		return reply{}, nil
	case "rewind":
		s.sessions = copied(s.marked)
		return reply{}, nil
	case "create":
		if old := s.sessions[q.Previous]; old != nil {
			old.ended = true
		}
		s.sessions[q.New] = newSession(content{Principal: q.Key, Tokens: map[string][]string{}})
	case "put":
		s.put(q)
	default:
		if live := s.live(q.ID); live != nil {
			if !q.Idle {
				live.active = time.Now()
			}
			s.change(live, q)
		}
	}
	return s.answer(q), nil
}

func newSession(c content) *session {
	now := time.Now()
	return &session{content: c, begun: now, active: now}
}

// live is the session of an ID, unless it has ended or expired.
func (s *store) live(id string) *session {
	live := s.sessions[id]
	if live == nil {
		return nil
	}
	if s.idle > 0 && time.Since(live.active) > s.idle || s.absolute > 0 && time.Since(live.begun) > s.absolute {
		live.ended = true
	}
	if live.ended {
		return nil
	}
	return live
}

// put replaces the content as a whole.
func (s *store) put(q request) {
	live := s.live(q.ID)
	switch {
	case live != nil:
		q.Content.Version = live.content.Version
		live.content = *q.Content
		s.written(live)
	case q.Create:
		s.sessions[q.ID] = newSession(*q.Content)
	}
}

// change does what needs a live session.
func (s *store) change(live *session, q request) {
	c := &live.content
	switch q.Op {
	case "append":
		list := append(c.Tokens[q.Key], q.Token)
		if q.Most > 0 {
			list = list[max(0, len(list)-q.Most):]
		}
		c.Tokens[q.Key] = list
		s.written(live)
	case "take":
		c.Tokens[q.Key] = slices.DeleteFunc(c.Tokens[q.Key], func(t string) bool { return t == q.Token })
		s.written(live)
	case "count":
		c.N = q.N
		s.written(live)
	case "forget":
		delete(c.Tokens, c.longest())
		s.written(live)
	case "increment":
		c.N++
		s.written(live)
	case "rename":
		s.sessions[q.New] = live
		s.drop(q.ID, q.Grace)
	case "link": // the old IDs open the new session from now on
		for id, other := range s.sessions {
			if other == live {
				s.sessions[id] = s.sessions[q.New]
			}
		}
	case "end":
		live.ended = true
	case "drop":
		delete(s.sessions, q.ID)
	}
}

// written has the replica follow.
func (s *store) written(live *session) {
	live.content.Version++
	if live.lagging == nil {
		live.lagging = &content{}
	}
	then := live.content.clone()
	time.AfterFunc(lag, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if live.lagging.Version < then.Version {
			live.lagging = then
		}
	})
}

// drop has the ID open nothing after the grace; a negative one is for ever.
func (s *store) drop(id string, grace time.Duration) {
	switch {
	case grace == 0:
		delete(s.sessions, id)
	case grace > 0:
		time.AfterFunc(grace, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.sessions, id)
		})
	}
}

func (s *store) answer(q request) reply {
	id := q.ID
	if q.New != "" {
		id = q.New
	}
	live := s.live(id)
	if live == nil {
		return reply{}
	}
	c := live.content.clone()
	if q.Op == "lagging" {
		c.Tokens, c.N = nil, 0
		if live.lagging != nil {
			old := live.lagging.clone()
			c.Tokens, c.N = old.Tokens, old.N
		}
	}
	return reply{c}
}

// copied keeps apart what is copied, and together the IDs of one session.
func copied(sessions map[string]*session) map[string]*session {
	twins := map[*session]*session{}
	out := maps.Clone(sessions)
	for id, live := range sessions {
		if twins[live] == nil {
			twins[live] = &session{content: *live.content.clone(), ended: live.ended, begun: live.begun, active: live.active}
		}
		out[id] = twins[live]
	}
	return out
}
