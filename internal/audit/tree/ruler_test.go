package tree

import (
	"math/rand/v2"
	"testing"
)

// A ruler says in any order what Place says.
func TestRuler(t *testing.T) {
	f := &File{Data: []byte("añb\n\nüü€ x\r\n" + "𝄞 end")}
	random := rand.New(rand.NewPCG(1, 2))
	r := NewRuler(f)
	for range 20_000 {
		at := random.IntN(len(f.Data) + 1)
		for at < len(f.Data) && f.Data[at]&0xc0 == 0x80 {
			at++ // to the beginning of a character
		}
		line, column := r.Place(at)
		if wantLine, wantColumn := f.Place(at); line != wantLine || column != wantColumn {
			t.Fatalf("byte %d: %d:%d, want %d:%d", at, line, column, wantLine, wantColumn)
		}
		if random.IntN(2) == 0 {
			r.Place(random.IntN(2))
		}
		if got := r.Offset(line, column); got != at {
			t.Fatalf("%d:%d: byte %d, want %d", line, column, got, at)
		}
	}
}
