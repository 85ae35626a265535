package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/examples/internal/exampletest"
	"github.com/evenkeel/evenkeel/internal/proctest"
	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/memstore"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

const soon = 30 * time.Second

// Two processes on one file; one is killed and comes back.
func TestStaysSignedIn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions.db")
	one, other := exampletest.Address(t), exampletest.Address(t)
	first := start(t, one, file)
	start(t, other, file)

	b := exampletest.NewBrowser(t, "http://"+one)
	b.Want("/", `user "", cart []`)
	if b.Cookie("__Host-session") != "" {
		t.Error("somebody who only looked has a cookie")
	}
	b.Post("/cart", "item=tea")
	b.Post("/sign-in", "user=alice")
	b.Want("/", `user "alice", cart ["tea"]`)

	first.Signal(syscall.SIGKILL)
	first.Wait(soon)
	b.Base = "http://" + other
	b.Want("/", `user "alice", cart ["tea"]`)
	b.Post("/cart", "item=milk")

	start(t, one, file)
	b.Base = "http://" + one
	b.Want("/", `user "alice", cart ["tea" "milk"]`)
	b.Post("/sign-out", "")
	b.Base = "http://" + other
	b.Want("/", `user "", cart []`)
}

func start(t *testing.T, address, file string) *proctest.Process {
	t.Helper()
	p := exampletest.Start(t, "-listen", address, "-store", file)
	p.WaitHTTP(soon, "http://"+address+"/", http.StatusOK)
	return p
}

// An application's own test: a request of somebody who is signed in.
func TestHomeShowsTheCart(t *testing.T) {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cookie, err := sessions.Issue(t.Context(), "alice", func(s *session.Session) error {
		return cart.Append(s, "tea")
	})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(cookie)
	w := httptest.NewRecorder()
	service(sessions).ServeHTTP(w, r)
	if got, want := w.Body.String(), `user "alice", cart ["tea"]`; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A test over the wire: Go's cookie jar sends a Secure cookie to loopback over
// plain http too.
func TestOverTheWire(t *testing.T) {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(service(sessions))
	defer srv.Close()
	client := srv.Client()
	if client.Jar, err = cookiejar.New(nil); err != nil {
		t.Fatal(err)
	}
	res, err := client.PostForm(srv.URL+"/sign-in", url.Values{"user": {"alice"}}) // follows to the home page
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(body), `user "alice", cart []`; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPlainHTTP(t *testing.T) {
	opt := session.Options{Cookie: session.CookieOptions{InsecureCookie: true}}
	sessions, err := session.New(memstore.New(memstore.Options{}), opt)
	if err != nil {
		t.Fatal(err)
	}
	cookie, err := sessions.Issue(t.Context(), "alice", nil)
	if err != nil {
		t.Fatal(err)
	}
	if cookie.Name != "session" || cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode {
		t.Errorf("the cookie is %v", cookie)
	}
}

func TestAnotherSite(t *testing.T) {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/cart?item=tea", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	service(sessions).ServeHTTP(w, r)
	if w.Code != http.StatusForbidden || len(w.Result().Cookies()) > 0 {
		t.Errorf("a form on another site's page: %d, cookies %v", w.Code, w.Result().Cookies())
	}
}
