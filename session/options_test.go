package session_test

import (
	"context"
	"errors"
	"fmt"
	"github.com/evenkeel/evenkeel/session"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestNewReportsAllThatIsWrong(t *testing.T) {
	if _, err := session.New(nil, session.Options{}); err == nil {
		t.Error("no store is no error")
	}
	for want, opt := range map[string]session.Options{
		`two of the name "cart"`: {Attributes: []session.Named{
			session.NewAttribute[int]("cart"), session.NewCounter("n"), session.NewList[string]("cart")}},
		`attribute name ""`:   {Attributes: []session.Named{session.NewSet[int]("")}},
		"IdleTimeout":         {IdleTimeout: -1},
		"Budget":              {Budget: 1},
		"Recheck":             {Recheck: -1},
		"Limits":              {Limits: session.Limits{Attributes: -1}},
		"not a cookie name":   {Cookie: session.CookieOptions{Name: "a b"}},
		"needs a Secure":      {Cookie: session.CookieOptions{Name: "__Host-x", InsecureCookie: true}},
		"Options.Cache is 4":  {Cache: session.CacheBounded + 1},
		"needs a Secure cook": {Cookie: session.CookieOptions{Name: "__secure-x", InsecureCookie: true}},
	} {
		if _, err := session.New(newStore(), opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	_, err := session.New(newStore(), session.Options{IdleTimeout: -1, Budget: -1})
	if err == nil || !strings.Contains(err.Error(), "IdleTimeout") || !strings.Contains(err.Error(), "Budget") {
		t.Errorf("not all of it: %v", err)
	}
}

func TestStatus(t *testing.T) {
	for want, errs := range map[int][]error{
		200: {nil},
		403: {session.ErrNotFresh},
		409: {session.ErrTooMany, session.ErrSuperseded, session.ErrConflict, session.ErrPrincipal, session.ErrNotFound, session.ErrGone{Reason: "x"}},
		413: {fmt.Errorf("x: %w", session.ErrLimit)},
		500: {session.ErrType, session.ErrUndecodable, session.ErrNewer, session.ErrMalformed, session.ErrStarted, session.ErrDone, session.ErrUnsupported},
		503: {errDown, session.ErrFormat, session.ErrUnknown, session.ErrLate{}, session.ErrStarts, context.DeadlineExceeded,
			session.ErrUnavailable{Cause: session.ErrNotFresh}},
	} {
		for _, err := range errs {
			if got := session.Status(err); got != want {
				t.Errorf("%v: %d, want %d", err, got, want)
			}
			if err == nil {
				continue
			}
			w := httptest.NewRecorder()
			session.Error(w, nil, err)
			if w.Code != want || (w.Header().Get("Retry-After") != "") != (want == 503) || strings.Contains(w.Body.String(), err.Error()) {
				t.Errorf("%v: %d %v %q", err, w.Code, w.Header(), w.Body)
			}
		}
	}
}

func TestLimitsAreCheckedAtOnce(t *testing.T) {
	store := newStore()
	m := newManager(t, store, session.Options{Limits: session.Limits{AttributeBytes: 100, SessionBytes: 250, Attributes: 4}})
	long := strings.Repeat("x", 100)
	a := func(i int) *session.Attribute[string] { return session.NewAttribute[string](fmt.Sprint("a", i)) }
	list := session.NewList[string]("list")
	cookie := within(t, m, "", func(s *session.Session) {
		for what, err := range map[string]error{
			"a long value": a(0).Set(s, long), "a long name": session.NewAttribute[int](strings.Repeat("n", 257)).Set(s, 1),
			"long elements": list.Append(s, long),
		} {
			if !errors.Is(err, session.ErrLimit) && !errors.Is(err, session.ErrMalformed) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if keys, err := s.Keys(); len(keys) != 0 || err != nil {
			t.Errorf("staged nevertheless: %v %v", keys, err)
		}
	})
	if cookie != "" || store.Len() != 0 {
		t.Error("a session was started")
	}
	within(t, m, "", func(s *session.Session) {
		for i := range 2 {
			if err := a(i).Set(s, long[:90]); err != nil {
				t.Error(err)
			}
		}
		if err := a(2).Set(s, long[:90]); !errors.Is(err, session.ErrLimit) {
			t.Errorf("too large a session: %v", err)
		}
		for i := 2; i < 4; i++ {
			if err := a(i).Set(s, "x"); err != nil {
				t.Error(err)
			}
		}
		_, add := session.NewCounter("n").Add(t.Context(), s, 1)
		_, update := a(4).Update(t.Context(), s, func(string, bool) (string, error) { return "", nil })
		for what, err := range map[string]error{"Set": a(4).Set(s, ""), "Add": add, "Update": update} {
			if !errors.Is(err, session.ErrLimit) {
				t.Errorf("%s of one attribute too many: %v", what, err)
			}
		}
	})
}

func TestManyStagedChanges(t *testing.T) {
	m := newManager(t, newStore(), session.Options{})
	list, set := session.NewList[int]("list"), session.NewSet[int]("set")
	cookie := within(t, m, "", func(s *session.Session) {
		for i := range 1200 {
			if err := errors.Join(list.Append(s, i), session.NewAttribute[int]("a").Set(s, i)); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		for i := 0; err == nil && i < session.MaxOps; i++ {
			err = errors.Join(set.Add(s, 1), set.Remove(s, 1)) // cannot be made fewer
		}
		if !errors.Is(err, session.ErrLimit) {
			t.Errorf("endless changes: %v", err)
		}
	})
	within(t, m, cookie, func(s *session.Session) {
		if v := must[[]int](t)(list.Values(s)); len(v) != 1200 || v[1199] != 1199 {
			t.Errorf("%d elements", len(v))
		}
	})
}
