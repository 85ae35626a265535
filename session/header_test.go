package session_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/session"
)

// program is a client that keeps the session in a header.
type program struct {
	t       *testing.T
	h       http.Handler
	session []string // values that it presents
	version string
}

func (p *program) get(target string) *http.Response {
	p.t.Helper()
	r := httptest.NewRequest("GET", target, nil)
	r.Header["X-Session"] = p.session
	if p.version != "" {
		r.Header.Set("X-Session-Version", p.version)
	}
	w := httptest.NewRecorder()
	p.h.ServeHTTP(w, r)
	res := w.Result()
	if len(res.Cookies()) > 0 {
		p.t.Errorf("%s: cookies %v", target, res.Cookies())
	}
	if given, ok := res.Header["X-Session"]; ok {
		p.session = given
		if res.Header.Get("Cache-Control") != "no-store" {
			p.t.Errorf("%s: a credential in a response that may be stored", target)
		}
	}
	if given, ok := res.Header["X-Session-Version"]; ok {
		p.version = given[0]
	}
	return res
}

// want is get, of a response that carries a session or does not.
func (p *program) want(target, body string, given bool) {
	p.t.Helper()
	res := p.get(target)
	if _, ok := res.Header["X-Session"]; res.StatusCode != 200 || bodyOf(p.t, res) != body || ok != given {
		p.t.Errorf("%s: %d, session %v, want %q and %v", target, res.StatusCode, ok, body, given)
	}
}

func TestSessionInAHeader(t *testing.T) {
	m := newManager(t, newStore(), session.Options{Header: "x-session"})
	p := &program{t: t, h: m.Handler(newShop())}
	p.want("/get", "none", false)
	p.want("/set?v=a", "ok", true)
	first := p.session[0]
	if len(first) != 60 {
		t.Fatalf("the credential has %d characters", len(first))
	}
	p.want("/get", "a", false)
	p.want("/login?u=alice", "ok", true)
	if p.session[0] == first || p.session[0][:16] != first[:16] {
		t.Error("a sign-in keeps the selector and changes the verifier")
	}
	p.want("/who", "alice", false)
	p.want("/renew", "ok", true)
	p.want("/who", "alice", false)
	last := p.session
	p.want("/logout", "ok", true)
	if len(p.session) != 1 || p.session[0] != "" {
		t.Errorf("after the logout the client is told %q", p.session)
	}
	p.want("/who", "nobody", false)
	if p.version != "" {
		t.Error("a version outside of CacheBounded")
	}
	if n := m.Stats().Malformed; n != 0 {
		t.Errorf("%d malformed", n)
	}
	p.session = last
	p.want("/gone", "logout", false)
}

func TestResponsesVaryByTheHeader(t *testing.T) {
	p := &program{t: t, h: newManager(t, newStore(), session.Options{Header: "X-Session"}).Handler(newShop())}
	for path, want := range map[string]string{"/get": "X-Session", "/static": ""} {
		if got := strings.Join(p.get(path).Header["Vary"], ","); got != want {
			t.Errorf("%s: Vary is %q, want %q", path, got, want)
		}
	}
}

func TestOnlyOneWellFormedHeaderIsUsed(t *testing.T) {
	m := newManager(t, newStore(), session.Options{Header: "X-Session"})
	cookie, err := m.Issue(t.Context(), "alice", nil)
	if err != nil {
		t.Fatal(err)
	}
	if cookie.Name != "X-Session" {
		t.Errorf("Issue names it %q", cookie.Name)
	}
	good := cookie.Value
	for _, c := range []struct {
		values    []string
		want      string
		malformed int64
	}{
		{[]string{good}, "alice", 0},
		{nil, "nobody", 0},
		{[]string{""}, "nobody", 0},
		{[]string{good, good}, "nobody", 1},
		{[]string{"", good}, "nobody", 1},
		{[]string{good + "," + good}, "nobody", 1},
		{[]string{"Bearer " + good}, "nobody", 1},
		{[]string{good[:59]}, "nobody", 1},
	} {
		before := m.Stats().Malformed
		p := &program{t: t, h: m.Handler(newShop()), session: c.values}
		p.want("/who", c.want, false)
		if n := m.Stats().Malformed - before; n != c.malformed {
			t.Errorf("%.80q: %d malformed", c.values, n)
		}
	}
	// Nor does a cookie open it.
	if got := bodyOf(t, record(m, newShop(), good, "GET", "/who")); got != "nobody" {
		t.Errorf("with a cookie: %s", got)
	}
}

func TestRenewalOfUnknownOutcomeInAHeader(t *testing.T) {
	store := &faulty{Store: newStore()}
	p := &program{t: t, h: newManager(t, store, session.Options{Header: "X-Session"}).Handler(newShop())}
	p.want("/login?u=alice", "ok", true)
	store.set(nil, func(context.Context, session.Change, func() (session.Result, error)) (session.Result, error) {
		return session.Result{}, errDown
	})
	if res := p.get("/renew"); res.StatusCode != 503 || strings.Count(p.session[0], ".") != 2 {
		t.Errorf("%d %q", res.StatusCode, p.session)
	}
	store.up()
	p.want("/who", "alice", false)
}

func TestVersionInAHeader(t *testing.T) {
	store := &asked{Store: newStore()}
	p := &program{t: t, h: newManager(t, store, session.Options{Header: "X-Session", Cache: session.CacheBounded}).Handler(newShop())}
	p.want("/set?v=a", "ok", true)
	first := p.version
	if first[:7] != p.session[0][:6]+"." {
		t.Errorf("version %q of %q", first, p.session[0][:16])
	}
	p.want("/set?v=b", "ok", false)
	if p.version <= first {
		t.Errorf("version %q after %q", p.version, first)
	}
	store.taken()
	p.want("/get", "b", false)
	if loads := store.taken(); len(loads) != 1 || loads[0].Floor == 0 {
		t.Errorf("loads %+v", loads)
	}
	if p.want("/logout", "ok", true); p.version != "" {
		t.Errorf("after the logout the version is %q", p.version)
	}
}

func TestOptionsOfAHeader(t *testing.T) {
	for want, opt := range map[string]session.Options{
		"exclude one another":  {Header: "X-Session", Cookie: session.CookieOptions{Name: "a"}},
		"exclude":              {Header: "X-Session", Cookie: session.CookieOptions{Persistent: true}},
		`"X Session" is not`:   {Header: "X Session"},
		`"X-Session:" is not`:  {Header: "X-Session:"},
		`"X-Größe" is not`:     {Header: "X-Größe"},
		`"set-cookie" is not`:  {Header: "set-cookie"},
		`"cookie" is not`:      {Header: "cookie"},
		`"Connection" is not`:  {Header: "Connection"},
		`"User-Agent" is not`:  {Header: "User-Agent"},
		`"X-Session\n" is not`: {Header: "X-Session\n"},
	} {
		if _, err := session.New(newStore(), opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
