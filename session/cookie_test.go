package session

import (
	"net/http"
	"strings"
	"testing"
)

func FuzzParseCredential(f *testing.F) {
	c := credential{key: newKey(), verifiers: []verifier{newVerifier()}}
	f.Add(c.String())
	c.verifiers = append(c.verifiers, newVerifier())
	f.Add(c.String())
	f.Add("")
	f.Add(strings.Repeat(".", credentialLen))
	f.Add(strings.Repeat("A", unsettledLen))
	f.Fuzz(func(t *testing.T, s string) {
		c, ok := parseCredential(s)
		if !ok {
			if c.key != "" || len(c.verifiers) != 0 {
				t.Errorf("%q is refused, and read as %v", s, c)
			}
			return
		}
		if got := c.String(); got != s {
			t.Errorf("%q is read as %q: it has two spellings", s, got)
		}
		if len(c.key) != selectorLen || len(c.verifiers) < 1 || len(c.verifiers) > 2 {
			t.Errorf("%q has a selector of %d and %d verifiers", s, len(c.key), len(c.verifiers))
		}
	})
}

func FuzzReadCredential(f *testing.F) {
	good := credential{key: newKey(), verifiers: []verifier{newVerifier()}}.String()
	f.Add("__Host-session=" + good)
	f.Add("a=b;__Host-session=" + good + "; __Host-session=")
	f.Add(";;=;__Host-session")
	f.Fuzz(func(t *testing.T, line string) {
		c, malformed := readCredential(http.Header{"Cookie": {line}}, "__Host-session")
		if (c.key == "") != (len(c.verifiers) == 0) || malformed && c.key != "" {
			t.Errorf("%q: %v, malformed %v", line, c, malformed)
		}
		if c.key != "" && strings.Count(line, c.String()) < 1 {
			t.Errorf("%q: found what is not there", line)
		}
	})
}

func TestParseCredentialIsStrict(t *testing.T) {
	c := credential{key: newKey(), verifiers: []verifier{{}, newVerifier()}}
	both := c.String()
	one := both[:credentialLen] // whose last part is all zero bits
	if _, ok := parseCredential(one); !ok {
		t.Fatal("a good cookie is refused")
	}
	last := len(one) - 1
	for name, s := range map[string]string{
		"padding bits":    one[:last] + "B",
		"padding":         one[:last] + "=",
		"standard base64": "+" + one[1:],
		"line end":        one[:last] + "\n",
		"space":           " " + one[1:],
		"short":           one[:last],
		"long":            one + "A",
		"no separator":    strings.Replace(one, ".", "A", 1),
		"moved separator": one[:selectorLen-1] + "." + one[selectorLen-1:selectorLen] + one[selectorLen+1:],
		"second part":     both[:len(both)-1] + ".",
		"three verifiers": both + one[selectorLen:],
	} {
		if _, ok := parseCredential(s); ok {
			t.Errorf("%s: %q is accepted", name, s)
		}
	}
}

func TestRandomness(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		v := newVerifier()
		for _, s := range []string{string(newKey()), string(v[:])} {
			if seen[s] {
				t.Fatal("the same twice")
			}
			seen[s] = true
		}
	}
}
