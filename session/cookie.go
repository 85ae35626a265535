package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"iter"
	"net/http"
	"strings"
	"time"
)

// The cookie is <selector>.<verifier>, and <selector>.<new>.<old> after a
// renewal with an unknown outcome, each part in unpadded base64url.
const (
	selectorBytes = 12 // 96 bits, 16 characters
	selectorLen   = 16
	verifierLen   = 43 // of 32 bytes

	credentialLen = selectorLen + 1 + verifierLen
	unsettledLen  = credentialLen + 1 + verifierLen
)

// maxPersistent is the longest Max-Age that browsers keep (RFC 6265bis, 5.5).
const maxPersistent = 400 * 24 * time.Hour

// Strict refuses set bits in the padding, so that a value has one spelling.
var base64url = base64.RawURLEncoding.Strict()

type verifier [32]byte

func (v verifier) hash() Hash { return sha256.Sum256(v[:]) }

func newVerifier() (v verifier) {
	rand.Read(v[:]) // never fails: it ends the program instead
	return v
}

func newKey() Key { return Key(randomName()) }

// randomName returns 96 random bits in base64url.
func randomName() string {
	var b [selectorBytes]byte
	rand.Read(b[:]) // never fails: it ends the program instead
	return base64url.EncodeToString(b[:])
}

// credential is what a session cookie says.
type credential struct {
	key       Key
	verifiers []verifier // one, or the newest two; none is no credential
}

func (c credential) String() string {
	var b strings.Builder
	b.Grow(unsettledLen)
	b.WriteString(string(c.key))
	for _, v := range c.verifiers {
		b.WriteByte('.')
		b.WriteString(base64url.EncodeToString(v[:]))
	}
	return b.String()
}

func (c credential) hashes() []Hash {
	out := make([]Hash, len(c.verifiers))
	for i, v := range c.verifiers {
		out[i] = v.hash()
	}
	return out
}

// parseCredential accepts exactly what String makes.
func parseCredential(s string) (credential, bool) {
	if len(s) != credentialLen && len(s) != unsettledLen {
		return credential{}, false
	}
	var selector [selectorBytes]byte
	if !decodePart(selector[:], s[:selectorLen]) {
		return credential{}, false
	}
	c := credential{key: Key(s[:selectorLen])}
	for rest := s[selectorLen:]; rest != ""; rest = rest[1+verifierLen:] {
		var v verifier
		if rest[0] != '.' || !decodePart(v[:], rest[1:1+verifierLen]) {
			return credential{}, false
		}
		c.verifiers = append(c.verifiers, v)
	}
	return c, true
}

// decodePart decodes s, which must fill dst. Package base64 skips line ends.
func decodePart(dst []byte, s string) bool {
	n, err := base64url.Decode(dst, []byte(s))
	return err == nil && n == len(dst)
}

// cookieValues are the values of all cookies of one name.
func cookieValues(h http.Header, name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, line := range h["Cookie"] {
			for part := range strings.SplitSeq(line, ";") {
				if k, v, _ := strings.Cut(strings.Trim(part, " \t"), "="); k == name && !yield(v) {
					return
				}
			}
		}
	}
}

// readCredential finds the session cookie among all cookies of a request.
// malformed tells that there was something of the name that is not used.
//
// Several cookies of one name are the mark of somebody who plants them: with
// the prefix __Host-, which browsers send once, none is used. A plain name is
// shared with whatever else runs on the host, so there the only well-formed
// one is used, and none if there are two.
func readCredential(h http.Header, name string) (c credential, malformed bool) {
	total, good := 0, 0
	for v := range cookieValues(h, name) {
		total++
		if parsed, ok := parseCredential(v); ok {
			c = parsed
			good++
		}
	}
	if good != 1 || total > 1 && strings.HasPrefix(name, hostPrefix) {
		return credential{}, total > 0
	}
	return c, false
}
