package streams

import "encoding/binary"

// Frames follows the frames of one direction of a WebSocket (RFC 6455, 5.2).
// The zero value is at the start of the first frame. Not safe for concurrent
// use.
type Frames struct {
	head   [14]byte
	have   uint8  // bytes of head
	left   uint64 // of the payload
	within bool   // a message of several frames
	state  framesState
}

type framesState uint8

const (
	following framesState = iota
	closing               // the head of a Close frame has come
	closed                // all of it: nothing that follows is a frame
	lost                  // this is no WebSocket: a length of 2^63 or more
)

// The bits and opcodes that matter here.
const (
	finBit      = 0x80 // of the first byte
	opcodeBits  = 0x0f
	controlBit  = 0x08
	opcodeClose = 0x08
	maskBit     = 0x80 // of the second byte
	lengthBits  = 0x7f
)

// Scan follows p. It returns after how many bytes of p the last message and
// the last frame in it end, -1 if none does. A control frame between the
// frames of a message ends a frame, but no message.
func (f *Frames) Scan(p []byte) (message, frame int) {
	message, frame = -1, -1
	for i := 0; i < len(p) && f.state < closed; {
		if f.left == 0 {
			n, whole := f.readHead(p[i:])
			i += n
			if !whole {
				break
			}
		}
		n := min(f.left, uint64(len(p)-i))
		f.left -= n
		i += int(n)
		if f.left == 0 {
			f.endFrame()
			frame = i
			if !f.within {
				message = i
			}
		}
	}
	return message, frame
}

// Advance follows n bytes of payload, at most Left.
func (f *Frames) Advance(n uint64) {
	if n == 0 {
		return
	}
	if f.left -= n; f.left == 0 {
		f.endFrame()
	}
}

// readHead takes the bytes of a frame's head from p and reports whether it is
// whole.
func (f *Frames) readHead(p []byte) (n int, whole bool) {
	for _, b := range p {
		f.head[f.have] = b
		f.have++
		n++
		if f.have >= 2 && int(f.have) == f.headSize() {
			return n, f.beginFrame()
		}
	}
	return n, false
}

// headSize is 2 bytes, the longer forms of the length, and the masking key.
func (f *Frames) headSize() int {
	size := 2
	switch f.head[1] & lengthBits {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if f.head[1]&maskBit != 0 {
		size += 4
	}
	return size
}

func (f *Frames) beginFrame() bool {
	switch n := f.head[1] & lengthBits; n {
	case 126:
		f.left = uint64(binary.BigEndian.Uint16(f.head[2:]))
	case 127:
		f.left = binary.BigEndian.Uint64(f.head[2:])
	default:
		f.left = uint64(n)
	}
	if f.left>>63 != 0 {
		f.state, f.left = lost, 0
		return false
	}
	if opcode := f.head[0] & opcodeBits; opcode == opcodeClose {
		f.state = closing
	} else if opcode&controlBit == 0 {
		f.within = true // until this frame has ended
	}
	return true
}

func (f *Frames) endFrame() {
	f.have = 0
	switch {
	case f.state == closing:
		f.state = closed
	case f.head[0]&controlBit == 0 && f.head[0]&finBit != 0:
		f.within = false
	}
}

// Left is how much of the present frame's payload is to come.
func (f *Frames) Left() uint64 { return f.left }

// BetweenFrames reports whether a frame may be put in here.
func (f *Frames) BetweenFrames() bool { return f.state == following && f.have == 0 }

// BetweenMessages reports whether a message may be put in here.
func (f *Frames) BetweenMessages() bool { return f.BetweenFrames() && !f.within }

// Closing reports whether a Close frame has begun.
func (f *Frames) Closing() bool { return f.state == closing || f.state == closed }

// Closed reports whether a Close frame is complete.
func (f *Frames) Closed() bool { return f.state == closed }
