package redisstore

import (
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/session"
)

// A keyspace names keys. Braces make Redis Cluster look at what is between
// them alone, so that what belongs to one session is on one node:
//
//	{<prefix><hh>}s:<selector>   a session; hh are the first 10 bits of the selector, as 3 hex digits
//
// Those of principals are package index's.
type keyspace string // the prefix

// newKeyspace checks the parts of a prefix.
func newKeyspace(service, prefix string) (keyspace, error) {
	switch {
	case prefix == "" && service == "":
		return "", fmt.Errorf("redisstore: Options.Service is empty: name the service, so that others on the same server keep apart")
	case prefix != "" && service != "":
		return "", fmt.Errorf("redisstore: Options.Service is %q and Options.Prefix %q: give one of them", service, prefix)
	case prefix == "":
		prefix = "ek:" + service + ":"
	}
	if strings.ContainsAny(prefix, "{}") {
		return "", fmt.Errorf("redisstore: the keys' prefix %q holds a brace: Redis Cluster would place the keys by it", prefix)
	}
	return keyspace(prefix), nil
}

const selectorLength = 16

// appendSession appends the key of a session; ok tells whether there can be
// one of that name.
func (k keyspace) appendSession(b []byte, key session.Key) (_ []byte, ok bool) {
	if len(key) != selectorLength {
		return b, false
	}
	for i := range len(key) {
		if sextet(key[i]) > 63 {
			return b, false
		}
	}
	const hex = "0123456789abcdef"
	shard := (uint(sextet(key[0]))<<6 | uint(sextet(key[1]))) >> 2
	b = append(append(b, '{'), k...)
	b = append(b, hex[shard>>8], hex[shard>>4&15], hex[shard&15])
	return append(append(b, "}s:"...), key...), true
}

// sextet is the value of a character of base64url, above 63 if it is none.
func sextet(c byte) byte {
	switch {
	case c >= 'A' && c <= 'Z':
		return c - 'A'
	case c >= 'a' && c <= 'z':
		return c - 'a' + 26
	case c >= '0' && c <= '9':
		return c - '0' + 52
	case c == '-':
		return 62
	case c == '_':
		return 63
	}
	return 255
}
