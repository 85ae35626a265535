package cbor_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session/cbor"
)

func TestDataThatIsRefused(t *testing.T) {
	nested := func(levels int) string { return strings.Repeat("81", levels) + "00" }
	for what, data := range map[string]string{
		"nothing":                       "",
		"a cut integer":                 "19",
		"a cut text":                    "6561",
		"trailing bytes":                "0000",
		"a break":                       "ff",
		"a reserved head":               "fe",
		"a reserved length":             "1c",
		"an endless array":              "9f00ff",
		"an endless map":                "bf0000ff",
		"endless text":                  "7f6161ff",
		"endless bytes":                 "5f4100ff",
		"a key that occurs twice":       "a2010001ff"[:8] + "02",
		"an array that claims too much": "9bffffffffffffffff",
		"a map that claims too much":    "bbffffffffffffffff",
		"bytes that claim too much":     "5b7fffffffffffffff",
		"one level too many":            nested(cbor.MaxNesting + 1),
		"tags in tags":                  strings.Repeat("c6", cbor.MaxNesting+2) + "00",
		"one element too many":          "9a00010001" + strings.Repeat("00", cbor.MaxElements+1),
		"one pair too many":             "ba00010001" + strings.Repeat("00", 2*cbor.MaxElements+2),
		"a time that is none":           "c06161",
		"a number that is a digit":      "30",
	} {
		raw, err := hex.DecodeString(data)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		var v any
		if err := (cbor.Codec{}).Unmarshal(raw, &v); err == nil {
			t.Errorf("%s: decoded as %.60v", what, v)
		}
	}
	// Controls: what is one less is accepted.
	for what, data := range map[string]string{
		"levels":         nested(cbor.MaxNesting),
		"elements":       "9a00010000" + strings.Repeat("00", cbor.MaxElements),
		"different keys": "a201000200",
		"a marked digit": "d9d9f730",
	} {
		raw, err := hex.DecodeString(data)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		var v any
		if err := (cbor.Codec{}).Unmarshal(raw, &v); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestOtherTypesAreRefused(t *testing.T) {
	for _, test := range []struct {
		in   any
		into any
	}{
		{"text", new(int)}, {1, new(string)}, {-1, new(uint)}, {300, new(int8)}, {1.5, new(int)}, {[]byte("b"), new(string)},
		{"text", new([]byte)}, {map[string]int{"a": 1}, new([]int)}, {[]string{"a"}, new([]int)}, {"2026", new(time.Time)},
		{map[string]string{"sku": "x", "count": "many"}, new(item)},
	} {
		if err := (cbor.Codec{}).Unmarshal(encode(t, test.in), test.into); err == nil {
			t.Errorf("%T %v decodes into %T", test.in, test.in, test.into)
		}
	}
}

func TestADuplicateFieldIsRefused(t *testing.T) {
	raw, err := hex.DecodeString("a2" + "63736b75" + "6161" + "63736b75" + "6162") // {"sku": "a", "sku": "b"}
	if err != nil {
		t.Fatal(err)
	}
	var v item
	if err := (cbor.Codec{}).Unmarshal(raw, &v); err == nil {
		t.Errorf("decoded as %+v", v)
	}
}

// What could not be read back is refused when it is set.
func TestValuesThatAreRefused(t *testing.T) {
	deep := tree{}
	for range cbor.MaxNesting {
		deep = tree{Kids: []tree{deep}}
	}
	for what, v := range map[string]any{
		"too deep":             deep,
		"too many elements":    make([]int, cbor.MaxElements+1),
		"a function":           func() {},
		"a channel":            make(chan int),
		"a complex number":     1i,
		"a year beyond 9999":   time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC),
		"MarshalJSON alone":    money{1},
		"the same, inside":     map[string]any{"a": []money{{1}}},
		"the same, a pointer":  &money{1},
		"raw JSON":             json.RawMessage("{}"),
		"a type of the future": struct{ C chan int }{},
	} {
		if data, err := (cbor.Codec{}).Marshal(v); err == nil {
			t.Errorf("%s: encoded as %.40x", what, data)
		}
	}
	_, err := cbor.Codec{}.Marshal(money{1})
	if err == nil || !strings.Contains(err.Error(), "money") || !strings.Contains(err.Error(), "MarshalText") {
		t.Errorf("got %v, want an error that names the type and what to do", err)
	}
}

func FuzzUnmarshal(f *testing.F) {
	for _, v := range corpus() {
		f.Add(encode(f, v))
		if text, err := json.Marshal(v); err == nil {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		into := []any{new(any), new(cart), new([]string), new(map[string]int), new(int64), new(uint8), new(float64), new(string),
			new(time.Time), new(compact), new(tree), new(grade), new(big.Int), new([]byte), new(*item)}
		for _, v := range into {
			if err := (cbor.Codec{}).Unmarshal(data, v); err != nil {
				continue
			}
			if json.Valid(data) {
				t.Errorf("JSON %q decodes into %T", data, v)
			}
			if _, ok := v.(*any); !ok {
				settles(t, v)
			}
		}
	})
}

// settles checks that what was read can be read again once it has been written,
// and is then the same.
func settles(t *testing.T, v any) {
	first, err := cbor.Codec{}.Marshal(v)
	if err != nil {
		return // such as a time with an offset of a day
	}
	again := reflect.New(reflect.TypeOf(v).Elem()).Interface()
	if err := (cbor.Codec{}).Unmarshal(first, again); err != nil {
		t.Fatalf("%T %+v is written as %x and then refused: %v", v, v, first, err)
	}
	if second := encode(t, again); !bytes.Equal(first, second) {
		t.Errorf("%T: %x is written as %x", v, first, second)
	}
}
