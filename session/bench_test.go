package session_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/evenkeel/evenkeel/session"
)

// discard is the cheapest response.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkRead is what the middleware costs for a request that reads one
// attribute of a session of 1 and of 16 KB.
func BenchmarkRead(b *testing.B) {
	name := session.NewAttribute[string]("name")
	for _, size := range []int{1, 16} {
		b.Run(fmt.Sprint(size, "KB"), func(b *testing.B) {
			m := newManager(b, newStore(), session.Options{})
			cookie, err := m.Issue(b.Context(), "alice", func(s *session.Session) error {
				for i := range size * 8 {
					other := session.NewAttribute[string](fmt.Sprint("attribute", i))
					if err := other.Set(s, fmt.Sprintf("%0112d", i)); err != nil {
						return err
					}
				}
				return name.Set(s, "sixteen bytes ..")
			})
			if err != nil {
				b.Fatal(err)
			}
			h := m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				v, found, err := name.Get(session.From(r.Context()))
				if err != nil || !found {
					b.Error(found, err)
				}
				w.Write([]byte(v))
			}))
			r := httptest.NewRequest("GET", "/", nil)
			r.AddCookie(&http.Cookie{Name: "theme", Value: "dark"})
			r.AddCookie(cookie)
			b.ReportAllocs()
			for b.Loop() {
				w := &discard{header: http.Header{}}
				h.ServeHTTP(w, r)
			}
		})
	}
}

// BenchmarkUntouched is what it costs for one that asks nothing of its session.
func BenchmarkUntouched(b *testing.B) {
	m := newManager(b, newStore(), session.Options{})
	cookie, err := m.Issue(b.Context(), "alice", nil)
	if err != nil {
		b.Fatal(err)
	}
	h := m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(cookie)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(&discard{header: http.Header{}}, r)
	}
}
