package cbor_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/cbor"
)

var _ session.Codec = cbor.Codec{}

type item struct {
	SKU   string `json:"sku"`
	Count int    `json:"count,omitempty"`
	Price float64
}

type cart struct {
	Items   []item             `json:"items"`
	Coupons map[string]bool    `json:"coupons"`
	Labels  map[int]string     `json:"labels"`
	Key     []byte             `json:"key"`
	Made    time.Time          `json:"made"`
	Ship    *item              `json:"ship"`
	Hosts   map[netip.Addr]int `json:"hosts"`
	Secret  string             `json:"-"`
}

type compact struct {
	Name string `cbor:"1,keyasint"`
	On   bool   `cbor:"2,keyasint"`
}

type tree struct{ Kids []tree }

// grade exports nothing and has the two methods for text.
type grade struct{ n byte }

func (g grade) MarshalText() ([]byte, error) { return []byte{'A' + g.n}, nil }
func (g *grade) UnmarshalText(b []byte) error {
	if len(b) != 1 {
		return errors.New("a grade is one letter")
	}
	g.n = b[0] - 'A'
	return nil
}

// money exports nothing and has the two methods for JSON only.
type money struct{ cents int64 }

func (m money) MarshalJSON() ([]byte, error)  { return json.Marshal(m.cents) }
func (m *money) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &m.cents) }

var madeAt = time.Date(2026, 3, 1, 23, 30, 0, 123456789, time.FixedZone("", 2*3600))

// corpus has values of many types that come back as they were.
func corpus() []any {
	return []any{
		nil, true, false, 0, 1, -1, 23, 24, -17, -24, -25, -256, -257, -65536, -65537,
		int8(-5), int64(math.MaxInt64), int64(math.MinInt64), uint64(math.MaxUint64),
		0.0, 1.5, -0.1, math.Pi, math.Inf(1), float32(0.1), math.MaxFloat64, math.SmallestNonzeroFloat64,
		"", "tea", "0", "茶", "no \xff UTF-8", strings.Repeat("x", 70_000),
		[]byte(nil), []byte{}, []byte{0xff, 0xfe}, [4]byte{1, 2, 3, 4},
		[]string(nil), []string{}, []string{"a", "b"}, []int{3, -20, 1}, [2]bool{true, false},
		map[string]int(nil), map[string]int{}, map[string]int{"b": 1, "a": -300, "aa": 2},
		map[int]string{-20: "x", 20: "y"}, map[[2]int]string{{1, 2}: "z"}, map[netip.Addr]bool{netip.MustParseAddr("10.0.0.1"): true},
		cart{}, &cart{
			Items:   []item{{SKU: "tea", Count: 2, Price: 3.5}, {SKU: "milk"}},
			Coupons: map[string]bool{"spring": true}, Labels: map[int]string{-1: "a", 7: "b"},
			Key: []byte{1, 0xff}, Made: madeAt, Ship: &item{SKU: "box"}, Hosts: map[netip.Addr]int{netip.MustParseAddr("::1"): 1},
		},
		compact{Name: "n", On: true}, tree{Kids: []tree{{}, {Kids: []tree{{}}}}},
		*big.NewInt(-17), *new(big.Int).Lsh(big.NewInt(1), 100), time.Time{}, madeAt, madeAt.UTC(), time.Minute,
		netip.MustParseAddrPort("[::1]:80"), url.URL{Scheme: "https", Host: "example.com", User: url.UserPassword("u", "p")},
		grade{2}, []grade{{0}, {1}}, map[grade]int{{3}: 1},
	}
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	data, err := cbor.Codec{}.Marshal(v)
	if err != nil {
		t.Fatalf("encode %T %v: %v", v, v, err)
	}
	return data
}

func TestValuesComeBackAsTheyWere(t *testing.T) {
	for _, v := range corpus() {
		data := encode(t, v)
		if v == nil {
			v = (*int)(nil)
		}
		back := reflect.New(reflect.TypeOf(v))
		if err := (cbor.Codec{}).Unmarshal(data, back.Interface()); err != nil {
			t.Errorf("%T %v: %v", v, v, err)
			continue
		}
		got := back.Elem().Interface()
		if again := encode(t, got); !bytes.Equal(again, data) {
			t.Errorf("%T: encodes as %x, and what comes back as %x", v, data, again)
		}
		if !same(got, v) {
			t.Errorf("%T: got %+v, want %+v", v, got, v)
		}
	}
}

// same is equality that takes instants for what they are.
func same(got, want any) bool {
	switch want := want.(type) {
	case time.Time:
		_, g := got.(time.Time).Zone()
		_, w := want.Zone()
		return got.(time.Time).Equal(want) && g == w
	case *cart:
		g := *got.(*cart)
		if !g.Made.Equal(want.Made) {
			return false
		}
		g.Made = want.Made
		return reflect.DeepEqual(g, *want)
	case big.Int:
		g := got.(big.Int)
		return g.Cmp(&want) == 0
	}
	return reflect.DeepEqual(got, want)
}

func TestNoEncodingBeginsWithATagOfPackageSession(t *testing.T) {
	for _, v := range corpus() {
		if data := encode(t, v); data[0] >= 0xFE {
			t.Errorf("%T %v begins with %x", v, v, data[0])
		}
	}
	for n := -70_000; n <= 70_000; n++ {
		if data := encode(t, n); data[0] >= 0xFE {
			t.Fatalf("%d begins with %x", n, data[0])
		}
	}
}

func TestNothingIsBothJSONAndCBOR(t *testing.T) {
	values := corpus()
	for n := -70_000; n <= 70_000; n += 7 {
		values = append(values, n)
	}
	for _, v := range values {
		if data := encode(t, v); json.Valid(data) {
			t.Errorf("%T %v: its encoding %q is JSON", v, v, data)
		}
		data, err := json.Marshal(v)
		if err != nil {
			continue // no JSON form
		}
		var got any
		if err := (cbor.Codec{}).Unmarshal(data, &got); err == nil {
			t.Errorf("JSON %.40s decodes as %v", data, got)
		}
	}
}

func TestAnyKeepsWhatJSONMixesUp(t *testing.T) {
	in := map[string]any{
		"int": 7, "big": uint64(math.MaxUint64), "float": 7.0, "bytes": []byte("b"), "text": "b",
		"time": madeAt, "list": []any{1, nil, true}, "map": map[int]string{1: "a"}, "deep": map[string]any{"x": -20},
	}
	var out map[string]any
	if err := (cbor.Codec{}).Unmarshal(encode(t, in), &out); err != nil {
		t.Fatal(err)
	}
	if at, ok := out["time"].(time.Time); !ok || !at.Equal(madeAt) {
		t.Errorf("time: got %T %v", out["time"], out["time"])
	}
	delete(out, "time")
	want := map[string]any{
		"int": int64(7), "big": *new(big.Int).SetUint64(math.MaxUint64), "float": 7.0, "bytes": []byte("b"), "text": "b",
		"list": []any{int64(1), nil, true}, "map": map[any]any{int64(1): "a"}, "deep": map[any]any{"x": int64(-20)},
	}
	if !reflect.DeepEqual(out, want) {
		t.Errorf("got  %#v\nwant %#v", out, want)
	}
}

func TestOneValueHasOneEncoding(t *testing.T) {
	words := strings.Fields("a b c d e f g h i j k l m n o p q r s t u v w x y z aa bb cc dd ee ff")
	first := ""
	for range 50 {
		m := map[string]any{}
		for i, w := range words {
			m[w] = map[int]int{i: 1, -i: 2, i * 300: 3}
		}
		if data := hex.EncodeToString(encode(t, m)); first == "" {
			first = data
		} else if data != first {
			t.Fatal("two encodings of one map")
		}
	}
	now := time.Now()
	if a, b := encode(t, now), encode(t, now.Round(0)); !bytes.Equal(a, b) {
		t.Errorf("a monotonic reading changes %x to %x", a, b)
	}
	for v, want := range map[any]string{1.0: "f93c00", float32(1): "f93c00", 1: "01", uint8(1): "01", math.NaN(): "f97e00", -17: "d9d9f730"} {
		if got := hex.EncodeToString(encode(t, v)); got != want {
			t.Errorf("%T %v: got %s, want %s", v, v, got, want)
		}
	}
}
