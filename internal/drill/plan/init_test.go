package plan

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/markup"
)

// entrance is an application with a form to sign in, as Init meets it.
func entrance(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/users/sign_in?next=/", http.StatusFound)
	})
	mux.HandleFunc("GET /users/sign_in", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<form action="/search"><input name=q></form>
<!-- <form><input type=password name=no></form> -->
<FORM id=f METHOD=post ACTION="session?from=form">
<input type=hidden name="authenticity&#95;token" value="a&amp;b"><input type='hidden' name='user[device]' value='7'>
<label>Mail <input type=email name="user[mail]"></label><input type=password name="user[password]">
<input type=checkbox name=remember value=1><button name=commit>Sign in</button></FORM>`)
	})
	mux.HandleFunc("POST /users/session", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("authenticity_token") != "a&b" || r.FormValue("user[device]") != "7" || r.FormValue("user[password]") != "the password" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "s", Value: r.FormValue("user[mail]")})
		http.Redirect(w, r, "/account", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /account", func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie("s")
		if err != nil {
			http.Redirect(w, r, "/users/sign_in", http.StatusFound)
			return
		}
		fmt.Fprintf(w, "Signed in as %s.", c.Value)
	})
	mux.HandleFunc("GET /elsewhere", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://id.example.com/login", http.StatusFound)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

// What Init writes is a plan whose scout finds its way.
func TestInit(t *testing.T) {
	url := entrance(t)
	yaml, err := Init(t.Context(), url, InitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", yaml)
	t.Setenv("DRILL_PASSWORD", "the password")
	p, err := Load(write(t, string(yaml)))
	if err != nil {
		t.Fatal(err)
	}
	c, err := engine.NewClient(p.Targets, engine.NewClock(), p.Client)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Dialect.(engine.Scouter).Scout(t.Context(), c); err != nil {
		t.Error(err)
	}
}

func TestInitErrors(t *testing.T) {
	url := entrance(t)
	for address, want := range map[string]string{
		url + "/nothing": "/nothing answers 404", url + "/elsewhere": "redirect to another host", "http://127.0.0.1:1/login": "refused",
	} {
		if _, err := Init(t.Context(), address, InitOptions{}); !errors.Is(err, engine.ErrTarget) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
	if _, err := Init(t.Context(), "shop.example.com", InitOptions{}); err == nil || !strings.Contains(err.Error(), "allowed: the address of a login page") {
		t.Errorf("no address: %v", err)
	}
}

// Whatever a page says, what comes of it is a drill.yaml.
func FuzzLoginSteps(f *testing.F) {
	f.Add("/login", `<form method=post><input type=hidden name="a]@'&quot;" value=x><input name="${HOME}"><input type=password name="file:/etc/passwd"></form>`)
	f.Add("/", "{}")
	f.Add("/a b?c={{user}}", "<form action=?x><input type=password name=p>")
	f.Fuzz(func(t *testing.T, path, body string) {
		c, err := engine.NewClient([]string{"http://h"}, engine.NewClock(), engine.ClientOptions{})
		if err != nil {
			t.Fatal(err)
		}
		next, err := c.Within("/", path)
		if err != nil {
			return
		}
		steps, err := loginSteps(c, page{next, false, []byte(body)})
		if err != nil || len(markup.Forms([]byte(body))) > 10 {
			return
		}
		t.Setenv("DRILL_PASSWORD", "x")
		file := filepath.Join(t.TempDir(), "drill.yaml")
		if err := os.WriteFile(file, fmt.Appendf(nil, first, quoted("http://h"), "", steps), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(file); err != nil {
			t.Errorf("%v\n%s", err, steps)
		}
	})
}
