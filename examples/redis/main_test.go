package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/proctest"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore"
)

func TestMain(m *testing.M) { os.Exit(proctest.Main(m)) }

// instance is one of the service's, with sessions at addr.
func instance(t *testing.T, addr string) string {
	t.Helper()
	store, err := redisstore.New("redis://"+addr, redisstore.Options{Service: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	sessions, err := session.New(store, session.Options{Sessions: session.PrincipalOptions{Max: 5}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(service(sessions))
	t.Cleanup(srv.Close)
	return srv.URL
}

type browser struct {
	t *testing.T
	http.Client
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, http.Client{Jar: jar}}
}

func (b *browser) body(resp *http.Response, err error) string {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

func (b *browser) home(at string) string { return b.body(b.Get(at + "/")) }

func (b *browser) post(at, path string, form url.Values) string {
	return b.body(b.PostForm(at+path, form))
}

func TestUsersSeeAndEndTheirSessionsElsewhere(t *testing.T) {
	addr := redistest.Start(t).Addr
	one, two := instance(t, addr), instance(t, addr)
	laptop, phone := newBrowser(t), newBrowser(t)
	alice := url.Values{"user": {"alice"}}
	laptop.post(one, "/sign-in", alice)
	if got := phone.post(two, "/sign-in", alice); !strings.Contains(got, "alice, signed in 2 times") {
		t.Fatalf("the phone sees %q", got)
	}
	if got := laptop.home(two); !strings.Contains(got, "signed in 2 times") || !strings.Contains(got, "Go-http-client") {
		t.Errorf("the laptop sees %q on the other instance", got)
	}
	if got := laptop.post(one, "/sign-out-elsewhere", nil); !strings.Contains(got, "signed in 1 times") {
		t.Errorf("afterwards the laptop sees %q", got)
	}
	if got := phone.home(two); got != "not signed in revoked\n" {
		t.Errorf("the phone sees %q", got)
	}
}
