package session_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

func TestAnonymousRequestCostsNothing(t *testing.T) {
	m := newManager(t, newStore(), session.Options{})
	b := newBrowser(t, serve(t, m, newShop()))
	b.want("/static", 200, "static")
	if got := b.want("/get", 200, "none"); len(got.cookies) != 0 || got.header.Get("Vary") != "Cookie" {
		t.Errorf("an anonymous read answered with %v", got.header)
	}
	b.want("/who", 200, "nobody")
	if st := m.Stats(); st.Loads != 0 || st.Commits != 0 || st.Requests != 3 {
		t.Errorf("stats are %+v, want three requests and no call of the store", st)
	}
}

func TestUntouchedSessionCostsNothing(t *testing.T) {
	m := newManager(t, newStore(), session.Options{})
	b := newBrowser(t, serve(t, m, newShop()))
	b.want("/set?v=a", 200, "ok")
	before := m.Stats()
	if got := b.want("/static", 200, "static"); got.header.Get("Vary") != "" {
		t.Error("a response that did not read the session varies by cookie")
	}
	if st := m.Stats(); st.Loads != before.Loads || st.Commits != before.Commits {
		t.Errorf("an untouched session made calls: %+v", st)
	}
}

func TestCookieIsSentExactlyAtStartRenewalAndEnd(t *testing.T) {
	b := newBrowser(t, serve(t, newManager(t, newStore(), session.Options{}), newShop()))
	for _, step := range []struct {
		path    string
		cookies int
	}{
		{"/get", 0}, {"/set?v=a", 1}, {"/set?v=b", 0}, {"/get", 0}, {"/renew", 1}, {"/get", 0},
		{"/login?u=alice", 1}, {"/set?v=c", 0}, {"/logout", 1}, {"/get", 0}, {"/logout", 0}, {"/renew", 0},
	} {
		got := b.get(step.path)
		if got.code != 200 || len(got.cookies) != step.cookies {
			t.Errorf("%s: %d with %d cookies, want %d", step.path, got.code, len(got.cookies), step.cookies)
		}
		if stored := got.header.Get("Cache-Control") == "no-store"; stored != (step.cookies > 0) {
			t.Errorf("%s: Cache-Control is %q", step.path, got.header.Get("Cache-Control"))
		}
	}
	if b.cookie() != "" {
		t.Error("the browser still has a cookie after the logout")
	}
}

func TestCookieAttributes(t *testing.T) {
	set := func(w http.ResponseWriter, r *http.Request) {
		try(w, r, session.NewAttribute[int]("n").Set(session.From(r.Context()), 1))
	}
	for _, c := range []struct {
		opt      session.CookieOptions
		absolute time.Duration
		want     string
	}{
		{session.CookieOptions{}, 0, "__Host-session=*; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{session.CookieOptions{InsecureCookie: true}, 0, "session=*; Path=/; HttpOnly; SameSite=Lax"},
		{session.CookieOptions{Name: "shop", Persistent: true}, 0, "shop=*; Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=Lax"},
		{session.CookieOptions{Name: "shop", Persistent: true}, -1, "shop=*; Path=/; Max-Age=34560000; HttpOnly; Secure; SameSite=Lax"},
	} {
		res := record(newManager(t, newStore(), session.Options{Cookie: c.opt, AbsoluteTimeout: c.absolute}), http.HandlerFunc(set), "", "GET", "/")
		got := res.Header.Get("Set-Cookie")
		name, rest, _ := strings.Cut(got, "=")
		value, rest, _ := strings.Cut(rest, ";")
		// The Max-Age is what is left of the absolute limit, in whole seconds.
		rest = strings.Replace(rest, "Max-Age=43199", "Max-Age=43200", 1)
		if shown := name + "=*;" + rest; shown != c.want || len(value) != 60 {
			t.Errorf("cookie is %q, want %q", shown, c.want)
		}
	}
}

// Each way to send the first byte commits before it, and seals.
func TestFirstByteCommits(t *testing.T) {
	attr := session.NewAttribute[string]("name")
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, first := range map[string]func(http.ResponseWriter) error{
		"WriteHeader": func(w http.ResponseWriter) error { w.WriteHeader(204); return nil },
		"304":         func(w http.ResponseWriter) error { w.WriteHeader(304); return nil },
		"Write":       func(w http.ResponseWriter) error { _, err := w.Write([]byte("x")); return err },
		"WriteString": func(w http.ResponseWriter) error { _, err := io.WriteString(w, "x"); return err },
		"Flush":       func(w http.ResponseWriter) error { w.(http.Flusher).Flush(); return nil },
		"rc.Flush":    func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
		"unwrapped": func(w http.ResponseWriter) error {
			_, err := w.(interface{ Unwrap() http.ResponseWriter }).Unwrap().Write([]byte("x"))
			return err
		},
		"ReadFrom": func(w http.ResponseWriter) error {
			f, err := os.Open(file)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = w.(io.ReaderFrom).ReadFrom(f)
			return err
		},
		"nothing": nil,
	} {
		t.Run(name, func(t *testing.T) {
			shop := newShop()
			shop.HandleFunc("/try", func(w http.ResponseWriter, r *http.Request) {
				s := session.From(r.Context())
				if err := attr.Set(s, "kept"); err != nil {
					t.Error(err)
				}
				if first == nil {
					return
				}
				if err := first(w); err != nil {
					t.Error(err)
				}
				for what, err := range map[string]error{
					"Set": attr.Set(s, "late"), "SignIn": s.SignIn("alice"), "SignOut": s.SignOut(), "Renew": s.Renew(), "Clear": s.Clear(),
				} {
					if !errors.Is(err, session.ErrStarted) {
						t.Errorf("%s after the first byte: %v, want ErrStarted", what, err)
					}
				}
			})
			b := newBrowser(t, serve(t, newManager(t, newStore(), session.Options{}), shop))
			if got := b.get("/try"); len(got.cookies) != 1 {
				t.Fatalf("%d with %d cookies, want one", got.code, len(got.cookies))
			}
			b.want("/get", 200, "kept")
		})
	}
}

func TestHeadCommits(t *testing.T) {
	b := newBrowser(t, serve(t, newManager(t, newStore(), session.Options{}), newShop()))
	if got := b.send(b.request("HEAD", "/set?v=a")); got.code != 200 || len(got.cookies) != 1 {
		t.Errorf("HEAD: %d with %d cookies", got.code, len(got.cookies))
	}
	b.want("/get", 200, "a")
}

func TestEarlyHintsDoNotSeal(t *testing.T) {
	shop := newShop()
	shop.HandleFunc("/hints", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		if err := shop.name.Set(session.From(r.Context()), "after"); err != nil {
			t.Error(err)
		}
	})
	b := newBrowser(t, serve(t, newManager(t, newStore(), session.Options{}), shop))
	r := b.request("GET", "/hints")
	hints := 0
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			if hints++; code != 103 || h.Get("Set-Cookie") != "" {
				t.Errorf("informational response %d %v", code, h)
			}
			return nil
		},
	}))
	if got := b.send(r); got.code != 200 || hints != 1 || len(got.cookies) != 1 {
		t.Errorf("%d with %d cookies after %d hints", got.code, len(got.cookies), hints)
	}
	b.want("/get", 200, "after")
}

func TestHijackCommitsAndHandsOverTheCookie(t *testing.T) {
	for name, switching := range map[string]bool{"Hijack": false, "WriteHeader(101)": true} {
		t.Run(name, func(t *testing.T) {
			shop := newShop()
			shop.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
				if err := shop.name.Set(session.From(r.Context()), "ws"); err != nil {
					t.Error(err)
				}
				w.Header().Set("Upgrade", "x")
				w.Header().Set("Connection", "Upgrade")
				if switching {
					w.WriteHeader(http.StatusSwitchingProtocols)
				}
				c, buf, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				if !switching {
					buf.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
					w.Header().Write(buf)
					buf.WriteString("\r\n")
				}
				buf.WriteString("hello\n")
				buf.Flush()
			})
			srv := serve(t, newManager(t, newStore(), session.Options{}), shop)
			b := newBrowser(t, srv)
			c, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			fmt.Fprintf(c, "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
			in := bufio.NewReader(c)
			res, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			line, _ := in.ReadString('\n')
			if res.StatusCode != 101 || line != "hello\n" || len(res.Cookies()) != 1 {
				t.Fatalf("%d %q with %d cookies", res.StatusCode, line, len(res.Cookies()))
			}
			b.receive(res.Cookies())
			b.want("/get", 200, "ws")
		})
	}
}

func TestNestedManagers(t *testing.T) {
	attr := session.NewAttribute[string]("name")
	users := newManager(t, newStore(), session.Options{})
	admins := newManager(t, newStore(), session.Options{Cookie: session.CookieOptions{Name: "__Host-admin"}})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if session.From(ctx) != admins.From(ctx) || users.From(ctx) == admins.From(ctx) || users.From(ctx) == nil {
			t.Error("the managers mix up their sessions")
		}
		if r.URL.Path == "/set" {
			try(w, r, errors.Join(attr.Set(users.From(ctx), "user"), attr.Set(admins.From(ctx), "admin")))
			return
		}
		u, _, err1 := attr.Get(users.From(ctx))
		a, _, err2 := attr.Get(admins.From(ctx))
		fmt.Fprint(w, u, " ", a, errors.Join(err1, err2))
	})
	// The same manager twice is one session.
	b := newBrowser(t, serve(t, users, admins.Handler(users.Handler(h))))
	if got := b.get("/set"); got.code != 200 || len(got.cookies) != 2 {
		t.Errorf("%d with %d cookies, want two", got.code, len(got.cookies))
	}
	b.want("/get", 200, "user admin<nil>")
	if session.From(t.Context()) != nil || users.From(t.Context()) != nil {
		t.Error("a session without a handler")
	}
}

func TestPlantedCookies(t *testing.T) {
	m := newManager(t, newStore(), session.Options{})
	plain := newManager(t, newStore(), session.Options{Cookie: session.CookieOptions{InsecureCookie: true}})
	good := func(m *session.Manager) string {
		c, err := m.Issue(t.Context(), "alice", nil)
		if err != nil {
			t.Fatal(err)
		}
		return c.Value
	}
	host, first, second := good(m), good(plain), good(plain)
	for _, c := range []struct {
		m      *session.Manager
		header string
		want   string
	}{
		{m, "__Host-session=" + host, "alice"},
		{m, "a=b; __Host-session=" + host + "; c=d", "alice"},
		{m, "__Host-session=" + host + "; __Host-session=" + host, "nobody"},
		{m, "__Host-session=x; __Host-session=" + host, "nobody"},
		{m, "__host-session=" + host, "nobody"},
		{m, "__Host-session=" + strings.Repeat("x", 100_000), "nobody"},
		{m, `__Host-session="` + host + `"`, "nobody"},
		{plain, "session=" + first, "alice"},
		{plain, "session=other; session=" + first, "alice"},
		{plain, "session=" + first + "; session=" + second, "nobody"},
	} {
		r := httptest.NewRequest("GET", "/who", nil)
		r.Header.Set("Cookie", c.header)
		w := httptest.NewRecorder()
		c.m.Handler(newShop()).ServeHTTP(w, r)
		if w.Body.String() != c.want {
			t.Errorf("%.60s: %s, want %s", c.header, w.Body, c.want)
		}
	}
	if n := m.Stats().Malformed; n != 4 {
		t.Errorf("%d malformed cookies, want 4", n)
	}
}

func TestVaryIsNotRepeated(t *testing.T) {
	for have, want := range map[string]string{"": "Cookie", "Accept-Encoding": "Accept-Encoding|Cookie", "Accept, cookie": "Accept, cookie", "*": "*"} {
		shop := newShop()
		shop.HandleFunc("/v", func(w http.ResponseWriter, r *http.Request) {
			if have != "" {
				w.Header().Set("Vary", have)
			}
			session.From(r.Context()).Principal()
		})
		res := record(newManager(t, newStore(), session.Options{}), shop, "", "GET", "/v")
		if got := strings.Join(res.Header["Vary"], "|"); got != want {
			t.Errorf("Vary %q became %q, want %q", have, got, want)
		}
	}
}
