package gateway

import (
	"net/netip"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway/affinity"
	"github.com/evenkeel/evenkeel/internal/gateway/balance"
)

// readAffinity finds the target that the request is bound to, in what the
// target will get to see of it.
func (x *exchange) readAffinity() {
	o := &x.group.Affinity
	switch o.Mode {
	case AffinityNone:
		return
	case AffinityCookie, AffinityAppCookie:
		lines := x.r.Header["Cookie"]
		if o.Mode == AffinityAppCookie && affinity.Value(lines, o.AppCookie) == "" {
			return
		}
		x.token, x.binding, x.known = affinity.Find(lines, o.Cookie)
	case AffinitySession, AffinityHeader, AffinityClientIP:
		if key := x.affinityKey(); key != "" {
			x.binding, x.known = affinity.BindingOf(uint64(balance.HashOf(key))), true
		}
	}
	x.bound = x.locate()
}

// locate finds the request's target in the table.
func (x *exchange) locate() *entry {
	switch {
	case !x.known:
		return nil
	case x.group.Affinity.Mode.hashes():
		return x.table.homes.of(x)
	}
	return x.table.byToken[x.token]
}

// affinityKey is what the mode hashes; "" is a request without it.
func (x *exchange) affinityKey() string {
	o := &x.group.Affinity
	switch {
	case o.Mode == AffinityClientIP:
		return clientNetwork(x.g.clientAddress(x.fwd[0]))
	case o.AppCookie != "":
		return sessionName(affinity.Value(x.r.Header["Cookie"], o.AppCookie))
	case o.Header == "Host":
		return x.r.Host
	}
	lines := x.r.Header[o.Header]
	if len(lines) == 0 {
		return ""
	}
	if o.Mode == AffinitySession {
		return sessionName(lines[0])
	}
	return lines[0]
}

// clientNetwork is the address of an IPv4 client, and the /64 of an IPv6 one,
// which changes the rest of its address as it likes; "" for what is neither.
func clientNetwork(address string) string {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		p, _ := addr.Prefix(64) // never fails: 64 is within 128
		addr = p.Addr()
	}
	return addr.String()
}

// Lengths of the parts of a session library's cookie, selector "." verifier,
// and after a renewal of unknown outcome "." and another verifier.
const (
	selectorLen = 16
	verifierLen = 43
)

// sessionName is the part of a session ID that lasts as long as the session:
// the selector of the session library, whose verifier changes with each
// renewal and sign-in, and all of any other ID. A signed token, whose first
// part is the same for everybody, has not that form.
func sessionName(id string) string {
	const one, two = selectorLen + 1 + verifierLen, selectorLen + 2*(1+verifierLen)
	if (len(id) == one || len(id) == two) && id[selectorLen] == '.' && (len(id) == one || id[one] == '.') {
		return id[:selectorLen]
	}
	return id
}

// hold notes at e that the request's session is there.
func (x *exchange) hold(e *entry) {
	if x.held != nil && x.held != e {
		x.held.bindings.Remove(x.binding)
	}
	x.held = e
	e.bindings.Touch(x.binding, time.Now(), x.known)
}
