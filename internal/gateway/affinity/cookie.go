package affinity

import (
	"crypto/rand"
	"encoding/binary"
	"strings"
)

// Token says which target a browser is bound to, to those who know the key.
type Token string

// Binding is the identity of one browser's binding, random or made of what it
// sends; it stays the same when the binding moves. It is as long as it prints.
type Binding [bindingLen]byte

// NewBinding returns a new one.
func NewBinding() Binding {
	var raw [bindingBytes]byte
	_, _ = rand.Read(raw[:]) // never fails: crypto/rand
	var b Binding
	base64url.Encode(b[:], raw[:])
	return b
}

// BindingOf returns the binding of a client that is known by a hash. It is
// none that NewBinding returns, and stands in no cookie.
func BindingOf(hash uint64) Binding {
	var b Binding
	binary.BigEndian.PutUint64(b[:], hash)
	return b
}

// Cookie returns the cookie's value: token "." binding.
func (t Token) Cookie(b Binding) string { return string(t) + "." + string(b[:]) }

// Parse splits a cookie's value. It reports only the form: whether the token
// is anybody's is for the caller's table to say. It allocates nothing.
func Parse(value string) (Token, Binding, bool) {
	var b Binding
	if len(value) != tokenLen+1+bindingLen || value[tokenLen] != '.' {
		return "", b, false
	}
	for i := range len(value) {
		if i != tokenLen && !base64urlByte(value[i]) {
			return "", b, false
		}
	}
	copy(b[:], value[tokenLen+1:])
	return Token(value[:tokenLen]), b, true
}

func base64urlByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// Find returns the first cookie called name whose value has the form of ours.
// Lines are the request's Cookie fields. It allocates nothing.
func Find(lines []string, name string) (Token, Binding, bool) {
	for _, line := range lines {
		for len(line) > 0 {
			var v string
			var ok bool
			if v, line, ok = next(line, name); !ok {
				continue
			}
			if t, b, ok := Parse(v); ok {
				return t, b, true
			}
		}
	}
	return "", Binding{}, false
}

// Value returns the first value of the application's cookie called name that
// is not empty; "" if there is none. It allocates nothing.
func Value(lines []string, name string) string {
	for _, line := range lines {
		for len(line) > 0 {
			var v string
			if v, line, _ = next(line, name); v != "" {
				return v
			}
		}
	}
	return ""
}

// next takes the first pair off a Cookie field; ok is whether it is called
// name. A value in quotes is returned without them.
func next(line, name string) (value, rest string, ok bool) {
	pair, rest, _ := strings.Cut(line, ";")
	k, v, _ := strings.Cut(strings.Trim(pair, " \t"), "=")
	if k != name {
		return "", rest, false
	}
	return strings.Trim(v, `"`), rest, true
}
