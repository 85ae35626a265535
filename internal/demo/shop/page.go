package shop

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
)

//go:embed pages
var files embed.FS

// pages are the templates by name, each in the layout.
var pages = parse("catalogue", "cart", "account", "message")

func parse(names ...string) map[string]*template.Template {
	parsed := map[string]*template.Template{}
	for _, name := range names {
		parsed[name] = template.Must(template.ParseFS(files, "pages/layout.html", "pages/"+name+".html"))
	}
	return parsed
}

// page is what the layout gets; Content is for the template in it.
type page struct {
	Title   string
	Known   bool // whose session it is
	User    string
	Count   int // lines in the cart
	Content any

	Instance string // set by write
}

// contentSecurity lets a page load nothing and be framed by its own origin only.
const contentSecurity = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"

// write answers with a page. It is rendered before the first byte leaves.
func (p page) write(w http.ResponseWriter, status int, name string) error {
	h := w.Header()
	p.Instance = h.Get(instanceHeader)
	var b bytes.Buffer
	if err := pages[name].ExecuteTemplate(&b, "layout.html", p); err != nil {
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return fmt.Errorf("render %s: %w", name, err)
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", contentSecurity)
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(b.Bytes())
	return nil
}

// instanceHeader names the replica that answered.
const instanceHeader = "X-Instance"

// named says on each answer which replica gave it.
func named(name string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(instanceHeader, name)
		next.ServeHTTP(w, r)
	})
}
