// Package exampletest runs an example program as a real process in its own
// test, and visits it as a browser does.
//
//	func TestMain(m *testing.M) { exampletest.Main(m, main) }
//
//	p := exampletest.Start(t, "-listen", address)
//	b := exampletest.NewBrowser(t, "http://"+address)
//	b.Want("/", `user ""`)
//
// Guarantees: a process is gone when its test has ended.
//
// Not guaranteed: that a Browser is as strict as a real one; it sends Secure
// cookies over plain http, as real ones do to loopback.
package exampletest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

// variable makes the test binary the program.
const variable = "EVENKEEL_EXAMPLE"

// Main is a TestMain: in a process that Start has started it runs program, else
// the tests.
func Main(m *testing.M, program func()) {
	if os.Getenv(variable) != "" {
		program()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Start starts the program with the arguments.
func Start(t testing.TB, args ...string) *proctest.Process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The process ends with the test by proctest's doing, not by a context.
	cmd := exec.CommandContext(context.Background(), self, args...)
	cmd.Env = append(os.Environ(), variable+"=1")
	return proctest.Start(t, cmd)
}

// Address is a free address on loopback.
func Address(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", proctest.FreePort(t))
}

// Browser keeps cookies, whatever the address that they came from. It is for
// one goroutine.
type Browser struct {
	t       testing.TB
	Base    string // scheme and address
	cookies map[string]*http.Cookie
	client  *http.Client
}

// NewBrowser returns one without cookies.
func NewBrowser(t testing.TB, base string) *Browser {
	c := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &Browser{t: t, Base: base, cookies: map[string]*http.Cookie{}, client: c}
}

// Open makes a request, whose body the caller closes. A form makes it a POST.
func (b *Browser) Open(path string, form url.Values) *http.Response {
	b.t.Helper()
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.Base+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range b.cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	res, err := b.client.Do(r)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	for _, c := range res.Cookies() {
		if b.cookies[c.Name] = c; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return res
}

// Get returns the status and the body of an answer.
func (b *Browser) Get(path string) (int, string) { return b.read(path, nil) }

// Post sends name=value pairs.
func (b *Browser) Post(path string, pairs ...string) (int, string) {
	form, err := url.ParseQuery(strings.Join(pairs, "&"))
	if err != nil {
		b.t.Fatal(err)
	}
	return b.read(path, form)
}

func (b *Browser) read(path string, form url.Values) (int, string) {
	b.t.Helper()
	res := b.Open(path, form)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatalf("%s: %v", path, err)
	}
	return res.StatusCode, strings.TrimSpace(string(body))
}

// Want is Get whose body must be want, with status 200.
func (b *Browser) Want(path, want string) {
	b.t.Helper()
	if code, got := b.Get(path); code != http.StatusOK || got != want {
		b.t.Errorf("GET %s: %d %s, want 200 %s", path, code, got, want)
	}
}

// Cookie is the value of a cookie, "" if there is none.
func (b *Browser) Cookie(name string) string {
	if c := b.cookies[name]; c != nil {
		return c.Value
	}
	return ""
}
