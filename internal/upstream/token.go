package upstream

import "strings"

// tokenByte are the bytes of a token (RFC 9110, 5.6.2): methods, field names.
var tokenByte = byteSet(alphanumeric + "!#$%&'*+-.^_`|~")

// hostByte are the bytes of uri-host [":" port] (RFC 3986, 3.2.2), userinfo excluded.
var hostByte = byteSet(alphanumeric + "-._~%!$&'()*+,;=:[]")

const alphanumeric = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

func byteSet(members string) (set [256]bool) {
	for i := range len(members) {
		set[members[i]] = true
	}
	return set
}

func consistsOf(s string, set *[256]bool) bool {
	for i := range len(s) {
		if !set[s[i]] {
			return false
		}
	}
	return true
}

func isToken(s string) bool { return s != "" && consistsOf(s, &tokenByte) }

// isFieldValue allows what RFC 9110, 5.5 does: visible bytes, obs-text, space
// and tab; no CR, LF, NUL or other control.
func isFieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// isTarget allows origin form and "*". Bytes beyond ASCII pass, as clients
// send them and they cannot end a line; a fragment does not.
func isTarget(method, s string) bool {
	if s == "*" {
		return method == "OPTIONS"
	}
	if s == "" || s[0] != '/' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f || c == '#' {
			return false
		}
	}
	return true
}

// elements calls f for each non-empty element of comma-separated values.
func elements(values []string, f func(element string)) {
	for _, v := range values {
		for v != "" {
			element, rest, _ := strings.Cut(v, ",")
			if element = strings.Trim(element, " \t"); element != "" {
				f(element)
			}
			v = rest
		}
	}
}

// engineOwned reports whether a field describes the connection or the framing,
// which only the engine may: such fields are not sent, however spelled, and
// not handed out. (TE is treated where requests are written.)
func engineOwned(name string) bool {
	var owned string
	switch len(name) {
	case 4:
		owned = "Host"
	case 7:
		owned = "Upgrade"
	case 10:
		if name[0]|0x20 == 'c' {
			owned = "Connection"
		} else {
			owned = "Keep-Alive"
		}
	case 14:
		owned = "Content-Length"
	case 16:
		owned = "Proxy-Connection"
	case 17:
		owned = "Transfer-Encoding"
	default:
		return false
	}
	return strings.EqualFold(name, owned)
}
