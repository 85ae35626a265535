package check

import mathbits "math/bits"

// bits is a set of small numbers.
type bits []uint64

func (b bits) has(i int) bool { return i>>6 < len(b) && b[i>>6]&(1<<(i&63)) != 0 }

// add adds i; room is how many numbers the set may come to hold.
func (b *bits) add(i, room int) {
	if i>>6 >= len(*b) {
		grown := make(bits, max(i, room-1)>>6+1)
		copy(grown, *b)
		*b = grown
	}
	(*b)[i>>6] |= 1 << (i & 63)
}

// without is the lowest number in b and not in o, -1 if there is none.
func (b bits) without(o bits) int {
	for w, word := range b {
		if w < len(o) {
			word &^= o[w]
		}
		if word != 0 {
			return w<<6 + mathbits.TrailingZeros64(word)
		}
	}
	return -1
}
