package session_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/memstore"
)

// A page that lets a user see where they are signed in, and sign out there.
func ExampleManager_Sessions() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{
		Sessions: session.PrincipalOptions{Max: 10},
	})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		if err := session.From(r.Context()).SignIn("alice"); err != nil {
			session.Error(w, r, err)
		}
	})
	mux.HandleFunc("/devices", func(w http.ResponseWriter, r *http.Request) {
		list, err := sessions.Sessions(r.Context(), session.From(r.Context()).Principal())
		if err != nil {
			session.Error(w, r, err)
			return
		}
		for _, l := range list {
			fmt.Fprintf(w, "%s; ", l.Device)
		}
	})
	mux.HandleFunc("/sign-out-others", func(w http.ResponseWriter, r *http.Request) {
		n, err := session.From(r.Context()).RevokeOthers(r.Context())
		if err != nil {
			session.Error(w, r, err)
			return
		}
		fmt.Fprint(w, n)
	})
	h := sessions.Handler(mux)
	as := func(agent string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("User-Agent", agent)
			h.ServeHTTP(w, r)
		})
	}
	phone, laptop := visitor(as("phone")), visitor(as("laptop"))
	phone("/login")
	laptop("/login")
	laptop("/devices")
	laptop("/sign-out-others")
	laptop("/devices")
	phone("/sign-out-others")
	// Output:
	// /login 200
	// /login 200
	// /devices 200 phone; laptop;
	// /sign-out-others 200 1
	// /devices 200 laptop;
	// /sign-out-others 403 Forbidden
}

// An operator ends all sessions of a user.
func ExampleManager_Revoke() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	for range 2 {
		if _, err := sessions.Issue(ctx, "alice", nil); err != nil {
			panic(err)
		}
	}
	fmt.Println(sessions.Revoke(ctx, "alice", session.Revocation{}))
	fmt.Println(sessions.Revoke(ctx, "alice", session.Revocation{}))
	// Output:
	// 2 <nil>
	// 0 <nil>
}

func ExampleManager_Export() {
	name, visits := session.NewAttribute[string]("name"), session.NewCounter("visits")
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	_, err = sessions.Issue(ctx, "alice", func(s *session.Session) error {
		if err := name.Set(s, "Alice"); err != nil {
			return err
		}
		_, err := visits.Add(ctx, s, 3)
		return err
	})
	if err != nil {
		panic(err)
	}
	data, err := sessions.Export(ctx, "alice")
	if err != nil {
		panic(err)
	}
	text, err := json.Marshal(data.Sessions[0].Attributes)
	fmt.Printf("%s has %d session: %s %v\n", data.Principal, len(data.Sessions), text, err)
	// Output:
	// alice has 1 session: {"name":"Alice","visits":3} <nil>
}

// "Remember me" is a sign-in with timeouts of its own, and a cookie that stays.
func ExampleSession_SignInWith() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{})
	if err != nil {
		panic(err)
	}
	h := sessions.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		opt := session.SignInOptions{}
		if r.FormValue("remember") != "" {
			opt = session.SignInOptions{IdleTimeout: 14 * 24 * time.Hour, AbsoluteTimeout: -1, Persistent: true}
		}
		if err := session.From(r.Context()).SignInWith("alice", opt); err != nil {
			session.Error(w, r, err)
		}
	}))
	for _, target := range []string{"/", "/?remember=on"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", target, nil))
		fmt.Println(w.Result().Cookies()[0].MaxAge / (24 * 60 * 60))
	}
	// Output:
	// 0
	// 400
}

// What needs a password that was asked for just now asks for it again.
func ExampleSession_RequireFresh() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		if err := session.From(r.Context()).SignIn("alice"); err != nil {
			session.Error(w, r, err)
		}
	})
	mux.HandleFunc("/delete-account", func(w http.ResponseWriter, r *http.Request) {
		err := session.From(r.Context()).RequireFresh(5 * time.Minute)
		if errors.Is(err, session.ErrNotFresh) {
			http.Redirect(w, r, "/login", http.StatusSeeOther)
			return
		}
		if err != nil {
			session.Error(w, r, err)
			return
		}
		fmt.Fprint(w, "deleted")
	})
	visit := visitor(sessions.Handler(mux))
	visit("/login")
	visit("/delete-account")
	// Output:
	// /login 200
	// /delete-account 200 deleted
}

// A client that is a program keeps the session in a header.
func ExampleOptions_header() {
	visits := session.NewCounter("visits")
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Header: "X-Session"})
	if err != nil {
		panic(err)
	}
	h := sessions.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := visits.Add(r.Context(), session.From(r.Context()), 1)
		if err != nil {
			session.Error(w, r, err)
			return
		}
		fmt.Fprint(w, n)
	}))
	held := ""
	for range 2 {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-Session", held)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if given := w.Header().Get("X-Session"); given != "" {
			held = given
		}
		fmt.Println(w.Body)
	}
	// Output:
	// 1
	// 2
}
