package main

import (
	"crypto/rand"
	"html/template"
	"net/http"
	"sync"
)

// shop is just enough of one to sign in and fill a cart.
type shop struct {
	world *world
	mu    sync.Mutex
	users map[string]*visitor // by cookie
}

type visitor struct {
	Name, Replica string
	Cart          int
}

var shopPage = template.Must(template.New("shop").Parse(`<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Shop</title>
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:0;padding:14px;background:light-dark(#f3f7f9,#131c22);color:light-dark(#1b2a33,#e4edf2)}
section{background:light-dark(#fff,#1c2830);border:1px solid light-dark(#d5dfe5,#33444f);border-radius:10px;padding:6px 14px 12px;margin:12px 0}
form{display:flex;gap:8px;justify-content:space-between;padding:3px 0}button,input{font:inherit;padding:4px 12px;min-width:0}</style>
<b>The harbour shop</b> · cart ({{.Cart}})
{{if .Name}}<form method="post" action="/shop/out"><span>Signed in as <b id="user">{{.Name}}</b></span><button>Sign out</button></form>
{{else}}<form method="post" action="/shop/in"><input name="user" placeholder="Your name" aria-label="Your name" required><button>Sign in</button></form>{{end}}
<section><h3>Boats</h3>{{range $x := .Items}}<form method="post" action="/shop/add"><span>{{$x}}</span><button>Add</button></form>{{end}}</section>
<small>Answered by <b id="instance">{{.Replica}}</b></small></html>`))

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.visitor(w, r)
	name, outside := s.world.pick(v.Replica)
	if name == "" {
		http.Error(w, "No replica answers.", http.StatusBadGateway)
		return
	}
	if name != v.Replica && v.Replica != "" && !outside {
		*v = visitor{}
	}
	v.Replica = name
	if r.Method == http.MethodPost {
		switch r.URL.Path {
		case "/shop/in":
			v.Name = r.PostFormValue("user")
		case "/shop/out":
			v.Name = ""
		case "/shop/add":
			v.Cart++
		}
		http.Redirect(w, r, "/shop/", http.StatusSeeOther)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	err := shopPage.Execute(w, struct {
		visitor
		Items []string
	}{*v, []string{"Dinghy", "Sloop", "Trawler", "Canoe", "Kayak"}})
	if err != nil {
		panic(http.ErrAbortHandler)
	}
}

func (s *shop) visitor(w http.ResponseWriter, r *http.Request) *visitor {
	if c, err := r.Cookie("play"); err == nil && s.users[c.Value] != nil {
		return s.users[c.Value]
	}
	id := rand.Text()
	http.SetCookie(w, &http.Cookie{Name: "play", Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	s.users[id] = &visitor{}
	return s.users[id]
}
