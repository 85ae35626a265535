package session_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/session"
)

// The inner manager has signed in, and the old cookie opens nothing any more,
// when the outer one's commit fails.
func TestFailedCommitOfTheOuterManagerKeepsTheInnerCookie(t *testing.T) {
	for name, around := range map[string]func(http.Handler) http.Handler{
		"directly": func(h http.Handler) http.Handler { return h },
		"with a header map of its own between": func(h http.Handler) http.Handler {
			return http.TimeoutHandler(h, 1<<40, "")
		},
	} {
		for what, fail := range map[string]func(outer, inner *faulty){
			"outer": func(outer, _ *faulty) { outer.down() },
			"both, and the inner commit has happened": func(outer, inner *faulty) {
				outer.down()
				inner.set(nil, loseReplies(100, all))
			},
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				outer, inner := &faulty{Store: newStore()}, &faulty{Store: newStore()}
				users := newManager(t, outer, session.Options{})
				admins := newManager(t, inner, session.Options{Cookie: session.CookieOptions{Name: "__Host-admin"}})
				shop := newShop() // acts on the inner session
				shop.HandleFunc("/both", func(w http.ResponseWriter, r *http.Request) {
					http.SetCookie(w, &http.Cookie{Name: "foreign", Value: "1"})
					user, admin := users.From(r.Context()), admins.From(r.Context())
					if try(w, r, errors.Join(shop.name.Set(user, "x"), admin.SignIn("alice"))) {
						fail(outer, inner)
						io.WriteString(w, "ok")
					}
				})
				b := newBrowser(t, serve(t, users, around(admins.Handler(shop))))
				b.want("/set?v=cart", 200, "ok")
				got := b.want("/both", 503, "Service Unavailable")
				if len(got.cookies) != 1 || got.cookies[0].Name != "__Host-admin" {
					t.Errorf("the 503 sets %v, want the inner manager's cookie alone", got.cookies)
				}
				outer.up()
				inner.up()
				b.want("/get", 200, "cart")
				b.want("/who", 200, "alice")
			})
		}
	}
}

// What a handler has committed itself is committed, also if it then panics.
func TestPanicAfterCommitKeepsTheCookie(t *testing.T) {
	shop := newShop()
	shop.HandleFunc("/panic", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if err := errors.Join(s.SignIn("alice"), s.Commit(r.Context()), shop.name.Set(s, "half")); err != nil {
			t.Error(err)
		}
		panic("a bug")
	})
	var within http.ResponseWriter
	m := newManager(t, newStore(), session.Options{})
	h := m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		within = w
		shop.ServeHTTP(w, r)
	}))
	for name, answer := range map[string]func(http.ResponseWriter) http.ResponseWriter{
		"outside":              func(w http.ResponseWriter) http.ResponseWriter { return w },
		"to the writer within": func(http.ResponseWriter) http.ResponseWriter { return within },
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() {
					if recover() != nil {
						http.Error(answer(w), "sorry", http.StatusInternalServerError)
					}
				}()
				h.ServeHTTP(w, r)
			}))
			defer srv.Close()
			b := newBrowser(t, srv)
			b.want("/set?v=whole", 200, "ok")
			before := m.Stats().Commits
			if got := b.want("/panic", 500, "sorry"); len(got.cookies) != 1 {
				t.Errorf("%d cookies, want that of the sign-in", len(got.cookies))
			}
			if n := m.Stats().Commits - before; n != 1 {
				t.Errorf("%d commits, want the handler's alone", n)
			}
			b.want("/get", 200, "whole")
			b.want("/who", 200, "alice")
		})
	}
}

// Whoever answers for a handler that has panicked does not open its session
// again.
func TestWriteAfterAPanicOpensNothing(t *testing.T) {
	shop := newShop()
	m := newManager(t, newStore(), session.Options{})
	var s *session.Session
	h := m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s = session.From(r.Context())
		if err := shop.name.Set(s, "half"); err != nil {
			t.Error(err)
		}
		panic(w)
	}))
	w := httptest.NewRecorder()
	func() {
		defer func() { io.Copy(recover().(http.ResponseWriter), strings.NewReader("sorry")) }()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	}()
	if err := shop.name.Set(s, "late"); !errors.Is(err, session.ErrDone) {
		t.Errorf("Set after the panic: %v, want ErrDone", err)
	}
	if st := m.Stats(); st.Commits != 0 || w.Body.String() != "sorry" || len(w.Result().Cookies()) != 0 {
		t.Errorf("%d commits, response %q with %v", st.Commits, w.Body, w.Result().Cookies())
	}
}
