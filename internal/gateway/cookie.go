package gateway

import (
	"net/http"

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

// setCookie binds the client to the target that answers, if it is not already
// and the answer comes from where its next request shall go.
func (x *exchange) setCookie(h http.Header) {
	if x.group.Affinity.Mode != AffinityCookie {
		return
	}
	current := (*x.on.tokens.Load())[0]
	if x.on == x.bound && x.token == current {
		return
	}
	if x.known && x.on != x.bound {
		x.countMove()
	}
	v := x.group.cookie.before + current.Cookie(x.binding) + x.group.cookie.after
	if x.r.TLS != nil {
		v += "; Secure"
	}
	h.Add("Set-Cookie", v)
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
	for _, grp := range g.groups {
		grp.mu.Lock()
		for _, e := range grp.entries {
			tokens := keys.Tokens(grp.Name, e.ID, e.Incarnation)
			e.tokens.Store(&tokens)
		}
		grp.rebuild(true)
		grp.mu.Unlock()
	}
}
