package journey_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// scout scouts by a drill.yaml.
func scout(t *testing.T, yaml string) (engine.Dialect, error) {
	t.Helper()
	p := load(t, yaml)
	p.Client.Timeout, p.Client.DialTimeout = patience, patience
	c, err := engine.NewClient(p.Targets, engine.NewClock(), p.Client)
	if err != nil {
		t.Fatal(err)
	}
	return p.Dialect.(engine.Scouter).Scout(t.Context(), c)
}

// What keeps a service from being drilled is said before any load, with the
// step, the status and the beginning of the answer.
func TestScoutErrors(t *testing.T) {
	shopAt := serve(t, new(shop).handler())
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "s", Value: r.FormValue("user")})
	})
	mux.HandleFunc("POST /nothing", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://id.example.com/", http.StatusSeeOther)
	})
	mux.HandleFunc("POST /wrong", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "<p>Bad credentials for\n"+r.FormValue("password")+strings.Repeat(".", 500)+"end", http.StatusUnprocessableEntity)
	})
	mux.HandleFunc("POST /broken", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "sorry", http.StatusBadGateway) })
	mux.HandleFunc("GET /account", func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("s"); err == nil {
			fmt.Fprintf(w, "Hello <b class=who>%s</b>", c.Value)
			return
		}
		http.Error(w, "who?", http.StatusForbidden)
	})
	mux.HandleFunc("GET /public", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "Signed in as <b class=who>guest</b>") })
	mux.HandleFunc("GET /sso", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "//id.example.com/", http.StatusFound)
	})
	mux.HandleFunc("GET /zip", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
	})
	at := serve(t, mux)
	const simple = "version: 1\ntarget: %s\njourney:\n  accounts: {password: \"${EVENKEEL_TEST_PASSWORD}\"}\n" +
		"  login:  [{post: %s, form: {user: \"{{user}}\", password: \"{{password}}\"}}]\n  marker: {get: %s, regex: 'class=who>(\\w+)'}\n"
	for name, test := range map[string]struct {
		yaml string
		want []string
	}{
		"control":          {fmt.Sprintf(simple, at, "/login", "/account"), nil},
		"unreachable":      {fmt.Sprintf(simple, "http://127.0.0.1:1", "/login", "/account"), []string{"/account: refused"}},
		"no such login":    {fmt.Sprintf(simple, at, "/logon", "/account"), []string{"login: /logon answered 404", "the answer begins: 404 page not found"}},
		"wrong password":   {fmt.Sprintf(simple, at, "/wrong", "/account"), []string{"login: /wrong answered 422", "begins: <p>Bad credentials for ***..."}},
		"form once more":   {strings.Replace(fmt.Sprintf(marked, shopAt), `"{{password}}"`, "wrong", 1), []string{"login does not sign in", "/login answered 303", "/account answers 302, as it does to strangers"}},
		"no cookie":        {fmt.Sprintf(simple, at, "/nothing", "/account"), []string{"/nothing answered 200 and set no cookie", "credential: {header"}},
		"login elsewhere":  {fmt.Sprintf(simple, at, "/away", "/account"), []string{"/away answered 303: redirect to another host", "id.example.com"}},
		"marker elsewhere": {fmt.Sprintf(simple, at, "/login", "/sso"), []string{"/sso answered 302: redirect to another host"}},
		"login broken":     {fmt.Sprintf(simple, at, "/broken", "/account"), []string{"/broken answered 502", "begins: sorry"}},
		"marker never":     {strings.Replace(fmt.Sprintf(simple, at, "/login", "/account"), "class=who", "class=her", 1), []string{"marker never matches", "/account answers 200", "begins: Hello <b class=who>u0"}},
		"marker of guests": {fmt.Sprintf(simple, at, "/login", "/public"), []string{"login does not sign in"}},
		"another name":     {strings.Replace(fmt.Sprintf(simple, at, "/login", "/account"), "accounts: {", "accounts: {marker: \"Mr {{n}}\", ", 1), []string{`/account shows "u0" after a login as "Mr 0"`}},
		"zipped":           {fmt.Sprintf(simple, at, "/login", "/zip"), []string{"in the encoding gzip"}},
		"pick":             {strings.Replace(fmt.Sprintf(marked, shopAt), `name="csrf" value`, `name="xsrf" value`, 1), []string{"login: /login: nothing in the answer matches name=\"xsrf\"", "(status 200)", "<form method="}},
		"read twice":       {strings.Replace(fmt.Sprintf(written, shopAt), "css: 'ul li@data-item'", `regex: '(?:data-item="|/items/)(\w+)'`, 1), []string{"read finds what was written once 2 times in /cart"}},
		"read":             {strings.Replace(fmt.Sprintf(written, shopAt), "ul li@data-item", "ol li@data-item", 1), []string{"read collects nothing", "/cart answered 303", "begins: <form method"}},
		"write":            {strings.Replace(fmt.Sprintf(written, shopAt), "post: /cart", "post: /card", 1), []string{"write: /card answered 404"}},
		"logout":           {strings.Replace(fmt.Sprintf(marked, shopAt), "post: /logout", "post: /bye", 1), []string{"logout: /bye answered 404"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := scout(t, test.yaml)
			if test.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, engine.ErrTarget) {
				t.Fatalf("%v is no ErrTarget", err)
			}
			for _, w := range test.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%v\nwant it to say %q", err, w)
				}
			}
			if s := err.Error(); len(s) > 800 || strings.Contains(s, password) || strings.Contains(s, "end") && name == "wrong password" {
				t.Errorf("says too much: %s", s)
			}
		})
	}
}

// The cookie that opens the session is found among others, and redirects are
// followed where they are to be.
func TestScoutFinds(t *testing.T) {
	at := serve(t, new(shop).handler())
	follows := strings.NewReplacer("csrf: \"{{csrf}}\"}}", "csrf: \"{{csrf}}\"}, follow: true}", "get: /account,", "get: /account, follow: true,").Replace(marked)
	for _, yaml := range []string{marked, written, follows} {
		d, err := scout(t, fmt.Sprintf(yaml, at))
		if err != nil {
			t.Fatal(err)
		}
		if !d.Offers(history.Login) || d.Offers(history.Append) != (yaml == written) || d.Offers(history.Slow) {
			t.Error("offers something else")
		}
	}
	t.Run("followed", func(t *testing.T) { t.Parallel(); clean(t, fmt.Sprintf(follows, at), check.TierMarker) })
}
