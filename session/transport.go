package session

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
)

// transport is how credentials travel, and the versions that browsers have
// seen: in cookies, or in headers of the application's own. What a response
// carries is an http.Cookie in both cases.
type transport struct {
	cookie  CookieOptions
	header  bool
	name    string // of the cookie, or canonical of the header
	version string // of the second one, for the version
	floors  bool   // whether there is a second one
}

func newTransport(opt Options) transport {
	t := transport{cookie: opt.Cookie, name: opt.Cookie.Name, version: opt.Cookie.Name + "-v"}
	if opt.Header != "" {
		t.header, t.name = true, textproto.CanonicalMIMEHeaderKey(opt.Header)
		t.version = t.name + "-Version"
	}
	// With CacheFor any request of the browser may be the one that is served
	// from a copy, so that all of them must note what it has seen.
	t.floors = opt.Cache == CacheBounded || opt.CacheFor != nil
	return t
}

// credential finds the credential in a request's header. malformed tells that
// there was something in its place that is not used.
func (t *transport) credential(h http.Header) (c credential, malformed bool) {
	if !t.header {
		return readCredential(h, t.name)
	}
	values := h[t.name]
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return credential{}, false
	}
	c, ok := parseCredential(values[0])
	if !ok || len(values) > 1 {
		return credential{}, true
	}
	return c, false
}

// floor finds the version of the session that the browser has seen; 0 is that
// it says nothing.
func (t *transport) floor(h http.Header, key Key) int64 {
	if !t.floors || key == "" {
		return 0
	}
	values := h[t.version]
	if !t.header {
		values = slices.Collect(cookieValues(h, t.version))
	}
	if len(values) != 1 {
		return 0
	}
	return parseFloor(values[0], key)
}

// floorPrefix is how much of the selector a version names, so that it is not
// taken for that of another session.
const floorPrefix = 6

func floorValue(key Key, n int64) string {
	return string(key[:floorPrefix]) + "." + strconv.FormatInt(n, 10)
}

// parseFloor accepts exactly what floorValue makes of key and a positive n.
func parseFloor(s string, key Key) int64 {
	prefix, digits, ok := strings.Cut(s, ".")
	if !ok || prefix != string(key[:floorPrefix]) {
		return 0
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != digits {
		return 0
	}
	return n
}

// give is what carries value to the browser. Persistent cookies end with the
// session's absolute limit; left is the time until then, zero or less if
// there is none.
func (t *transport) give(name, value string, persistent bool, left time.Duration) *http.Cookie {
	k := t.empty(name)
	k.Value = value
	if persistent {
		if left <= 0 || left > maxPersistent {
			left = maxPersistent
		}
		k.MaxAge = max(1, int(left/time.Second))
	}
	return k
}

// take is what takes it from the browser.
func (t *transport) take(name string) *http.Cookie {
	k := t.empty(name)
	k.MaxAge = -1 // package http writes Max-Age=0
	return k
}

func (t *transport) empty(name string) *http.Cookie {
	return &http.Cookie{Name: name, Path: "/", Secure: !t.cookie.InsecureCookie, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// send puts k into a response's header.
func (t *transport) send(h http.Header, k *http.Cookie) {
	if t.header {
		h[k.Name] = []string{k.Value}
		return
	}
	h.Add("Set-Cookie", k.String())
}

// varies is the request header that a response depends on.
func (t *transport) varies() string {
	if t.header {
		return t.name
	}
	return "Cookie"
}

// checkHeader reports what is wrong with Options.Header.
func checkHeader(o Options) error {
	switch {
	case o.Header == "":
		return nil
	case o.Cookie != CookieOptions{}:
		return errors.New("session: Options.Header and Options.Cookie exclude one another: the session travels in one of them")
	case !validHeader(o.Header):
		return fmt.Errorf("session: Options.Header %q is not the name of a header of its own, such as X-Session", o.Header)
	}
	return nil
}

// validHeader tells whether name is an HTTP token, and no header that means
// something else where the session would be.
func validHeader(name string) bool {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7F || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	switch textproto.CanonicalMIMEHeaderKey(name) {
	case "Authorization", "Cache-Control", "Connection", "Content-Length", "Content-Type", "Cookie", "Date", "Host", "Origin",
		"Retry-After", "Set-Cookie", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent", "Vary":
		return false
	}
	return true
}
