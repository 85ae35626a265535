// Package affinity binds a browser to a target by a cookie that says nothing
// about either.
//
//	ring, err := affinity.OpenRing("/var/lib/evenkeel/affinity.keys")
//	tokens := ring.Tokens("shop", "a", "") // once per target
//	value := tokens[0].Cookie(affinity.NewBinding())
//	token, binding, ok := affinity.Parse(value) // per request: then one map look-up by token
//
// [Value] and [Follow] read the application's cookie, in requests and in
// answers, for a cookie of ours that lives as long. [Bindings] count sessions,
// also of clients that are known by something else.
//
// Guarantees: a token is an HMAC of group, target ID and incarnation, so that
// gateways with the same keys agree, a restart changes nothing, and nobody
// without a key can make one or learn an address from it. A decoder never
// accepts what the encoder does not write.
//
// Not guaranteed: the binding ID is not authenticated. Somebody who has one
// valid cookie can invent bindings to the same target; that affects counts,
// which are bounded, and nothing else.
package affinity

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// MinKeyBytes is the shortest key.
const MinKeyBytes = 32

// Sizes of the parts of a cookie, in bytes before base64url.
const (
	keyIDBytes   = 6
	macBytes     = 15
	bindingBytes = 12
	tokenLen     = (keyIDBytes + macBytes) / 3 * 4
	bindingLen   = bindingBytes / 3 * 4
)

var base64url = base64.RawURLEncoding.Strict()

// Ring is a list of keys: the first makes cookies, all are recognised. To
// rotate with several gateways, add the new key as the last one everywhere,
// then make it the first, and drop the old one when its cookies have gone. A
// Ring is immutable and safe for concurrent use.
type Ring struct{ keys []key }

type key struct {
	id     [keyIDBytes]byte
	secret []byte
}

// NewRing returns a ring of one or more keys of at least MinKeyBytes, the one
// to make cookies with first.
func NewRing(secrets ...[]byte) (*Ring, error) {
	if len(secrets) == 0 {
		return nil, errors.New("affinity: no key")
	}
	r := &Ring{}
	for i, s := range secrets {
		if len(s) < MinKeyBytes {
			return nil, fmt.Errorf("affinity: key %d has %d bytes, allowed: at least %d", i+1, len(s), MinKeyBytes)
		}
		k := key{secret: bytes.Clone(s)}
		copy(k.id[:], sum(k.secret, "key id"))
		for _, other := range r.keys {
			if other.id == k.id {
				return nil, fmt.Errorf("affinity: key %d is there twice", i+1)
			}
		}
		r.keys = append(r.keys, k)
	}
	return r, nil
}

// RandomRing returns a ring of one new key.
func RandomRing() *Ring {
	r, err := NewRing(newSecret())
	if err != nil {
		panic(err) // 32 random bytes are a key
	}
	return r
}

func newSecret() []byte {
	secret := make([]byte, MinKeyBytes)
	_, _ = rand.Read(secret) // never fails: crypto/rand
	return secret
}

// ReadRing reads keys from a file: one per line in base64, the one to make
// cookies with first; blank lines and lines that begin with # are skipped.
func ReadRing(path string) (*Ring, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("affinity keys: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return nil, fmt.Errorf("affinity keys: %w", err)
	}
	var secrets [][]byte
	for i, line := range bytes.Split(data, []byte("\n")) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		secret, err := base64.StdEncoding.DecodeString(string(line))
		if err != nil {
			return nil, fmt.Errorf("affinity keys: %s:%d: not base64", path, i+1)
		}
		secrets = append(secrets, secret)
	}
	r, err := NewRing(secrets...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// OpenRing is ReadRing for a file that is made with one new key, readable by
// its owner only, when it is not there. Two processes that open it at once end
// with the same key.
func OpenRing(path string) (*Ring, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := createKeyFile(path); err != nil {
			return nil, fmt.Errorf("affinity keys: %w", err)
		}
	}
	return ReadRing(path)
}

// createKeyFile links a complete file into place: a reader never sees half of
// it, and the second of two writers finds the first one's.
func createKeyFile(path string) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".keys-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // the link stays; a leftover would be harmless
	text := "# keys of affinity cookies; the first makes them, all are recognised\n" +
		base64.StdEncoding.EncodeToString(newSecret()) + "\n"
	if _, err := tmp.WriteString(text); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := errors.Join(tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Tokens returns the target's token by each key, the one to make cookies with
// first.
func (r *Ring) Tokens(group, id, incarnation string) []Token {
	out := make([]Token, len(r.keys))
	for i, k := range r.keys {
		raw := append(k.id[:], sum(k.secret, "target", group, id, incarnation)[:macBytes]...)
		out[i] = Token(base64url.EncodeToString(raw))
	}
	return out
}

// sum is HMAC-SHA256 over the parts, each preceded by its length.
func sum(secret []byte, parts ...string) []byte {
	m := hmac.New(sha256.New, secret)
	for _, p := range parts {
		var size [4]byte
		binary.BigEndian.PutUint32(size[:], uint32(len(p)))
		_, _ = m.Write(size[:]) // never fails: hash.Hash
		_, _ = io.WriteString(m, p)
	}
	return m.Sum(nil)
}
