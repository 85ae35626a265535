package session

import (
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// A plain cookie name is shared with whatever else runs on the host: what is
// found is one well-formed value, and there is no second one.
func FuzzReadCredentialOfAPlainName(f *testing.F) {
	first := credential{key: newKey(), verifiers: []verifier{newVerifier()}}.String()
	second := credential{key: newKey(), verifiers: []verifier{newVerifier(), newVerifier()}}.String()
	f.Add("session="+first, "")
	f.Add("session=other; session="+first, "a=b")
	f.Add("session="+first, "session="+second)
	f.Add("session =x;\tsession="+second+" ;;=", "SESSION="+first)
	f.Fuzz(func(t *testing.T, line1, line2 string) {
		h := http.Header{"Cookie": {line1, line2}}
		c, malformed := readCredential(h, "session")
		good := map[bool]int{}
		for v := range cookieValues(h, "session") {
			_, ok := parseCredential(v)
			good[ok]++
		}
		if found := c.key != ""; found != (good[true] == 1) || malformed != (!found && good[true]+good[false] > 0) {
			t.Errorf("%q, %q: found %v, malformed %v, of %d good ones and %d others", line1, line2, found, malformed, good[true], good[false])
		}
		if c.key != "" && !strings.Contains(line1+line2, c.String()) {
			t.Errorf("%q, %q: found what is not there", line1, line2)
		}
	})
}

func FuzzCredentialOfAHeader(f *testing.F) {
	good := credential{key: newKey(), verifiers: []verifier{newVerifier()}}.String()
	f.Add(good, "", false)
	f.Add(good, good, true)
	f.Add("", "", false)
	f.Add("Bearer "+good, "x", true)
	via := newTransport(Options{Header: "X-Session"})
	f.Fuzz(func(t *testing.T, first, second string, both bool) {
		h := http.Header{"X-Session": {first}}
		if both {
			h["X-Session"] = append(h["X-Session"], second)
		}
		c, malformed := via.credential(h)
		_, ok := parseCredential(first)
		if want := ok && !both; (c.key != "") != want || malformed != (!want && (first != "" || both)) {
			t.Errorf("%q: found %v, malformed %v", h, c.key != "", malformed)
		}
		if c.key != "" && c.String() != first {
			t.Errorf("%q is read as another", first)
		}
	})
}

// A version has one spelling, and none of another session's is taken.
func FuzzParseFloor(f *testing.F) {
	const key, other = Key("selector-of-mine"), Key("another-selector") // the same in all processes of a run
	f.Add(floorValue(key, 1))
	f.Add(floorValue(key, 1<<62))
	f.Add(floorValue(key, 0))
	f.Add(floorValue(key, -7))
	f.Add(floorValue(other, 5))
	f.Add(string(key[:floorPrefix]) + ".+5")
	f.Add(string(key[:floorPrefix]) + ".05")
	f.Add(".")
	f.Fuzz(func(t *testing.T, s string) {
		n := parseFloor(s, key)
		if n < 0 || n > 0 && floorValue(key, n) != s {
			t.Errorf("%q is read as %d", s, n)
		}
	})
}

func FuzzFloorOfARequest(f *testing.F) {
	const key = Key("selector-of-mine") // the same in all processes of a run
	f.Add("__Host-session-v=" + floorValue(key, 7))
	f.Add("__Host-session-v=" + floorValue(key, 7) + "; __Host-session-v=" + floorValue(key, 8))
	f.Add("__Host-session=x; a=b;;")
	via := newTransport(Options{Cookie: CookieOptions{Name: "__Host-session"}, Cache: CacheBounded})
	f.Fuzz(func(t *testing.T, line string) {
		n := via.floor(http.Header{"Cookie": {line}}, key)
		if n != 0 && strings.Count(line, floorValue(key, n)) == 0 {
			t.Errorf("%q: read %d, which is not there", line, n)
		}
		if via.floor(http.Header{"Cookie": {line}}, "") != 0 {
			t.Errorf("%q: a version of no session", line)
		}
	})
}

// User-Agent is whatever a stranger sends; what is stored of it is shown to a
// user as a name of one of their devices.
func FuzzCleanDevice(f *testing.F) {
	f.Add("Mozilla/5.0 (X11; Linux x86_64)")
	f.Add("a\x00b\r\nc\u202e\u200bd\xff\u2028")
	f.Add(strings.Repeat("é", MaxDeviceBytes))
	f.Add(strings.Repeat("\x01", 4*MaxDeviceBytes-1) + "😀")
	f.Fuzz(func(t *testing.T, s string) {
		got := cleanDevice(s)
		if len(got) > MaxDeviceBytes || !utf8.ValidString(got) {
			t.Errorf("%q became %d bytes, valid UTF-8: %v", s, len(got), utf8.ValidString(got))
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
				t.Errorf("%q keeps %U", s, r)
			}
		}
		if again := cleanDevice(got); again != got {
			t.Errorf("%q is not stable: %q, then %q", s, got, again)
		}
	})
}
