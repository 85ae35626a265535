package session_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/evenkeel/evenkeel/session"
)

func TestEncodeElements(t *testing.T) {
	for _, test := range []struct {
		elements []string
		want     string
	}{
		{nil, "\xff"},
		{[]string{""}, "\xff\x00"},
		{[]string{"a", "", "bc"}, "\xff\x01a\x00\x02bc"},
		{[]string{string(make([]byte, 128))}, "\xff\x80\x01" + string(make([]byte, 128))},
	} {
		var elements [][]byte
		for _, e := range test.elements {
			elements = append(elements, []byte(e))
		}
		if got := string(session.EncodeElements(elements)); got != test.want {
			t.Errorf("%q: got %q, want %q", test.elements, got, test.want)
		}
		back, err := session.DecodeElements([]byte(test.want))
		if err != nil || fmt.Sprintf("%q", back) != fmt.Sprintf("%q", elements) {
			t.Errorf("%q: decoded %q, error %v", test.elements, back, err)
		}
	}
}

func TestDecodeElementsIsStrict(t *testing.T) {
	for what, value := range map[string]string{
		"nothing":                    "",
		"text":                       "abc",
		"JSON":                       `["a"]`,
		"a counter":                  "12",
		"a cut element":              "\xff\x02a",
		"a cut length":               "\xff\x80",
		"a length with padding":      "\xff\x81\x00a",
		"a zero length with padding": "\xff\x80\x00",
		"a length over 63 bits":      "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
		"a length over 64 bits":      "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
	} {
		if elements, err := session.DecodeElements([]byte(value)); err == nil {
			t.Errorf("%s: decoded %q, want an error", what, elements)
		}
	}
}

func TestDecodedElementsDoNotOverlap(t *testing.T) {
	elements, err := session.DecodeElements([]byte("\xff\x01a\x01b"))
	if err != nil {
		t.Fatal(err)
	}
	_ = append(elements[0], 'X', 'Y')
	if string(elements[1]) != "b" {
		t.Errorf("appending to one element changed the next to %q", elements[1])
	}
}

func FuzzDecodeElements(f *testing.F) {
	for _, seed := range []string{"\xff", "\xff\x00", "\xff\x01a\x02bc", "\xff\x81\x00a", "\xff\x80\x01", "[]", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		elements, err := session.DecodeElements(value)
		if err != nil {
			return
		}
		if back := session.EncodeElements(elements); !bytes.Equal(back, value) {
			t.Errorf("%q decodes to %q, which encodes to %q", value, elements, back)
		}
	})
}

func ExampleEncodeElements() {
	value := session.EncodeElements([][]byte{[]byte("apple"), []byte("pear")})
	fmt.Printf("%q\n", value)
	elements, err := session.DecodeElements(value)
	fmt.Printf("%q %v\n", elements, err)
	// Output:
	// "\xff\x05apple\x04pear"
	// ["apple" "pear"] <nil>
}
