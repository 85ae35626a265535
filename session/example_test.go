package session_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/memstore"
)

// visitor shows what a browser would see, with its cookie.
func visitor(h http.Handler) func(target string) {
	var cookies []*http.Cookie
	return func(target string) {
		r := httptest.NewRequest("GET", target, nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if set := w.Result().Cookies(); len(set) > 0 {
			cookies = set
		}
		fmt.Println(strings.TrimSpace(fmt.Sprint(target, " ", w.Code, " ", w.Body)))
	}
}

func Example() {
	cart := session.NewList[string]("cart")
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{
		Attributes: []session.Named{cart},
	})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		// After the password has been checked:
		if err := session.From(r.Context()).SignIn("alice"); err != nil {
			session.Error(w, r, err)
		}
	})
	mux.HandleFunc("/add", func(w http.ResponseWriter, r *http.Request) {
		if err := cart.Append(session.From(r.Context()), r.FormValue("item")); err != nil {
			session.Error(w, r, err)
		}
	})
	mux.HandleFunc("/cart", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		items, err := cart.Values(s)
		if err != nil {
			session.Error(w, r, err)
			return
		}
		fmt.Fprintf(w, "%q has %v", s.Principal(), items)
	})
	handler := http.NewCrossOriginProtection().Handler(sessions.Handler(mux))

	visit := visitor(handler)
	visit("/add?item=tea")
	visit("/cart")
	visit("/login")
	visit("/add?item=milk")
	visit("/cart")
	// Output:
	// /add?item=tea 200
	// /cart 200 "" has [tea]
	// /login 200
	// /add?item=milk 200
	// /cart 200 "alice" has [tea milk]
}

func ExampleAttribute_Update() {
	stock := session.NewAttribute[map[string]int]("stock")
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{})
	if err != nil {
		panic(err)
	}
	visit := visitor(sessions.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		now, err := stock.Update(r.Context(), s, func(m map[string]int, found bool) (map[string]int, error) {
			if !found {
				m = map[string]int{}
			}
			m[r.URL.Path]++
			return m, nil
		})
		if err != nil {
			session.Error(w, r, err)
			return
		}
		fmt.Fprint(w, now)
	})))
	visit("/tea")
	visit("/milk")
	visit("/tea")
	// Output:
	// /tea 200 map[/tea:1]
	// /milk 200 map[/milk:1 /tea:1]
	// /tea 200 map[/milk:1 /tea:2]
}

func ExampleCounter_Add() {
	tickets := session.NewCounter("tickets")
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{})
	if err != nil {
		panic(err)
	}
	visit := visitor(sessions.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := tickets.Add(r.Context(), session.From(r.Context()), 1)
		if err != nil {
			session.Error(w, r, err)
			return
		}
		fmt.Fprint(w, "ticket ", n)
	})))
	visit("/")
	visit("/")
	// Output:
	// / 200 ticket 1
	// / 200 ticket 2
}

func ExampleAttribute_Pop() {
	flash := session.NewAttribute[string]("flash")
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{})
	if err != nil {
		panic(err)
	}
	visit := visitor(sessions.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if r.URL.Path == "/save" {
			if err := flash.Set(s, "saved"); err != nil {
				session.Error(w, r, err)
			}
			return
		}
		text, _, err := flash.Pop(s)
		if err != nil {
			session.Error(w, r, err)
			return
		}
		fmt.Fprintf(w, "%q", text)
	})))
	visit("/save")
	visit("/next")
	visit("/next")
	// Output:
	// /save 200
	// /next 200 "saved"
	// /next 200 ""
}

// A stream commits what it changes itself, and ends when the session does.
func ExampleSession_Commit() {
	last := session.NewAttribute[int]("last_event")
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{})
	if err != nil {
		panic(err)
	}
	events := func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if err := last.Set(s, 0); err != nil {
			session.Error(w, r, err)
			return
		}
		if err := s.Commit(r.Context()); err != nil { // the cookie goes with the first byte
			session.Error(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for id := 1; id <= 2; id++ {
			fmt.Fprintf(w, "id: %d; ", id)
			if err := http.NewResponseController(w).Flush(); err != nil {
				return
			}
			if last.Set(s, id) != nil || s.Commit(r.Context()) != nil {
				return
			}
			select {
			case <-s.Done(): // signed out elsewhere
				return
			case <-r.Context().Done():
				return
			case <-time.After(time.Millisecond):
			}
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/events", events)
	mux.HandleFunc("/last", func(w http.ResponseWriter, r *http.Request) {
		id, _, err := last.Get(session.From(r.Context()))
		if err != nil {
			session.Error(w, r, err)
			return
		}
		fmt.Fprint(w, id)
	})
	visit := visitor(sessions.Handler(mux))
	visit("/events")
	visit("/last")
	// Output:
	// /events 200 id: 1; id: 2;
	// /last 200 2
}

func ExampleManager_Issue() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{})
	if err != nil {
		panic(err)
	}
	cookie, err := sessions.Issue(context.Background(), "alice", nil)
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(cookie)
	w := httptest.NewRecorder()
	sessions.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, session.From(r.Context()).Principal())
	})).ServeHTTP(w, r)
	fmt.Println(w.Body)
	// Output:
	// alice
}

func ExampleUpgrade() {
	type cartV1 struct{ Items string }
	type cartV2 struct{ Items []string }
	before := session.NewAttribute[cartV1]("cart")
	after := session.NewAttribute[cartV2]("cart", session.Upgrade(2, func(c cartV1) (cartV2, error) {
		return cartV2{Items: []string{c.Items}}, nil
	}))
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Attributes: []session.Named{after}})
	if err != nil {
		panic(err)
	}
	visit := visitor(sessions.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if r.URL.Path == "/before" {
			if err := before.Set(s, cartV1{Items: "tea"}); err != nil {
				session.Error(w, r, err)
			}
			return
		}
		cart, _, err := after.Get(s)
		if err != nil {
			session.Error(w, r, err)
			return
		}
		fmt.Fprintf(w, "%q", cart.Items)
	})))
	visit("/before")
	visit("/after")
	// Output:
	// /before 200
	// /after 200 ["tea"]
}
