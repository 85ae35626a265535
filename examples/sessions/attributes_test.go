package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/memstore"
)

// One of each kind.
var (
	name    = session.NewAttribute[string]("name")
	setting = session.NewAttribute[map[string]string]("settings")
	notice  = session.NewAttribute[string]("notice")
	role    = session.NewAttribute[string]("role", session.Privileged())
	visits  = session.NewCounter("visits")
	viewed  = session.NewList[string]("viewed", session.MaxElements(3))
	wishes  = session.NewSet[string]("wishes")
)

// enter signs in first: what was staged before does not cross to another user.
func enter(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context())
	err := s.SignIn(r.FormValue("user"))
	if err == nil {
		err = role.Set(s, "clerk")
	}
	done(w, r, err)
}

func rename(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context())
	old, found, err := name.Get(s)
	if err == nil && (!found || old != r.FormValue("name")) {
		err = errors.Join(name.Set(s, r.FormValue("name")), notice.Set(s, "Your name was changed."))
	}
	done(w, r, err)
}

// set changes one of the settings and keeps what other requests change.
func set(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context())
	_, err := setting.Update(r.Context(), s, func(all map[string]string, found bool) (map[string]string, error) {
		if !found {
			all = map[string]string{}
		}
		all[r.FormValue("key")] = r.FormValue("value") // f may run again: only compute
		return all, nil
	})
	done(w, r, err)
}

func view(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context())
	n, err := visits.Add(r.Context(), s, 1) // written at once: n is this visit's number
	if err == nil {
		err = viewed.Append(s, r.FormValue("item")) // written with the response
	}
	if err == nil && r.FormValue("wish") == "yes" {
		err = wishes.Add(s, r.FormValue("item"))
	}
	if err != nil {
		session.Error(w, r, err)
		return
	}
	fmt.Fprintln(w, "visit", n)
}

// shop is the handler, and who is signed in as alice.
func shop(t *testing.T, h http.HandlerFunc) (*session.Manager, func(query string) *httptest.ResponseRecorder) {
	t.Helper()
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{
		Attributes: []session.Named{name, setting, notice, role, visits, viewed, wishes},
	})
	if err != nil {
		t.Fatal(err)
	}
	cookie, err := sessions.Issue(t.Context(), "alice", nil)
	if err != nil {
		t.Fatal(err)
	}
	return sessions, func(query string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/?"+query, nil)
		r.AddCookie(cookie)
		w := httptest.NewRecorder()
		sessions.Handler(h).ServeHTTP(w, r)
		return w
	}
}

func TestUpdateLosesNothing(t *testing.T) {
	var got map[string]string
	_, visit := shop(t, func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("key") != "" {
			set(w, r)
			return
		}
		var err error
		if got, _, err = setting.Get(session.From(r.Context())); err != nil {
			t.Error(err)
		}
	})
	atOnce(20, func(i int) {
		if w := visit(fmt.Sprintf("key=k%d&value=v", i)); w.Code != http.StatusSeeOther {
			t.Errorf("status %d", w.Code)
		}
	})
	if visit(""); len(got) != 20 {
		t.Errorf("%d settings of 20 are left", len(got))
	}
}

func TestMergesLoseNothing(t *testing.T) {
	var numbers []string
	var mu sync.Mutex
	var n int64
	var wished, last []string
	_, visit := shop(t, func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("item") != "" {
			view(w, r)
			return
		}
		s := session.From(r.Context())
		var errs [3]error
		n, errs[0] = visits.Value(s)
		wished, errs[1] = wishes.Values(s)
		last, errs[2] = viewed.Values(s)
		if err := errors.Join(errs[:]...); err != nil {
			t.Error(err)
		}
	})
	atOnce(20, func(i int) {
		w := visit(fmt.Sprintf("item=i%d&wish=yes", i))
		mu.Lock()
		defer mu.Unlock()
		numbers = append(numbers, strings.TrimSpace(w.Body.String()))
	})
	visit("")
	slices.Sort(numbers)
	if len(slices.Compact(numbers)) != 20 || n != 20 || len(wished) != 20 || len(last) != 3 {
		t.Errorf("numbers %v, count %d, %d wishes, %d viewed", numbers, n, len(wished), len(last))
	}
}

func atOnce(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

// Somebody else signs in with alice's browser: nothing of hers is left.
func TestEnter(t *testing.T) {
	sessions, visit := shop(t, func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("user") != "" {
			enter(w, r)
			return
		}
		rename(w, r)
	})
	visit("name=Al")
	cookies := visit("user=bob").Result().Cookies()
	if len(cookies) != 1 {
		t.Fatalf("cookies %v", cookies)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(cookies[0])
	w := httptest.NewRecorder()
	sessions.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		keys, err := s.Keys()
		fmt.Fprint(w, s.Principal(), keys, err)
	})).ServeHTTP(w, r)
	if got := w.Body.String(); got != "bob[role] <nil>" {
		t.Errorf("got %s", got)
	}
}

func TestNoticeIsShownOnce(t *testing.T) {
	_, visit := shop(t, func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("name") != "" {
			rename(w, r)
			return
		}
		text, _, err := notice.Pop(session.From(r.Context()))
		if err != nil {
			t.Error(err)
		}
		fmt.Fprint(w, text)
	})
	visit("name=Al")
	if got := visit("").Body.String(); got != "Your name was changed." {
		t.Errorf("first: %q", got)
	}
	if got := visit("").Body.String(); got != "" {
		t.Errorf("second: %q", got)
	}
}
