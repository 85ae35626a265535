package record_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// shop is three instances in one: a session is kept by one of them, whose name
// is in its answers. The zero value keeps all promises.
type shop struct {
	reverts bool // a logout leaves the session where it is
	leaks   bool // a cache answers each fifth read with the one before it
	forgets bool // of two writes at once one is lost

	mu       sync.Mutex
	sessions map[string]*visit
	issued   []string
	next     int
	cached   []byte
	reads    int
}

type visit struct {
	User     string   `json:"u"`
	Tokens   []string `json:"t"`
	N        int      `json:"n"`
	Instance string   `json:"i"`
	writing  bool
}

const secret = "a-secret-of-more-than-24-bytes"

func (s *shop) start(t testing.TB) (url string) {
	t.Helper()
	s.sessions = map[string]*visit{}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return srv.URL
}

// lose takes the sessions of one instance.
func (s *shop) lose(instance string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, v := range s.sessions {
		if v.Instance == instance {
			delete(s.sessions, id)
		}
	}
}

func (s *shop) give(w http.ResponseWriter, v *visit) {
	s.next++
	id := fmt.Sprintf("cookie-of-nobody-else-%d", s.next)
	s.issued = append(s.issued, id)
	s.sessions[id] = v
	http.SetCookie(w, &http.Cookie{Name: "sid", Value: id, Path: "/"})
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Evenkeel-Probe") != secret {
		http.Error(w, "who are you", http.StatusForbidden)
		return
	}
	call := strings.TrimPrefix(r.URL.Path, "/probe/")
	if call == "slow" || call == "stream" {
		http.NotFound(w, r)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if call == "login" {
		v := &visit{User: r.URL.Query().Get("u"), Tokens: []string{}, Instance: fmt.Sprintf("shop-%d", 1+s.next%3)}
		w.Header().Set("X-Instance", v.Instance)
		s.give(w, v)
		return
	}
	id := ""
	if c, err := r.Cookie("sid"); err == nil {
		id = c.Value
	}
	v := s.sessions[id]
	if v == nil {
		w.Header().Set("X-Instance", "shop-1")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, "{}")
		return
	}
	w.Header().Set("X-Instance", v.Instance)
	s.serve(w, r, call, id, v)
}

// serve answers a call of a session; s.mu is held.
func (s *shop) serve(w http.ResponseWriter, r *http.Request, call, id string, v *visit) {
	switch call {
	case "append":
		if v.writing && s.forgets {
			return // the other one wins
		}
		v.writing = true
		s.mu.Unlock()
		time.Sleep(2 * time.Millisecond)
		s.mu.Lock()
		v.writing = false
		v.Tokens = append(v.Tokens, r.URL.Query().Get("t"))
	case "state":
		body, _ := json.Marshal(v)
		if s.reads++; s.leaks && s.reads%5 == 0 {
			w.Header().Set("Age", "1")
			body = s.cached
		} else {
			s.cached = body
		}
		w.Write(body)
	case "incr":
		v.N++
		fmt.Fprintf(w, `{"n":%d}`, v.N)
	case "rotate":
		delete(s.sessions, id)
		s.give(w, v)
		s.sessions[id] = v // the old ID works for a grace
	case "logout":
		http.SetCookie(w, &http.Cookie{Name: "sid", Path: "/", MaxAge: -1})
		if s.reverts {
			return
		}
		for other, o := range s.sessions {
			if o == v {
				delete(s.sessions, other)
			}
		}
	default:
		http.NotFound(w, r)
	}
}
