// Package cbor stores session attributes as CBOR.
package cbor
