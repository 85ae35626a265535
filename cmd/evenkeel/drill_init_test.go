package main

import (
	"cmp"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/evenkeel/evenkeel/internal/drill/plan"
	"github.com/evenkeel/evenkeel/internal/proctest"
)

const initPassword = "a password & more"

// doorway is a service with one way to sign in: what is posted to its path has
// to hold all the values of want, besides a user and the password.
type doorway struct {
	path string            // of the form and of what it is sent to
	init string            // the address that init is told; "" is path
	page string            // with %s for a token against forged requests
	user string            // name of the field
	want map[string]string // other fields
	csrf string            // name of the field for the token; "" none is asked for
	json bool              // the form is an object

	mu     sync.Mutex
	tokens map[string]string // of a form's cookie
	users  map[string]string // of a session's cookie
}

func (d *doorway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case r.URL.Path == d.path && r.Method == http.MethodGet && !d.json:
		id := fmt.Sprint("form", len(d.tokens))
		d.tokens[id] = fmt.Sprintf("<%d> & \"so on\"", len(d.tokens))
		http.SetCookie(w, &http.Cookie{Name: "form", Value: id, Path: "/"})
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, strings.ReplaceAll(d.page, "%s", `&lt;`+strings.TrimPrefix(id, "form")+`&gt; &amp; &#34;so on&quot;`))
	case r.URL.Path == d.path && r.Method == http.MethodPost:
		d.signIn(w, r)
	case r.URL.Path == d.path:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case r.URL.Path == "/old":
		http.Redirect(w, r, "http://"+r.Host+d.path, http.StatusFound)
	case r.URL.Path == "/account":
		c, err := r.Cookie("session")
		if err != nil || d.users[c.Value] == "" {
			http.Redirect(w, r, d.path, http.StatusFound)
			return
		}
		fmt.Fprintf(w, "Signed in as %s", d.users[c.Value])
	default:
		http.NotFound(w, r)
	}
}

func (d *doorway) signIn(w http.ResponseWriter, r *http.Request) {
	given := map[string]string{}
	if d.json {
		if err := json.NewDecoder(r.Body).Decode(&given); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	} else {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		for name := range r.PostForm {
			given[name] = r.PostForm.Get(name)
		}
	}
	forged := false
	if c, err := r.Cookie("form"); d.csrf != "" {
		forged = err != nil || given[d.csrf] != d.tokens[c.Value]
	}
	for name, value := range d.want {
		forged = forged || given[name] != value
	}
	if forged || given[d.user] == "" || given["password"] != initPassword {
		http.Error(w, fmt.Sprintf("no: %v", given), http.StatusForbidden)
		return
	}
	id := fmt.Sprintf("session%d", len(d.users)) // good enough for a test
	d.users[id] = given[d.user]
	http.SetCookie(w, &http.Cookie{Name: "session", Value: id, Path: "/"})
	if d.json {
		fmt.Fprint(w, "{}")
		return
	}
	http.Redirect(w, r, "/account", http.StatusSeeOther)
}

func (d *doorway) serve(t *testing.T) *httptest.Server {
	t.Helper()
	d.tokens, d.users = map[string]string{}, map[string]string{}
	srv := httptest.NewServer(d)
	t.Cleanup(srv.Close)
	return srv
}

const form = `<!doctype html><form method=post action="%[1]s"><input type=hidden name=csrf value="%%s"><input name=user><input type=password name=password></form>`

func doorways() map[string]*doorway {
	return map[string]*doorway{
		"form with a token": {path: "/login", page: fmt.Sprintf(form, "/login"), user: "user", csrf: "csrf"},
		"login on /":        {path: "/", page: fmt.Sprintf(form, ""), user: "user", csrf: "csrf"},
		"behind a redirect": {path: "/login", init: "/old", page: fmt.Sprintf(form, "?step=2"), user: "user", csrf: "csrf"},
		"API":               {path: "/api/login", user: "user", json: true},
		"two forms": {path: "/login", user: "user[mail]", csrf: "csrf", page: `<form action=/search><input name=q><input type=hidden name=csrf value=another></form>
<form id=sign-in method=post><input type=hidden name=csrf value="%s"><input type=email name="user[mail]"><input type=password name=password><button name=go value=1></form>`},
		"labels of the world": {path: "/connexion/é", user: "utilisateur·rice", csrf: "jeton_é", want: map[string]string{}, page: `<h1>登录</h1><form method=POST action="/connexion/%C3%A9">
<input type=hidden name="jeton_&eacute;" value='%s'><label>Имя пользователя <input name="utilisateur·rice"></label><label>パスワード <input type=password name=password></label></form>`},
	}
}

// initialised runs drill init, and returns the file that it wrote.
func initialised(t *testing.T, address string, args ...string) (file, out string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "drill.yaml")
	cmd, _ := command(t, append([]string{"drill", "init", address, "-o", file}, args...)...)
	p := proctest.Start(t, cmd)
	if code := p.Wait(patience); code != 0 {
		t.Fatalf("exit code %d: %s", code, p.Output())
	}
	return file, p.Output()
}

// What drill init writes for a service is loaded, and drills it to a verdict.
func TestDrillInit(t *testing.T) {
	t.Setenv("DRILL_PASSWORD", initPassword)
	for name, d := range doorways() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := d.serve(t)
			file, out := initialised(t, srv.URL+cmp.Or(d.init, d.path))
			if !strings.Contains(out, "is written: say in it how to find out who is signed in") {
				t.Errorf("says %s", out)
			}
			if _, err := plan.Load(file); err != nil {
				t.Fatal(err)
			}
			verdict(t, file)
		})
	}
}

// verdict drills for a moment, and wants users who are signed in, and none who
// is hurt.
func verdict(t *testing.T, file string) {
	t.Helper()
	code, r, out := drillOn(t, file, "--for", "3s", "--users", "4", "--allow-unexercised", "G1,G6,G8,G9,G10")
	if len(r.bad()) > 0 || code != 0 && (code != 3 || r.Verdict != "inconclusive") || r.exposed("G1")+r.exposed("G6") == 0 {
		text, err := os.ReadFile(file)
		t.Errorf("exit code %d, verdict %q, bad %v: %s\n%s%v", code, r.Verdict, r.bad(), out, text, err)
	}
}

// The control: a form that says where its password goes is not enough where the
// field is not sent.
func TestDrillOfAnotherForm(t *testing.T) {
	t.Setenv("DRILL_PASSWORD", initPassword)
	d := &doorway{path: "/login", page: fmt.Sprintf(form, "/login"), user: "user", csrf: "csrf", want: map[string]string{"device": "7"}}
	file, _ := initialised(t, d.serve(t).URL+d.path)
	cmd, _ := command(t, "drill", "-c", file, "--for", "3s", "--users", "4")
	p := proctest.Start(t, cmd)
	if code := p.Wait(patience); code != 2 || !strings.Contains(p.Output(), "login: /login answered 403") {
		t.Errorf("exit code %d: %s", code, p.Output())
	}
}

// A certificate that nobody knows has to be trusted by name, or altogether.
func TestDrillInitOverTLS(t *testing.T) {
	t.Setenv("DRILL_PASSWORD", initPassword)
	d := &doorway{path: "/login", page: fmt.Sprintf(form, "/login"), user: "user", csrf: "csrf", tokens: map[string]string{}, users: map[string]string{}}
	srv := httptest.NewUnstartedServer(d)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are refused
	srv.StartTLS()
	t.Cleanup(srv.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	writeFile(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})))
	refused(t, srv.URL+"/login", "unknown authority; trust it with --ca FILE")
	for _, args := range [][]string{{"--ca", ca}, {"--insecure"}} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			file, _ := initialised(t, srv.URL+"/login", args...)
			verdict(t, file)
		})
	}
	refused(t, srv.URL+"/login", "one of them", "--insecure", "--ca", ca)
	refused(t, srv.URL+"/login", "no such file", "--ca", ca+".not")
}

// refused wants exit code 2 and the reason.
func refused(t *testing.T, address, want string, args ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "drill.yaml")
	cmd, _ := command(t, append([]string{"drill", "init", address, "-o", file}, args...)...)
	p := proctest.Start(t, cmd)
	if code := p.Wait(patience); code != 2 || !strings.Contains(p.Output(), want) {
		t.Errorf("%s: exit code %d, %s, want %q", address, code, p.Output(), want)
	}
	if _, err := os.Stat(file); err == nil {
		t.Errorf("%s: a file was written all the same", address)
	}
}

// Whatever there is nothing to sign in by is told, and what to do.
func TestDrillInitRefuses(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /no-form", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<!doctype html><p>Hello") })
	mux.HandleFunc("GET /search", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<!doctype html><form action=/s><input name=q></form>")
	})
	mux.HandleFunc("GET /away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://id.example.com/login", http.StatusFound)
	})
	mux.HandleFunc("GET /form-away", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<!doctype html><form method=post action=https://id.example.com/login><input type=password name=p></form>")
	})
	mux.HandleFunc("GET /again", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) })
	mux.HandleFunc("GET /broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	released := make(chan struct{})
	mux.HandleFunc("GET /silent", func(http.ResponseWriter, *http.Request) { <-released })
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	t.Cleanup(func() { close(released) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()
	for address, want := range map[string]string{
		srv.URL + "/no-form":         "/no-form has no form with a password; give the address of the login page",
		srv.URL + "/search":          "/search has no form with a password",
		srv.URL + "/missing":         "/missing answers 404; give the address of the login page",
		srv.URL + "/broken":          "/broken answers 502",
		srv.URL + "/away":            "redirect to another host",
		srv.URL + "/form-away":       "the form of /form-away: redirect to another host",
		srv.URL + "/again":           "too many redirects",
		srv.URL + "/silent":          "/silent: no answer within 4s",
		"http://" + nobody + "/":     "refused",
		"https://" + srv.URL[7:]:     "TLS handshake",
		"shop.example.com/login":     "the address of a login page, such as https://",
		"http://user:pw@127.0.0.1:1": "the address of a login page",
	} {
		t.Run(strings.ReplaceAll(want, "/", " "), func(t *testing.T) {
			t.Parallel()
			refused(t, address, want)
		})
	}
}
