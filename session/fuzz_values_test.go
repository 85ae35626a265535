package session

import (
	"bytes"
	"errors"
	"strconv"
	"testing"
)

// What is stored may come from another release, another service, or a hand in
// the store.
var strangeValues = []string{
	"", "1", "-0", "007", "+1", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
	`"tea"`, `{"n":1}`, "[]", "null", "\xff", "\xff\x01a\x01a", "\xff\x01a\x01b", "\xff\x80\x00", "\xff\x05a",
	"\xfe", "\xfe\x01", "\xfe\x02\"a\"", "\xfe\x82\x00\"a\"", "\xfe\x03\"a\"", "\xfe\x04{}", "\xfe\x80\x80\x80\x80\x08x",
	"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
}

func addStrange(f *testing.F) {
	f.Helper()
	for _, v := range strangeValues {
		f.Add([]byte(v))
	}
}

func FuzzStoredVersion(f *testing.F) {
	addStrange(f)
	f.Fuzz(func(t *testing.T, value []byte) {
		version, data, ok := storedVersion(value)
		switch tagged := len(value) > 0 && value[0] == versionTag; {
		case !ok && (version != 0 || data != nil || !tagged):
			t.Errorf("%q is refused, and read as version %d, %q", value, version, data)
		case ok && !tagged && (version != 1 || !bytes.Equal(data, value)):
			t.Errorf("%q without a version is read as %d, %q", value, version, data)
		case ok && tagged && (version < 2 || !bytes.HasSuffix(value, data)):
			t.Errorf("%q is read as version %d, %q", value, version, data)
		}
	})
}

// An attribute of version 3, one of version 1 that meets newer ones, and
// whatever is stored: a value, or an error that says which of the two it is.
func FuzzDecodeAttribute(f *testing.F) {
	addStrange(f)
	newest := newAttribute("a", []AttributeOption{
		Upgrade(2, func(s string) (int, error) { return strconv.Atoi(s) }),
		Upgrade(3, func(n int) ([]int, error) { return []int{n}, nil }),
	})
	oldest := newAttribute("a", nil)
	f.Fuzz(func(t *testing.T, value []byte) {
		kept := bytes.Clone(value)
		list, err := decode[[]int](&newest, value)
		if err != nil && (!errors.Is(err, ErrUndecodable) || list != nil) {
			t.Errorf("%q: %v, with the value %v", value, err, list)
		}
		if text, err := decode[string](&oldest, value); err != nil && (!errors.Is(err, ErrUndecodable) || text != "") {
			t.Errorf("%q: %v, with the value %q", value, err, text)
		}
		if newest.newer(value) && !oldest.newer(value) {
			t.Errorf("%q is newer than version 3, but not than version 1", value)
		}
		if err == nil {
			stored, err := newest.encode(list)
			again, err2 := decode[[]int](&newest, stored)
			if errors.Join(err, err2) != nil || len(again) != len(list) {
				t.Errorf("%q is %v, which is stored as %q and read as %v: %v", value, list, stored, again, errors.Join(err, err2))
			}
		}
		if !bytes.Equal(kept, value) {
			t.Errorf("%q was changed to %q", kept, value)
		}
	})
}

// A merge that meets a value of another kind refuses, and changes nothing;
// where it succeeds, what it leaves is of its own kind.
func FuzzMergesMeetStrangeValues(f *testing.F) {
	for i, v := range strangeValues {
		f.Add([]byte(v), []byte("a"), int64(i-3), uint8(i))
	}
	f.Fuzz(func(t *testing.T, stored, element []byte, n int64, max uint8) {
		for _, op := range []Op{
			{Kind: OpAdd, Name: "a", N: n},
			{Kind: OpAppend, Name: "a", Elements: [][]byte{element}, Max: int(max)},
			{Kind: OpUnion, Name: "a", Elements: [][]byte{element, element}},
			{Kind: OpDiff, Name: "a", Elements: [][]byte{element}},
		} {
			was := bytes.Clone(stored)
			state := attributes{"a": was}
			values, err := state.apply([]Op{op})
			if !bytes.Equal(was, stored) {
				t.Fatalf("kind %d changed the stored bytes %q in place, to %q", op.Kind, stored, was)
			}
			if err != nil {
				if !errors.Is(err, ErrType) || !bytes.Equal(state["a"], stored) {
					t.Errorf("kind %d on %q: %v, and it is %q", op.Kind, stored, err, state["a"])
				}
				continue
			}
			if op.Kind == OpAdd {
				if state["a"] == nil || string(state["a"]) != strconv.FormatInt(values[0], 10) {
					t.Errorf("add to %q made %q and returned %d", stored, state["a"], values[0])
				}
				continue
			}
			elements, err := DecodeElements(state["a"])
			if err != nil || max > 0 && op.Kind == OpAppend && len(elements) > int(max) {
				t.Errorf("kind %d on %q left %q: %v", op.Kind, stored, state["a"], err)
			}
		}
	})
}
