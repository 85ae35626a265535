package cbor_test

import (
	"encoding/json"
	"testing"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/cbor"
)

type jsonCodec struct{}

func (jsonCodec) Marshal(v any) ([]byte, error)      { return json.Marshal(v) }
func (jsonCodec) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

// bench is a cart of 20 lines, as services keep them.
func bench() cart {
	c := cart{Coupons: map[string]bool{"spring": true, "first": false}, Key: make([]byte, 32), Made: madeAt}
	for i := range 20 {
		c.Items = append(c.Items, item{SKU: "SKU-0000-" + string(rune('a'+i)), Count: i + 1, Price: 9.99 + float64(i)})
	}
	return c
}

func BenchmarkCodec(b *testing.B) {
	for name, codec := range map[string]session.Codec{"cbor": cbor.Codec{}, "json": jsonCodec{}} {
		v := bench()
		data, err := codec.Marshal(v)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("encode/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := codec.Marshal(v); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(data)), "bytes")
		})
		b.Run("decode/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var back cart
				if err := codec.Unmarshal(data, &back); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
