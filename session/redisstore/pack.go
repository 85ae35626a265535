package redisstore

import "encoding/binary"

// unpacker reads the few kinds of MessagePack items that cmsgpack writes of
// strings and of arrays of strings. What is not of the expected form makes it
// bad.
type unpacker struct {
	reply
	at  int
	bad bool
}

// header reads the head of an item whose size is in the low bits of its first
// byte if that is fixed under mask, else in the bytes behind one of the tags.
// The tags stand for 1, 2 and 4 bytes; 0 is none.
func (u *unpacker) header(mask, fixed byte, tags [3]byte) int {
	if u.at >= len(u.bytes) {
		u.bad = true
		return 0
	}
	c, rest := u.bytes[u.at], u.bytes[u.at+1:]
	u.at++
	if c&mask == fixed {
		return int(c &^ mask)
	}
	n, width := 0, 0
	switch {
	case c == 0:
	case c == tags[0] && len(rest) >= 1:
		n, width = int(rest[0]), 1
	case c == tags[1] && len(rest) >= 2:
		n, width = int(binary.BigEndian.Uint16(rest)), 2
	case c == tags[2] && len(rest) >= 4:
		n, width = int(binary.BigEndian.Uint32(rest)), 4
	}
	u.bad = u.bad || width == 0
	u.at += width
	return n
}

// array is the number of an array's items.
func (u *unpacker) array() int { return u.header(0xf0, 0x90, [3]byte{0, 0xdc, 0xdd}) }

// string is where the next string begins and ends.
func (u *unpacker) string() (from, to int) {
	n := u.header(0xe0, 0xa0, [3]byte{0xd9, 0xda, 0xdb})
	from, to = u.at, u.at+n
	if to > len(u.bytes) || to < from {
		u.bad = true
		return len(u.bytes), len(u.bytes)
	}
	u.at = to
	return from, to
}
