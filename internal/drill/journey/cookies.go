package journey

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// A credential of cookies is written as in the Cookie header, in the order of
// their names: "a=1; b=2".

// pair is a cookie.
type pair struct{ name, value string }

// credentialIn takes the named cookies out of a Cookie header; no names are all
// of it.
func credentialIn(header string, names []string) []pair {
	var out []pair
	for field := range strings.SplitSeq(header, "; ") {
		name, value, ok := strings.Cut(field, "=")
		if ok && (len(names) == 0 || slices.Contains(names, name)) {
			out = append(out, pair{name, value})
		}
	}
	return out
}

// applied is the credential after an answer; set tells whether it gave one of
// its cookies a value.
func applied(before []pair, h http.Header, names []string) (after string, set bool) {
	cookies := slices.Clone(before)
	for _, line := range h["Set-Cookie"] {
		c, err := http.ParseSetCookie(line)
		if err != nil || len(names) > 0 && !slices.Contains(names, c.Name) {
			continue
		}
		cookies = slices.DeleteFunc(cookies, func(p pair) bool { return p.name == c.Name })
		if c.Value == "" || c.MaxAge < 0 || c.MaxAge == 0 && !c.Expires.IsZero() && c.Expires.Before(time.Now()) {
			continue
		}
		value := c.Value
		if c.Quoted {
			value = `"` + value + `"`
		}
		cookies, set = append(cookies, pair{c.Name, value}), true
	}
	return joined(cookies), set
}

func joined(cookies []pair) string {
	slices.SortFunc(cookies, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	var b strings.Builder
	for i, c := range cookies {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(c.name + "=" + c.value)
	}
	return b.String()
}
