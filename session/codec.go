package session

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// ErrNewer is the error of overwriting an attribute that a newer version of
// the service has written, see [Upgrade].
var ErrNewer = errors.New("attribute was written by a newer version")

// Codec turns values into bytes and back. It must be safe for concurrent use,
// and for [Set] one value must have one encoding. No encoding may begin with
// the bytes 0xFE or 0xFF, which no JSON or CBOR text does. Unmarshal must
// neither change data nor keep any of it: other requests read it, too.
type Codec interface {
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error
}

type jsonCodec struct{}

func (jsonCodec) Marshal(v any) ([]byte, error)      { return json.Marshal(v) }
func (jsonCodec) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

// AttributeOption changes an attribute as it is made.
type AttributeOption func(*attribute)

// Privileged closes the attribute to requests that were loaded before a
// sign-in: what they still write to it is refused with ErrSuperseded.
func Privileged() AttributeOption { return func(a *attribute) { a.privileged = true } }

// WithCodec stores values in another form than encoding/json's.
func WithCodec(c Codec) AttributeOption { return func(a *attribute) { a.codec = c } }

// MaxElements lets a [List] keep only its last n elements; zero is all. It
// says nothing of other kinds.
func MaxElements(n int) AttributeOption { return func(a *attribute) { a.max = max(0, n) } }

// Upgrade says that the values of an [Attribute] have version n, 2 or more,
// and how one of version n-1 becomes one of n; without it values have version 1. Give it once for each step that may still be stored:
//
//	NewAttribute[CartV3]("cart", Upgrade(2, v1to2), Upgrade(3, v2to3))
//
// Values are stored in the newest version. During a roll-out older instances
// meet it too: they read a newer value if it decodes as their own type, and do
// not overwrite it (ErrNewer). The stored form of a version from 2 on is the
// byte 0xFE, the version as unsigned LEB128, and the codec's bytes.
func Upgrade[Old, New any](n int, from func(Old) (New, error)) AttributeOption {
	return func(a *attribute) {
		if a.steps == nil {
			a.steps = map[int]step{}
		}
		a.version = max(a.version, n)
		a.steps[n] = step{
			decode: func(c Codec, data []byte) (any, error) {
				var v Old
				err := c.Unmarshal(data, &v)
				return v, err
			},
			convert: func(v any) (any, error) {
				old, ok := v.(Old)
				if !ok {
					return nil, fmt.Errorf("version %d is made from %T, version %d is %T", n, old, n-1, v)
				}
				return from(old)
			},
		}
	}
}

// step makes a value of one version from one of the version before.
type step struct {
	decode  func(Codec, []byte) (any, error)
	convert func(any) (any, error)
}

// attribute is what all kinds of attributes are made of. It is not changed
// once it is made.
type attribute struct {
	name       string
	privileged bool
	codec      Codec
	version    int
	steps      map[int]step
	max        int
}

func newAttribute(name string, opt []AttributeOption) attribute {
	a := attribute{name: name, codec: jsonCodec{}, version: 1}
	for _, o := range opt {
		o(&a)
	}
	return a
}

// checkName says what is wrong with an attribute's name.
func checkName(name string) error {
	if !validName(name) {
		return fmt.Errorf("session: attribute name %q: %w: 1 to %d bytes of UTF-8 without control characters are allowed",
			name, ErrMalformed, MaxNameBytes)
	}
	return nil
}

const versionTag = 0xFE

func (a *attribute) encode(v any) ([]byte, error) {
	if err := checkName(a.name); err != nil {
		return nil, err
	}
	data, err := a.codec.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("session: encode attribute %q: %w", a.name, err)
	}
	if a.version > 1 {
		data = append(binary.AppendUvarint([]byte{versionTag}, uint64(a.version)), data...)
	}
	return data, nil
}

// storedVersion splits a stored value.
func storedVersion(value []byte) (version int, data []byte, ok bool) {
	if len(value) == 0 || value[0] != versionTag {
		return 1, value, true
	}
	v, n := binary.Uvarint(value[1:])
	if n <= 0 || v < 2 || v > 1<<30 {
		return 0, nil, false
	}
	return int(v), value[1+n:], true
}

// newer tells whether value is of a version that a does not know.
func (a *attribute) newer(value []byte) bool {
	version, _, ok := storedVersion(value)
	return ok && version > a.version
}

// decode is the inverse of encode, for any stored version.
func decode[T any](a *attribute, value []byte) (v T, err error) {
	defer func() {
		if err != nil {
			var zero T
			v, err = zero, fmt.Errorf("session: attribute %q: %w: %w", a.name, ErrUndecodable, err)
		}
	}()
	version, data, ok := storedVersion(value)
	switch {
	case !ok:
		return v, errors.New("it has no valid version")
	case version >= a.version:
		return v, a.codec.Unmarshal(data, &v)
	}
	first, ok := a.steps[version+1]
	if !ok {
		return v, fmt.Errorf("nothing makes version %d from %d", version+1, version)
	}
	made, err := first.decode(a.codec, data)
	for n := version + 1; err == nil && n <= a.version; n++ {
		s, ok := a.steps[n]
		if !ok {
			return v, fmt.Errorf("nothing makes version %d from %d", n, n-1)
		}
		made, err = s.convert(made)
	}
	if err != nil {
		return v, err
	}
	v, ok = made.(T)
	if !ok {
		return v, fmt.Errorf("version %d is %T, want %T", a.version, made, v)
	}
	return v, nil
}
