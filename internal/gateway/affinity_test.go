package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway/affinity"
	"github.com/evenkeel/evenkeel/internal/target"
)

// record serves one request without sockets.
func record(g *Gateway, method, path, body string, fields ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body == "" {
		r = httptest.NewRequest(method, path, nil)
	}
	for _, f := range fields {
		k, v, _ := strings.Cut(f, ": ")
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

func three(t *testing.T) []target.Target {
	return []target.Target{app(t, "a", nil), app(t, "b", nil), app(t, "c", nil)}
}

// sessions makes n bound clients and returns their cookies and targets.
func sessions(t *testing.T, addr string, n int) (cookies, at []string) {
	t.Helper()
	c := dial(t, addr)
	for range n {
		a := c.do("GET", "/", "")
		a.want(t, 200, "")
		if a.cookie() == "" {
			t.Fatalf("no cookie in %v", a.Header)
		}
		cookies, at = append(cookies, a.cookie()), append(at, a.body)
	}
	return cookies, at
}

func TestAffinityHolds(t *testing.T) {
	f := start(t, options(sticky(target.Move, three(t)...)))
	cookies, at := sessions(t, f.addr, 30)
	c := dial(t, f.addr)
	for i, cookie := range cookies {
		for range 3 {
			a := c.do("GET", "/", "", cookie)
			a.want(t, 200, at[i])
			if a.cookie() != "" {
				t.Fatal("the cookie was set again")
			}
		}
	}
	for _, s := range f.Stats().Groups[0].Targets {
		if s.BoundSessions != 10 {
			t.Errorf("%s has %d bound sessions, want 10", s.ID, s.BoundSessions)
		}
	}
	first := once(t, f.addr, "GET", "/", "").Header.Get("Set-Cookie")
	if !strings.HasSuffix(first, "; Path=/; HttpOnly; SameSite=Lax") || strings.Contains(first, "127.0.0.1") {
		t.Errorf("cookie %q", first)
	}
}

func TestCookieIsOnlySetWithAffinity(t *testing.T) {
	f := start(t, options(shop(app(t, "a", nil))))
	if a := once(t, f.addr, "GET", "/", ""); a.Header.Get("Set-Cookie") != "" {
		t.Errorf("cookie %q", a.Header.Get("Set-Cookie"))
	}
}

// What becomes of a bound request when its target leaves, by policy and way.
func TestBoundRequests(t *testing.T) {
	leave := map[string]func(f *fixture, id string){
		"draining":  func(f *fixture, id string) { startDrain(t, f, id) },
		"unhealthy": func(f *fixture, id string) { f.force(id, target.Unhealthy) },
		"ejected": func(f *fixture, id string) {
			grp := f.groups()[0]
			e := grp.entries[id]
			grp.transition(e, func(s target.State) target.State { return e.health.ConnectFailed(s, time.Now()) })
		},
		"initial": func(f *fixture, id string) { f.force(id, target.Initial) },
		"removed": func(f *fixture, id string) {
			if err := f.Deregister("shop", id); err != nil {
				t.Error(err)
			}
			eventually(t, "removed", func() bool { _, err := f.Gateway.status("shop", id); return err != nil })
		},
	}
	const stays, moves, refused = "stays", "moves", "refused"
	want := map[target.OnDraining]map[string]string{
		target.Move:   {"draining": moves, "unhealthy": moves, "ejected": moves, "initial": stays, "removed": moves},
		target.Finish: {"draining": stays, "unhealthy": stays, "ejected": moves, "initial": stays},
		target.Strict: {"draining": refused, "unhealthy": refused, "ejected": moves, "initial": stays, "removed": moves},
	}
	for p, ways := range want {
		for way, what := range ways {
			f := start(t, options(sticky(p, three(t)...)))
			cookies, at := sessions(t, f.addr, 30)
			leave[way](f, "b")
			moved := 0
			for i, cookie := range cookies {
				a := once(t, f.addr, "GET", "/", "", cookie)
				switch {
				case at[i] != "b" || what == stays:
					if a.body != at[i] || a.cookie() != "" {
						t.Fatalf("%v, %s: a needless move from %s to %q", p, way, at[i], a.body)
					}
				case what == refused:
					a.want(t, 503, "503 Service Unavailable: the session's target is leaving\n")
					if a.Header.Get("X-Instance") != "b" || a.Header.Get("Retry-After") == "" || a.cookie() != "" {
						t.Errorf("%v, %s: %v", p, way, a.Header)
					}
				default:
					moved++
					if a.body == "b" || a.cookie() == "" {
						t.Fatalf("%v, %s: did not move: %q %v", p, way, a.body, a.Header)
					}
					if cookie[len(cookie)-16:] != a.cookie()[len(a.cookie())-16:] {
						t.Errorf("the binding changed: %s, %s", cookie, a.cookie())
					}
					// The old cookie, as a request sent at the same time has it, goes there too.
					once(t, f.addr, "GET", "/", "", cookie).want(t, 200, a.body)
					once(t, f.addr, "GET", "/", "", a.cookie()).want(t, 200, a.body)
				}
			}
			s := f.Stats().Groups[0]
			counted := s.MovesDraining + s.MovesUnhealthy + s.MovesGone + s.MovesFailed
			if (what == moves) != (moved == 10) || (counted > 0) != (what == moves) {
				t.Errorf("%v, %s: %d moved, %d counted", p, way, moved, counted)
			}
		}
	}
}

// force puts a target into a state, as a health check would.
func (f *fixture) force(id string, s target.State) {
	grp := f.groups()[0]
	grp.transition(grp.entries[id], func(target.State) target.State { return s })
}

func startDrain(t *testing.T, f *fixture, id string) {
	t.Helper()
	if _, _, err := f.startDrain(f.groups()[0], id, false); err != nil {
		t.Error(err)
	}
}

// Gateways with the same keys agree, also on where a session moves to.
func TestTwoGatewaysAgree(t *testing.T) {
	targets := three(t)
	keys := affinity.RandomRing()
	var fs []*fixture
	for range 2 {
		opt := options(sticky(target.Move, targets...))
		opt.Keys = keys
		fs = append(fs, start(t, opt))
	}
	cookies, at := sessions(t, fs[0].addr, 30)
	for i, cookie := range cookies {
		a := once(t, fs[1].addr, "GET", "/", "", cookie)
		a.want(t, 200, at[i])
		if a.cookie() != "" {
			t.Fatal("the second gateway set its own cookie")
		}
	}
	for _, f := range fs {
		startDrain(t, f, "b")
	}
	for i, cookie := range cookies {
		a, b := once(t, fs[0].addr, "GET", "/", "", cookie), once(t, fs[1].addr, "GET", "/", "", cookie)
		a.want(t, 200, b.body)
		if at[i] != "b" && a.body != at[i] {
			t.Errorf("a needless move from %s to %s", at[i], a.body)
		}
	}
}

func TestKeyRotation(t *testing.T) {
	secret := func(s string) []byte { return []byte(strings.Repeat(s, affinity.MinKeyBytes)) }
	ring := func(s ...string) *affinity.Ring {
		var secrets [][]byte
		for _, k := range s {
			secrets = append(secrets, secret(k))
		}
		r, err := affinity.NewRing(secrets...)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	opt := options(sticky(target.Move, three(t)...))
	opt.Keys = ring("1")
	f := start(t, opt)
	cookies, at := sessions(t, f.addr, 9)
	f.SetKeys(ring("1", "2"))
	once(t, f.addr, "GET", "/", "", cookies[0]).want(t, 200, at[0])
	f.SetKeys(ring("2", "1"))
	for i, cookie := range cookies {
		a := once(t, f.addr, "GET", "/", "", cookie)
		a.want(t, 200, at[i])
		if a.cookie() == "" || a.cookie() == cookie {
			t.Fatalf("not renewed by the new key: %q", a.cookie())
		}
		cookies[i] = a.cookie()
	}
	f.SetKeys(ring("2"))
	d := app(t, "d", nil) // registered after the rotation
	if err := f.Register("shop", d); err != nil {
		t.Fatal(err)
	}
	later := ring("2").Tokens("shop", "d", "")[0].Cookie([16]byte([]byte("AAAAAAAAAAAAAAAA")))
	once(t, f.addr, "GET", "/", "", "Cookie: ek="+later).want(t, 200, "d")
	for i, cookie := range cookies {
		a := once(t, f.addr, "GET", "/", "", cookie)
		a.want(t, 200, at[i])
		if a.cookie() != "" {
			t.Error("set again")
		}
	}
	if s := f.Stats().Groups[0]; s.MovesGone+s.MovesFailed+s.MovesDraining+s.MovesUnhealthy != 0 {
		t.Errorf("rotation moved sessions: %+v", s)
	}
}

// A successor under the same name inherits nothing; the same life at another
// address keeps its sessions.
func TestIncarnation(t *testing.T) {
	first := app(t, "a", nil)
	f := start(t, options(sticky(target.Move, first, app(t, "b", nil))))
	cookies, at := sessions(t, f.addr, 2)
	mine := cookies[slices.Index(at, "a")]
	moved := app(t, "a", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "a at another address") })
	if err := f.Register("shop", moved); err != nil {
		t.Fatal(err)
	}
	a := once(t, f.addr, "GET", "/", "", mine)
	a.want(t, 200, "a at another address")
	if a.cookie() != "" {
		t.Error("an address is part of the binding")
	}
	moved.Incarnation = "2"
	if err := f.Register("shop", moved); err != nil {
		t.Fatal(err)
	}
	if a := once(t, f.addr, "GET", "/", "", mine); a.cookie() == "" {
		t.Error("a successor inherited a session")
	}
}

// A bound GET whose connection breaks is replayed where its session is.
func TestReplayKeepsTheBinding(t *testing.T) {
	fail := make(chan bool, 1)
	a := script(t, "a", func(c net.Conn, br *bufio.Reader, _ int) {
		for {
			if _, err := http.ReadRequest(br); err != nil {
				return
			}
			select {
			case <-fail:
				reset(c)
				return
			default:
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")
		}
	})
	f := start(t, options(sticky(target.Move, a, app(t, "b", nil))))
	cookies, at := sessions(t, f.addr, 2)
	mine := cookies[slices.Index(at, "a")]
	for range 5 {
		fail <- true
		got := once(t, f.addr, "GET", "/", "", mine)
		got.want(t, 200, "a")
		if got.cookie() != "" {
			t.Error("moved")
		}
	}
	if s := f.Stats().Groups[0]; s.Replays != 5 {
		t.Errorf("%d replays", s.Replays)
	}
}

func FuzzAffinityCookie(f *testing.F) {
	g, err := New(options(GroupOptions{Name: "shop", Routes: []string{"/"}, Health: unchecked,
		Affinity: AffinityOptions{Mode: AffinityCookie, Cookie: "ek"}}))
	if err != nil {
		f.Fatal(err)
	}
	good := (*g.newEntry(g.groups()[0], target.Target{ID: "a", Address: "h:1"}).tokens.Load())[0].Cookie(affinity.NewBinding())
	f.Add("ek=" + good)
	f.Add("a=b; ek=\"" + good + "\"; ek=x")
	f.Fuzz(func(t *testing.T, field string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Cookie"] = []string{field}
		x := &exchange{g: g, r: r, group: g.groups()[0], table: g.groups()[0].table.Load()}
		x.readAffinity()
		if x.bound != nil {
			t.Errorf("%q is bound to a target of an empty table", field)
		}
		if x.known && !strings.Contains(field, string(x.token)+"."+string(x.binding[:])) {
			t.Errorf("%q reads as %q", field, x.token)
		}
	})
}
