// Package frames is the little of WebSocket (RFC 6455) that a load client and
// its target need: short messages in one frame each.
//
//	err := frames.Write(conn, frames.Text, []byte("hello"), true)
//	op, payload, err := frames.Read(r)
//
// # Not guaranteed
//
//   - Frames of more than 125 bytes are an error, as are fragments: nobody here
//     sends them.
package frames

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
)

// Opcodes.
const (
	Text  byte = 1
	Close byte = 8
	Ping  byte = 9
	Pong  byte = 10
)

const (
	fin     = 0x80
	masked  = 0x80
	maxSize = 125
)

// Accept is the value of Sec-WebSocket-Accept for a key.
func Accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Status is the payload of a Close frame with this code.
func Status(code uint16) []byte { return binary.BigEndian.AppendUint16(nil, code) }

// Write writes one frame at once; a client has to mask.
func Write(w io.Writer, op byte, payload []byte, mask bool) error {
	if len(payload) > maxSize {
		return fmt.Errorf("frame of %d bytes, at most %d", len(payload), maxSize)
	}
	b := []byte{fin | op, byte(len(payload))}
	if !mask {
		_, err := w.Write(append(b, payload...))
		return err
	}
	b[1] |= masked
	key := binary.BigEndian.AppendUint32(nil, rand.Uint32())
	b = append(b, key...)
	for i, c := range payload {
		b = append(b, c^key[i%4])
	}
	_, err := w.Write(b)
	return err
}

// Read reads one frame. An end before its first byte is io.EOF.
func Read(r *bufio.Reader) (op byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:1]); err != nil {
		return 0, nil, err
	}
	if _, err := io.ReadFull(r, head[1:]); err != nil {
		return 0, nil, early(err)
	}
	size := int(head[1] &^ masked)
	if head[0]&^0x0f != fin || size > maxSize {
		return 0, nil, fmt.Errorf("frame begins with %#x", head)
	}
	var key [4]byte
	if head[1]&masked != 0 {
		if _, err := io.ReadFull(r, key[:]); err != nil {
			return 0, nil, early(err)
		}
	}
	payload = make([]byte, size)
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, early(err)
	}
	for i := range payload {
		payload[i] ^= key[i%4]
	}
	return head[0] & 0x0f, payload, nil
}

func early(err error) error {
	if err == io.EOF { //nolint:errorlint // ReadFull gives it as it is
		return io.ErrUnexpectedEOF
	}
	return err
}
