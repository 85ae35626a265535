package journey

import (
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// writesAndReads writes until a read shows what was written.
func (s *scout) writesAndReads() error {
	var write *run
	for range scoutWrites {
		u := s.client.User()
		u.Present(s.jar)
		s.writes++
		token := history.Token("", 0, 1, s.writes)
		var err error
		write, err = s.do(u, engine.Call{Kind: history.Append, Key: "k0", Token: token}, (*run).perform)
		if err == nil && write.op.Outcome == history.OK && write.err == nil {
			var found bool
			found, err = s.reads(u, token)
			if found {
				u.Close()
				return nil
			}
		}
		u.Close()
		if err != nil {
			return err
		}
	}
	if write.err != nil {
		s.last = write
		return s.errorf("write: %v", write.err)
	}
	if write.op.Outcome != history.OK {
		s.last = write
		return s.errorf("write: %s answered %d", write.path, write.x.Status)
	}
	return s.errorf("read collects nothing: %s answered %d and %s does not find in %s (status %d) what was written", write.path, write.x.Status, s.c.Read.find, s.last.path, s.last.x.Status)
}

// reads looks for the token, and whether the page shows the user, too.
func (s *scout) reads(u *engine.User, token string) (bool, error) {
	wire := s.tokens.wire(token)
	for range 3 {
		r, err := s.do(u, s.look(), func(r *run) { r.step(s.c.Read.request()) })
		if err != nil {
			return false, err
		}
		times := 0
		for _, text := range s.c.Read.find.all(&r.x) {
			if strings.TrimSpace(text) == wire {
				times++
			}
		}
		if times > 1 {
			return false, s.errorf("read finds what was written once %d times in %s: %s has to match each item once", times, r.path, s.c.Read.find)
		}
		if times == 1 {
			who, ok := r.who()
			s.both = ok && who == history.UserName(0) && !s.c.Marker.find.empty()
			return true, nil
		}
		select {
		case <-s.ctx.Done():
			return false, s.ctx.Err()
		case <-time.After(scoutBreath):
		}
	}
	return false, nil
}

// leave signs out.
func (s *scout) leave() error {
	u := s.client.User()
	defer u.Close()
	u.Present(s.jar)
	r, err := s.do(u, engine.Call{Kind: history.Logout}, (*run).perform)
	if err != nil {
		return err
	}
	if r.x.Status == 404 || r.x.Status == 405 {
		return s.errorf("logout: %s answered %d", r.path, r.x.Status)
	}
	return nil
}
