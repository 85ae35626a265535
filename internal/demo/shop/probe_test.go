package shop

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every call of the probe's contract, through all that a replica has in front.
func TestProbe(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		srv := open(t, kind)
		b := newBrowser(t, srv)
		want := func(method, call string, status int, body string) {
			t.Helper()
			if code, got := b.probe(method, call); code != status || strings.TrimSpace(got) != body {
				t.Errorf("%s %s: %d %q, want %d %q", method, call, code, got, status, body)
			}
		}
		anonymous := func() {
			t.Helper()
			want("GET", "state", 401, "{}")
			for _, call := range []string{"append?k=k3&t=x", "incr", "rotate"} {
				want("POST", call, 401, "{}")
			}
			want("GET", "stream", 401, "{}")
			want("GET", "slow?ms=1", 200, "{}")
			want("POST", "logout", 200, "{}")
		}
		anonymous()
		if b.cookie() != "" {
			t.Error("anonymous calls started a session")
		}
		want("POST", "login?u=u1", 200, "{}")
		first := b.cookie()
		for _, call := range []string{"append?k=k7&t=T1", "append?k=k0&t=T2", "append?k=k7&t=T3"} {
			want("POST", call, 200, "{}")
		}
		want("POST", "incr", 200, `{"n":1}`)
		want("POST", "incr", 200, `{"n":2}`)
		want("POST", "rotate", 200, "{}")
		if b.cookie() == first || b.cookie() == "" {
			t.Error("rotate kept the session ID")
		}
		state := struct {
			U, I string
			T    []string
			N    int
		}{}
		if _, body := b.probe("GET", "state"); json.Unmarshal([]byte(body), &state) != nil {
			t.Errorf("state %q", body)
		}
		slices.Sort(state.T)
		if diff := cmp.Diff([]string{"T1", "T2", "T3"}, state.T); diff != "" || state.U != "u1" || state.N != 2 || state.I != "shop-1" {
			t.Errorf("state %+v", state)
		}
		if page := b.page("GET", "/cart"); user(page) != "drill:u1" || count(t, page) != 3 {
			t.Errorf("the page shows %q with %d lines", user(page), count(t, page))
		}
		last := b.cookie()
		want("POST", "logout", 200, "{}")
		b.setCookie(last)
		anonymous()

		b.signIn("alice") // a person is nobody to the probe
		want("GET", "state", 401, "{}")
		want("POST", "logout", 200, "{}")
		if code, _ := b.probe("POST", "login?u=u1"); code != http.StatusForbidden {
			t.Errorf("login over a person's session: %d", code)
		}
		if page := b.page("GET", "/"); user(page) != "alice" {
			t.Errorf("the probe changed a person's session: %q", user(page))
		}
	})
}

func TestProbeSecret(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, open(t, "memory"))
	if status, _ := b.do("POST", "/probe/login?u=u1", nil); status != http.StatusNotFound {
		t.Errorf("without the secret: %d, want 404", status)
	}
	if status, _ := b.do("POST", "/probe/login?u=u1", nil, "X-Evenkeel-Probe", testSecret+"x"); status != http.StatusForbidden {
		t.Errorf("with a wrong secret: %d, want 403", status)
	}
	// A drill is no browser, and sends no Origin; whoever has the secret is in.
	if status, _ := b.do("POST", "/probe/login?u=u1", nil, "X-Evenkeel-Probe", testSecret, "Sec-Fetch-Site", "cross-site"); status != http.StatusOK {
		t.Errorf("with the secret: %d, want 200", status)
	}
}
