package engine

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

func scout(t *testing.T, url string, p Probe) (Probe, error) {
	t.Helper()
	c, err := NewClient([]string{url}, NewClock(), ClientOptions{Timeout: patient})
	if err != nil {
		t.Fatal(err)
	}
	d, err := p.Scout(t.Context(), c)
	if err != nil {
		return Probe{}, err
	}
	return d.(Probe), nil
}

func TestScoutFindsTheSessionCookie(t *testing.T) {
	for _, affinity := range []bool{false, true} {
		p, err := scout(t, serve(t, &service{affinity: affinity}), Probe{Secret: secret})
		if err != nil {
			t.Fatal(err)
		}
		if p.Cookie != "sid" {
			t.Errorf("affinity %v: cookie %q, want sid", affinity, p.Cookie)
		}
		for k := history.Login; k <= history.Slow; k++ {
			if !p.Offers(k) {
				t.Errorf("%v is not offered", k)
			}
		}
	}
}

func TestScoutFindsWhatIsNotOffered(t *testing.T) {
	h := (&service{}).handler(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/incr") || strings.HasSuffix(r.URL.Path, "/slow") {
			http.NotFound(w, r)
			return
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	p, err := scout(t, srv.URL, Probe{Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	for k := history.Login; k <= history.Slow; k++ {
		if got, want := p.Offers(k), k != history.Incr && k != history.Slow; got != want {
			t.Errorf("%v offered: %v, want %v", k, got, want)
		}
	}
}

// A cookie that opens nothing alone is told by its form.
func TestScoutFallsBack(t *testing.T) {
	p := newPeer(t, script{
		says("HTTP/1.1 200 OK\r\nSet-Cookie: lang=a-value-that-is-longer-than-all-the-others\r\nSet-Cookie: short=1; HttpOnly\r\nSet-Cookie: session=0123456789; HttpOnly\r\nContent-Length: 0\r\n\r\n"),
		says("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"),
	})
	got, err := scout(t, p.url, Probe{Secret: secret})
	if err != nil || got.Cookie != "session" {
		t.Errorf("cookie %q, %v", got.Cookie, err)
	}
}

func TestScoutErrors(t *testing.T) {
	good := serve(t, &service{})
	for name, test := range map[string]struct{ url, secret, says string }{
		"wrong secret":  {good, "another secret of some length", "403"},
		"no probe":      {good + "/elsewhere", secret, "404"},
		"unreachable":   {"http://127.0.0.1:1", secret, "refused"},
		"broken":        {newPeer(t, script{says("HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n")}).url, secret, "502"},
		"without state": {newPeer(t, script{says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")}).url, secret, "no cookie"},
	} {
		_, err := scout(t, test.url, Probe{Secret: test.secret})
		if !errors.Is(err, ErrTarget) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want ErrTarget that says %q", name, err, test.says)
		}
		if err != nil && strings.Contains(err.Error(), test.secret) {
			t.Errorf("%s: the error tells the secret", name)
		}
	}
	if _, err := scout(t, newPeer(t, script{resets(""), resets(""), says("HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")}).url, Probe{}); err != nil {
		t.Errorf("the third attempt succeeds: %v", err)
	}
}
