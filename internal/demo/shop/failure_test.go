package shop

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// custom is an instance whose only page is h, over the sessions of a real shop
// beside it.
func custom(t *testing.T, kind string, h func(w http.ResponseWriter, r *http.Request, v Visit)) (real *browser, odd *httptest.Server, s Sessions) {
	t.Helper()
	dir := t.TempDir()
	s = openKind(t, kind, dir)
	real = newBrowser(t, serve(t, "shop-1", s, openTestOrders(t, dir)))
	odd = httptest.NewServer(named("shop-2", s.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h(w, r, s.Visit(r)) }))))
	t.Cleanup(odd.Close)
	return real, odd, s
}

// A session that ends while a request is changing it stays ended, and the
// request says that it failed.
func TestEndedMeanwhile(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		for path, want := range map[string]int{"/": http.StatusConflict, probePath + "append": http.StatusUnauthorized} {
			var real *browser
			real, odd, _ := custom(t, kind, func(w http.ResponseWriter, r *http.Request, v Visit) {
				if name, err := v.User(); name != "alice" || err != nil {
					t.Errorf("user %q, %v", name, err)
				}
				real.signOut()
				if err := v.Add("tea", "Assam"); err != nil {
					failed(w, r, err)
					return
				}
				io.WriteString(w, "added")
			})
			real.signIn("alice")
			cookie := real.cookie()
			r, err := http.NewRequestWithContext(t.Context(), "POST", odd.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.AddCookie(&http.Cookie{Name: testCookie, Value: cookie})
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || res.StatusCode != want || strings.Contains(string(body), "added") || len(res.Cookies()) != 0 {
				t.Errorf("%s: %d %q with %d cookies, %v; want %d", path, res.StatusCode, body, len(res.Cookies()), err, want)
			}
			real.setCookie(cookie)
			if page := real.page("GET", "/"); user(page) != "" || count(t, page) != 0 {
				t.Errorf("%s: the session is back, of %q", path, user(page))
			}
		}
	})
}

// A store that fails is an error to everybody, and never a signed-out visitor;
// nothing that the handler wanted to say gets out.
func TestStoreThatFails(t *testing.T) {
	for _, kind := range []string{"blob", "library"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			var s Sessions
			real, odd, s := custom(t, kind, func(w http.ResponseWriter, r *http.Request, v Visit) {
				if err := errors.Join(v.Add("tea", "Assam"), v.Renew(), s.Close()); err != nil {
					t.Error(err)
				}
				http.Redirect(w, r, "/elsewhere", http.StatusSeeOther)
			})
			real.signIn("alice")
			r, err := http.NewRequestWithContext(t.Context(), "POST", odd.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.AddCookie(&http.Cookie{Name: testCookie, Value: real.cookie()})
			res, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || res.StatusCode != 503 || res.Header.Get("Location") != "" || res.Header.Get("X-Instance") != "shop-2" || !strings.Contains(string(body), "before you try again") {
				t.Errorf("%d %v %q, %v", res.StatusCode, res.Header, body, err)
			}
			for path, want := range map[string]string{"/": "before you try again", "/account": "before you try again"} {
				if status, body := real.do("GET", path, nil); status != 503 || !strings.Contains(body, want) || strings.Contains(body, `action="sign-in"`) {
					t.Errorf("%s: %d %q", path, status, body)
				}
			}
			if status, _ := real.probe("GET", "state"); status < 500 {
				t.Errorf("probe: %d", status)
			}
		})
	}
}

// The session is saved before the first byte, also where that is a flush, and
// an informational answer is not it.
func TestSavedBeforeTheFirstByte(t *testing.T) {
	for _, kind := range []string{"blob", "library"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			release := make(chan struct{})
			_, odd, s := custom(t, kind, func(w http.ResponseWriter, _ *http.Request, v Visit) {
				w.WriteHeader(http.StatusEarlyHints)
				if err := v.SignIn("alice"); err != nil {
					t.Error(err)
				}
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Error(err)
				}
				<-release
			})
			defer close(release)
			res, err := http.Get(odd.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if len(res.Cookies()) != 1 {
				t.Fatalf("cookies %v", res.Cookies())
			}
			r := httptest.NewRequest("GET", "/", nil)
			r.AddCookie(res.Cookies()[0])
			s.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if name, err := s.Visit(r).User(); name != "alice" || err != nil {
					t.Errorf("after the first byte: user %q, %v", name, err)
				}
			})).ServeHTTP(httptest.NewRecorder(), r)
		})
	}
}

func TestFullCart(t *testing.T) {
	t.Parallel()
	d := &data{Cart: make([]Line, maxLines)}
	err := d.add("tea", "Assam")
	if !errors.Is(err, ErrFull) || len(d.Cart) != maxLines {
		t.Errorf("%v with %d lines", err, len(d.Cart))
	}
	w := httptest.NewRecorder()
	failed(w, httptest.NewRequest("POST", "/cart", nil), fmt.Errorf("add: %w", err))
	if w.Code != http.StatusRequestEntityTooLarge || !strings.Contains(w.Body.String(), "cart is full") {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}
