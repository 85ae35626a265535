package streams

import (
	"crypto/rand"
	"encoding/binary"
)

// StatusServiceRestart is the code of a Close that asks the client to connect
// again (IANA's registry of WebSocket close codes).
const StatusServiceRestart = 1012

const closeReason = "service restart"

// closeFrame is a Close frame; only those to a target are masked.
func closeFrame(masked bool) []byte {
	payload := binary.BigEndian.AppendUint16(nil, StatusServiceRestart)
	payload = append(payload, closeReason...)
	b := []byte{finBit | opcodeClose, byte(len(payload))}
	if !masked {
		return append(b, payload...)
	}
	var key [4]byte
	rand.Read(key[:]) // never fails
	for i := range payload {
		payload[i] ^= key[i%len(key)]
	}
	b[1] |= maskBit
	return append(append(b, key[:]...), payload...)
}
