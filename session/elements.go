package session

import (
	"encoding/binary"
	"errors"
)

// elementsTag begins the value of every list and set. No JSON text, no CBOR
// item (it is the break code) and no UTF-8 text begins with it, so that a
// merge recognises a value of another kind.
const elementsTag = 0xFF

var errElements = errors.New("value is no list of elements")

// EncodeElements returns the stored form of a list or set: the byte 0xFF,
// then each element as its length (unsigned LEB128, in as few bytes as
// possible) and its bytes. Elements may be empty.
func EncodeElements(elements [][]byte) []byte {
	size := 1
	for _, e := range elements {
		size += binary.MaxVarintLen32 + len(e)
	}
	value := append(make([]byte, 0, size), elementsTag)
	for _, e := range elements {
		value = binary.AppendUvarint(value, uint64(len(e)))
		value = append(value, e...)
	}
	return value
}

// DecodeElements is the inverse of EncodeElements. It accepts nothing that
// EncodeElements does not produce. The elements share memory with value.
func DecodeElements(value []byte) ([][]byte, error) {
	if len(value) == 0 || value[0] != elementsTag {
		return nil, errElements
	}
	var elements [][]byte
	for rest := value[1:]; len(rest) > 0; {
		length, n := binary.Uvarint(rest)
		if n <= 0 || n > 1 && rest[n-1] == 0 || length > uint64(len(rest)-n) {
			return nil, errElements
		}
		end := n + int(length)
		elements = append(elements, rest[n:end:end])
		rest = rest[end:]
	}
	return elements, nil
}
