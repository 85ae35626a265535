// Package cbor stores session attributes as CBOR (RFC 8949), which is smaller
// and faster than JSON, and keeps integers, bytes and times apart in values of
// type any.
//
//	var cart = session.NewAttribute[Cart]("cart", session.WithCodec(cbor.Codec{}))
//
// An attribute that has been stored as JSON moves to CBOR with a new version:
//
//	var cart = session.NewAttribute[Cart]("cart", session.WithCodec(cbor.Codec{}),
//		session.Upgrade(2, func(old cbor.JSON[Cart]) (Cart, error) { return old.Value, nil }))
//
// Struct fields are named by their cbor tag, else by their json tag, else by
// their Go name, and are matched with upper and lower case told apart. The
// tags keyasint and toarray of github.com/fxamacker/cbor work.
//
// Types are stored in the form of the first method that they have of
// MarshalCBOR, MarshalBinary and MarshalText. A type that has only MarshalJSON
// is refused, because what it does not export would be lost. A time.Time is
// stored as RFC 3339 with nanoseconds and tag 0: instant and offset from UTC
// stay, the zone's name and the monotonic reading go, as with JSON; years are
// 0 to 9999, and offsets with seconds, which zones had before about 1972, lose
// these.
//
// In a value of type any, integers come back as int64 (as big.Int beyond it),
// floats as float64, bytes as []byte, times as time.Time, maps as map[any]any.
//
// # Guarantees
//
//   - One value has one encoding (core deterministic, RFC 8949 section 4.2.1),
//     as the elements of a session.Set need it.
//   - No encoding begins with the bytes 0xFE or 0xFF, which package session
//     uses itself.
//   - No JSON text decodes as CBOR and no encoding decodes as JSON: an attribute
//     that changes its codec without a version is session.ErrUndecodable, never
//     another value.
//   - Damaged and hostile data is an error, never a panic, unless a method of a
//     type of yours panics. Arrays and maps of indefinite length, a key that occurs twice, trailing bytes, and more than
//     [MaxNesting] levels or [MaxElements] elements are refused; memory is
//     taken in proportion to the data.
//   - Marshal refuses what goes beyond these bounds, so that it is an error of
//     Set and not one of Get.
//
// # Not guaranteed
//
//   - A value that contains itself overflows the stack.
//   - Keys of one map[any]any that have the same encoding, such as int(1) and
//     int64(1), are stored and then refused as a key that occurs twice.
//   - So are, in values of type any, maps whose keys are arrays, structs or
//     integers beyond int64.
//   - Tags are not checked: unknown ones are ignored in typed values and
//     become cbor.Tag of github.com/fxamacker/cbor in values of type any.
//   - Go strings that are no UTF-8 come back as they were, but other readers of
//     CBOR refuse them.
package cbor
