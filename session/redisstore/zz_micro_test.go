package redisstore

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

func BenchmarkZZDecode(b *testing.B) {
	f := map[string]string{"_f": "1", "_v": "1764000000000-AAAAAAAAAAAAAAAA", "_g": "1", "_k": strings.Repeat("k", 32), "_c": "1764000000000", "_a": "1764000000000", "_i": "3600000", "_z": "1000", "_w": strings.Repeat("\nAAAAAAAAAAAAAAAA:1764000000000:,", 16)}
	for i := range 8 {
		f[fmt.Sprint("@attribute", i)] = strings.Repeat("x", 130)
	}
	p := []byte(packed(f))
	p = append([]byte{0xdc, 0, byte(2*len(f) + 1)}, p[3:]...)
	p = append(p, 0xa0|17)
	p = append(p, "0 1 1764000000000"...)
	r := reply{text: string(p), bytes: p}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeLoad(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkZZRequest(b *testing.B) {
	b.ReportAllocs()
	opt := session.LoadOptions{Verifiers: []session.Hash{{1}}}
	for b.Loop() {
		var space [256]byte
		var ends [4]int
		r := request{text: space[:0], ends: ends[:0]}
		r.session("test:", "0123456789abcdef")
		r.load("", &opt)
		r.parts()
	}
}

func BenchmarkZZChange(b *testing.B) {
	b.ReportAllocs()
	c := session.Change{WriteID: "0123456789abcdef", Generation: 1, NotAfter: time.Now(), Ops: []session.Op{{Name: "attribute0", Value: []byte("0123456789abcdef")}}}
	for b.Loop() {
		if err := c.Check(); err != nil {
			b.Fatal(err)
		}
		var space [512]byte
		var ends [16]int
		r := request{text: space[:0], ends: ends[:0]}
		r.session("test:", "0123456789abcdef")
		r.change("", &c)
		r.parts()
	}
}

func BenchmarkZZDone(b *testing.B) {
	b.ReportAllocs()
	c := session.Change{WriteID: "0123456789abcdef"}
	for b.Loop() {
		if _, err := parseDone("ok 00 1795616862401 1 1795616862401 , 1795616817844-0123456789abcdef", &c); err != nil {
			b.Fatal(err)
		}
	}
}
