package journey_test

import (
	"crypto/rand"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// shop is a small application: a form to sign in with a token against forged
// requests, a page that says who is signed in, and a cart. Its sessions are in
// its memory. The fields plant faults.
type shop struct {
	overwrite bool // the cart is loaded, changed and saved, without a lock
	fixed     bool // a login keeps the session ID
	undying   bool // a logout ends nothing
	gaps      bool // a stream that is resumed leaves an event out
	trusting  bool // asks for no token against forged requests
	leak      int  // each so many accounts pages are of the last who looked

	mu       sync.Mutex
	sessions map[string]*visitor
	looks    int
	last     string
}

type visitor struct {
	csrf, user string
	cart       []string
}

const password = "correct horse"

func (s *shop) handler() http.Handler {
	s.sessions = map[string]*visitor{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", s.form)
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("GET /account", s.account)
	mux.HandleFunc("GET /cart", s.show)
	mux.HandleFunc("POST /cart", s.add)
	mux.HandleFunc("POST /logout", s.logout)
	mux.HandleFunc("GET /events", s.events)
	return mux
}

func (s *shop) of(r *http.Request) (string, *visitor) {
	c, err := r.Cookie("shop")
	if err != nil {
		return "", nil
	}
	return c.Value, s.sessions[c.Value]
}

func (s *shop) give(w http.ResponseWriter, v *visitor) {
	id := rand.Text()
	s.sessions[id] = v
	http.SetCookie(w, &http.Cookie{Name: "theme", Value: "dark-and-rather-long-for-a-theme", Path: "/"})
	http.SetCookie(w, &http.Cookie{Name: "shop", Value: id, Path: "/", HttpOnly: true})
}

func (s *shop) form(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, v := s.of(r)
	if v == nil {
		v = &visitor{csrf: "<" + rand.Text() + ">"}
		s.give(w, v)
	}
	fmt.Fprintf(w, `<!doctype html><title>Shop</title><form method="post" action="/login">
<input type="hidden" name="csrf" value="%s"><input name="user"><input type=password name="password"><button>Go</button></form>`, html.EscapeString(v.csrf))
}

func (s *shop) login(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, v := s.of(r)
	if !s.trusting && (v == nil || r.FormValue("csrf") != v.csrf) {
		http.Error(w, "forged", http.StatusForbidden)
		return
	}
	if r.FormValue("password") != password {
		http.Redirect(w, r, "/login?error=1", http.StatusSeeOther)
		return
	}
	if s.fixed {
		*v = visitor{csrf: v.csrf, user: r.FormValue("user")}
	} else {
		delete(s.sessions, id)
		s.give(w, &visitor{csrf: rand.Text(), user: r.FormValue("user")})
	}
	http.Redirect(w, r, "/account", http.StatusSeeOther)
}

// user sends strangers to the login.
func (s *shop) user(w http.ResponseWriter, r *http.Request) *visitor {
	if _, v := s.of(r); v != nil && v.user != "" {
		return v
	}
	http.Redirect(w, r, "/login?next="+r.URL.Path, http.StatusFound)
	return nil
}

func (s *shop) account(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.user(w, r)
	if v == nil {
		return
	}
	name := v.user
	if s.looks++; s.leak > 0 && s.looks%s.leak == 0 && s.last != "" {
		name = s.last
	}
	s.last = v.user
	fmt.Fprintf(w, "<p>Signed in as <b class=who>%s</b></p>", html.EscapeString(name))
}

func (s *shop) show(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.user(w, r)
	if v == nil {
		return
	}
	fmt.Fprintf(w, "<form method=post><input type=hidden name=csrf value=%q></form><ul>", v.csrf)
	for _, item := range v.cart {
		fmt.Fprintf(w, "<li data-item=\"%s\"><a href=\"/items/%[1]s\">one</a></li>", html.EscapeString(item))
	}
	fmt.Fprint(w, "</ul>")
}

func (s *shop) add(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.user(w, r)
	if v == nil {
		return
	}
	if !s.trusting && r.FormValue("csrf") != v.csrf {
		http.Error(w, "forged", http.StatusForbidden)
		return
	}
	cart := v.cart
	if s.overwrite {
		s.mu.Unlock()
		time.Sleep(3 * time.Millisecond)
		s.mu.Lock()
	}
	v.cart = append(slices.Clip(cart), r.FormValue("item"))
	http.Redirect(w, r, "/cart", http.StatusSeeOther)
}

func (s *shop) logout(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, _ := s.of(r)
	if !s.undying {
		delete(s.sessions, id)
	}
	http.SetCookie(w, &http.Cookie{Name: "shop", Path: "/", MaxAge: -1})
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// events are numbered on from the last one that was received.
func (s *shop) events(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	v := s.user(w, r)
	s.mu.Unlock()
	if v == nil {
		return
	}
	n, err := strconv.Atoi(r.Header.Get("Last-Event-ID"))
	if s.gaps && err == nil {
		n++
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for {
		n++
		fmt.Fprintf(w, "id: %d\ndata: for %s\n\n", n, v.user)
		if http.NewResponseController(w).Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}
