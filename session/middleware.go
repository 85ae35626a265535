package session

import (
	"context"
	"net/http"
)

// Handler gives each request its session, see [From], and commits it before
// the first byte of the response leaves: at WriteHeader (101, and 200 and
// above), Write, Flush, Hijack and ReadFrom, through http.ResponseController
// as well, and for a handler that writes nothing when it returns. Nothing is
// buffered.
//
// If the commit fails, Options.ErrorHandler writes the response instead: what
// the handler had put into the header is gone (except the cookies of managers
// inside, which have committed), its later writes fail with the commit's error,
// and the request's context is cancelled with it as the cause. If the handler
// panics, what is staged is dropped; put handlers that recover outside. What it
// had committed itself stays, and its cookie is in the header for them.
//
// A request that asks nothing of its session costs no call of the store and
// does not count as an access. One whose context has passed a deadline
// commits nothing, because somebody else has answered it; one whose client has
// gone away does.
//
// A response that depended on the session gets Vary: Cookie, one with a cookie
// Cache-Control: no-store. A handler that hijacks the connection writes the
// response itself, and finds the cookie in w.Header() after Hijack.
func (m *Manager) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if m.From(r.Context()) != nil {
			next.ServeHTTP(rw, r) // m is around us already
			return
		}
		m.count.requests.Add(1)
		ctx, cancel := context.WithCancelCause(r.Context())
		s := m.newSession(ctx, r, cancel)
		w := newWriter(rw, s, r)
		defer cancel(nil)
		defer s.end() // also after a panic, which commits nothing
		defer w.abandon()
		next.ServeHTTP(w.withAbilities(), r.WithContext(context.WithValue(ctx, contextKey{}, s)))
		w.finish()
	})
}
