package engine

import (
	"net/http"
	"strings"
	"time"
)

// maxCookies is what browsers keep for a host at least (RFC 6265, 6.1).
const maxCookies = 50

// jar holds the cookies of one user for one service, after RFC 6265 with what
// a single host and one path tree leave of it: a cookie is its name; Path and
// Domain are ignored; so are Secure (the drill speaks to loopback, which
// browsers trust) and SameSite. Max-Age and Expires are honoured. A Set-Cookie
// that cannot be parsed is ignored. Not safe for concurrent use.
type jar struct{ cookies []kept }

type kept struct {
	name, value string
	until       time.Time // zero: until the user is gone
}

// receive applies the Set-Cookie lines of an answer in their order.
func (j *jar) receive(h http.Header, now time.Time) {
	for _, line := range h["Set-Cookie"] {
		if c, err := http.ParseSetCookie(line); err == nil {
			j.set(c, now)
		}
	}
}

func (j *jar) set(c *http.Cookie, now time.Time) {
	until := expiry(c, now)
	gone := !until.IsZero() && !until.After(now)
	for i := range j.cookies {
		if j.cookies[i].name != c.Name {
			continue
		}
		if gone {
			j.cookies = append(j.cookies[:i], j.cookies[i+1:]...)
			return
		}
		j.cookies[i].value, j.cookies[i].until = valueOf(c), until
		return
	}
	if !gone && len(j.cookies) < maxCookies {
		j.cookies = append(j.cookies, kept{c.Name, valueOf(c), until})
	}
}

// expiry is zero for a session cookie; Max-Age goes before Expires.
func expiry(c *http.Cookie, now time.Time) time.Time {
	switch {
	case c.MaxAge < 0: // net/http's form of Max-Age=0 and below
		return now
	case c.MaxAge > 0:
		return now.Add(time.Duration(c.MaxAge) * time.Second)
	}
	return c.Expires
}

// header is the value of the Cookie header, "" without cookies. Explicit
// cookies "name=value; name=value" take the places of those of their names.
func (j *jar) header(explicit string, now time.Time) string {
	if len(j.cookies) == 0 {
		return explicit
	}
	var b strings.Builder
	b.WriteString(explicit)
	for _, c := range j.cookies {
		if hasCookie(explicit, c.name) || !c.until.IsZero() && !c.until.After(now) {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(c.name)
		b.WriteByte('=')
		b.WriteString(c.value)
	}
	return b.String()
}

// hasCookie tells whether a Cookie header names a cookie.
func hasCookie(header, name string) bool {
	for len(header) > 0 {
		var pair string
		pair, header, _ = strings.Cut(header, "; ")
		if n, _, _ := strings.Cut(pair, "="); n == name {
			return true
		}
	}
	return false
}

// valueOf is the value as it was sent, with its quotes.
func valueOf(c *http.Cookie) string {
	if c.Quoted {
		return `"` + c.Value + `"`
	}
	return c.Value
}

// cookieIn finds a cookie's value in a Cookie header, "" if it is not there.
func cookieIn(header, name string) string {
	for pair := range strings.SplitSeq(header, "; ") {
		if n, v, ok := strings.Cut(pair, "="); ok && n == name {
			return v
		}
	}
	return ""
}

// Present has the user hold the cookies of a Cookie header.
func (u *User) Present(header string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for field := range strings.SplitSeq(header, "; ") {
		if name, value, ok := strings.Cut(field, "="); ok {
			u.jar.set(&http.Cookie{Name: name, Value: value}, time.Now())
		}
	}
}
