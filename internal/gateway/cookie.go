package gateway

import (
	"net/http"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway/affinity"
	"github.com/evenkeel/evenkeel/internal/target"
)

// cookieWriter is a group's affinity cookie but for its value.
type cookieWriter struct{ before, after string }

func newCookieWriter(o AffinityOptions) cookieWriter {
	after := "; Path=/; HttpOnly"
	switch o.SameSite {
	case http.SameSiteLaxMode:
		after += "; SameSite=Lax"
	case http.SameSiteStrictMode:
		after += "; SameSite=Strict"
	case http.SameSiteNoneMode:
		after += "; SameSite=None"
	case http.SameSiteDefaultMode: // no attribute
	}
	return cookieWriter{before: o.Cookie + "=", after: after}
}

// bind tells the client where its next request shall go, if the affinity does
// that by a cookie and it has changed, and counts a bound request that another
// target has answered.
func (x *exchange) bind(h http.Header) {
	switch mode := x.group.Affinity.Mode; {
	case mode == AffinityCookie:
		if x.outdated() {
			x.setCookie(h, "")
		}
	case mode == AffinityAppCookie:
		x.followApp(h)
	case mode.hashes() && x.bound != nil && x.on != x.bound:
		x.countMove()
	}
}

// outdated reports whether the client's cookie is not that of the target that
// has answered, by the present key.
func (x *exchange) outdated() bool {
	return x.on != x.bound || x.token != (*x.on.tokens.Load())[0]
}

// setCookie binds the client to the target that has answered.
func (x *exchange) setCookie(h http.Header, lifetime string) {
	if x.known && x.on != x.bound {
		x.countMove()
	}
	x.writeCookie(h, (*x.on.tokens.Load())[0].Cookie(x.binding), lifetime)
}

func (x *exchange) writeCookie(h http.Header, value, lifetime string) {
	v := x.group.cookie.before + value + x.group.cookie.after + lifetime
	if x.r.TLS != nil {
		v += "; Secure"
	}
	h.Add("Set-Cookie", v)
}

// followApp gives the gateway's cookie the life of the application's. Without
// word of that one, only a binding that has changed is written, until the end
// of the browser: how long the application's still lives nobody knows here.
func (x *exchange) followApp(h http.Header) {
	change, lifetime := affinity.Follow(h["Set-Cookie"], x.group.Affinity.AppCookie, time.Now())
	switch change {
	case affinity.Kept:
		if x.known && x.outdated() {
			x.setCookie(h, "")
		}
	case affinity.Set:
		if !x.known {
			x.binding = affinity.NewBinding()
			x.hold(x.on)
		}
		x.setCookie(h, lifetime)
	case affinity.Deleted:
		for _, e := range [...]*entry{x.held, x.bound} {
			if e != nil {
				e.bindings.Remove(x.binding)
			}
		}
		x.writeCookie(h, "", "; Max-Age=0")
	}
}

// countMove notes why a bound session is bound elsewhere now.
func (x *exchange) countMove() {
	why := &x.group.counters.movesByWhy
	if x.bound == nil {
		why[moveGone].Add(1)
		return
	}
	x.bound.bindings.Remove(x.binding)
	s, _ := x.bound.refusal()
	switch s {
	case target.Draining, target.Unused:
		why[moveDraining].Add(1)
	case target.Unhealthy:
		why[moveUnhealthy].Add(1)
	case target.Initial, target.Healthy:
		why[moveFailed].Add(1)
	}
}

// SetKeys replaces the keys of affinity cookies. Bindings by keys that are in
// the new ring stay; see affinity.Ring for the order of a rotation.
func (g *Gateway) SetKeys(keys *affinity.Ring) {
	g.keys.Store(keys) // for targets to come
	for _, grp := range g.groups() {
		grp.mu.Lock()
		for _, e := range grp.entries {
			tokens := keys.Tokens(grp.Name, e.ID, e.Incarnation)
			e.tokens.Store(&tokens)
		}
		grp.rebuild(true)
		grp.mu.Unlock()
	}
}
