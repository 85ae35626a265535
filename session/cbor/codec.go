package cbor

import (
	"errors"
	"fmt"
	"io"

	"github.com/fxamacker/cbor/v2"
)

// Bounds of a value. Beyond them it can neither be stored nor read.
const (
	MaxNesting  = 64      // arrays, maps and tags in one another
	MaxElements = 1 << 16 // of one array, and pairs of one map: as many as can be in the default Limits.AttributeBytes
)

// Codec is a session.Codec. The zero value is ready to use; it has no state
// and is safe for concurrent use.
type Codec struct{}

// selfDescribed is the tag that says of what follows that it is CBOR (RFC 8949
// section 3.4.6).
const selfDescribed = "\xd9\xd9\xf7"

// Marshal returns v as CBOR.
func (Codec) Marshal(v any) ([]byte, error) {
	data, err := enc.Marshal(v)
	if err == nil {
		err = dec.Wellformed(data) // or Unmarshal would refuse it
	}
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	if isDigit(data[0]) {
		data = append([]byte(selfDescribed), data...)
	}
	return data, nil
}

// Unmarshal is the inverse of Marshal; v is a pointer. With an error v may have
// been filled in part.
func (Codec) Unmarshal(data []byte, v any) error {
	if j, ok := v.(storedAsJSON); ok {
		return j.unmarshalJSON(data)
	}
	if len(data) > 0 && isDigit(data[0]) {
		return errors.New("cbor: value is a JSON number")
	}
	return dec.Unmarshal(data, v)
}

// isDigit tells whether an encoding could be taken for JSON and the other way
// round: -17 is the byte '0' in CBOR. Of all that JSON texts begin with, only
// digits can begin a whole CBOR item: after '"' and '-' there would be bytes
// left over, after the others some are missing.
func isDigit(first byte) bool { return '0' <= first && first <= '9' }

var (
	enc = must(encOptions().EncMode())
	dec = must(decOptions().DecMode())
)

// must is for options that are constant.
func must[M any](mode M, err error) M {
	if err != nil {
		panic("session/cbor: " + err.Error())
	}
	return mode
}

func encOptions() cbor.EncOptions {
	o := cbor.CoreDetEncOptions()
	o.Time = cbor.TimeRFC3339Nano
	o.TimeTag = cbor.EncTagRequired
	o.TextMarshaler = cbor.TextMarshalerTextString
	o.JSONMarshalerTranscoder = refuseJSON{}
	return o
}

func decOptions() cbor.DecOptions {
	return cbor.DecOptions{
		MaxNestedLevels:   MaxNesting,
		MaxArrayElements:  MaxElements,
		MaxMapPairs:       MaxElements,
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TimeTag:           cbor.DecTagOptional,
		IntDec:            cbor.IntDecConvertSignedOrBigInt,
		UTF8:              cbor.UTF8DecodeInvalid, // Marshal accepts any Go string
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		TextUnmarshaler:   cbor.TextUnmarshalerTextString,
	}
}

// refuseJSON meets what a type's MarshalJSON has written, and only if the type
// has none of the better methods.
type refuseJSON struct{}

func (refuseJSON) Transcode(io.Writer, io.Reader) error {
	return errors.New("the type has MarshalJSON only: give it MarshalText and UnmarshalText, or MarshalCBOR and UnmarshalCBOR")
}
