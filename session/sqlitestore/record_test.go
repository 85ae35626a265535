package sqlitestore

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func records() map[string]*session.Record {
	full := &session.Record{
		Format:     session.Format,
		Version:    session.Version{N: 1764000000123, Write: "AbC-_9"},
		Generation: 3,
		Verifier:   session.Hash{0: 0xff, 31: 7},
		Superseded: []session.Superseded{
			{Verifier: session.Hash{9}, Generation: 2, LoadUntil: at(5), CommitUntil: at(6)},
			{Verifier: session.Hash{8}, Generation: 1, Open: true, SignIn: true, Fenced: []string{"a b", "", "*"}},
		},
		Created:  at(1),
		Accessed: at(0),
		Idle:     30 * time.Minute,
		Absolute: at(math.MaxInt32),
		Writes: []session.Write{
			{ID: "w 1", Base: 0},
			{ID: `"`, Base: -4, Values: []int64{math.MinInt64, 0, math.MaxInt64}},
		},
		Principal:     "mallory\n_p alice",
		Epoch:         -1,
		Authenticated: at(3),
		Persistent:    true,
		Attributes: map[string][]byte{
			"cart":         []byte("line\n@fake 3\nabc\n_z 00000000\n"),
			"empty":        {},
			"größe":        {0, 255},
			"\xff\x00\n@ ": []byte("name of any bytes"),
		},
	}
	for name, value := range full.Attributes {
		full.Size += len(name) + len(value)
	}
	return map[string]*session.Record{
		"full":      full,
		"plain":     {Format: session.Format, Version: session.Version{N: -7, Write: "-x"}, Attributes: map[string][]byte{}},
		"tombstone": {Format: session.Format, Gone: session.ReasonSignOut, Idle: time.Minute},
	}
}

func TestRecordSurvivesEncoding(t *testing.T) {
	for name, want := range records() {
		t.Run(name, func(t *testing.T) {
			got, err := decode(encode(want))
			if err != nil {
				t.Fatalf("decode: %v\n%s", err, encode(want))
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v\n%s", got, want, encode(want))
			}
		})
	}
}

// Each damaged byte, and each end of the record, must be noticed.
func TestDamageIsNoticed(t *testing.T) {
	for name, rec := range records() {
		whole := encode(rec)
		for i := range whole {
			if _, err := decode(whole[:i]); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%s cut at %d: got error %v, want ErrCorrupt", name, i, err)
			}
			damaged := bytes.Clone(whole)
			damaged[i] ^= 0x10
			if _, err := decode(damaged); !errors.Is(err, ErrCorrupt) && !errors.Is(err, session.ErrFormat) {
				t.Fatalf("%s with bit 4 of byte %d flipped: got error %v, want ErrCorrupt", name, i, err)
			}
		}
	}
}

func sealed(body string) []byte {
	return append(append([]byte("_f 1\n"), seal([]byte(body))...), body...)
}

func TestRecordWithoutFormat(t *testing.T) {
	for _, b := range []string{"", "_f", "_f 1", "_v 1-x\n", "_f x\n", "_f \n"} {
		if _, err := decode([]byte(b)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%q: got error %v, want ErrCorrupt", b, err)
		}
	}
}

// Records whose check sum is right and whose contents are not.
func TestMalformedRecords(t *testing.T) {
	for _, body := range []string{
		"_q 1\n",
		"_g\n",
		"_g 1 2\n",
		"_v 1\n",
		"_v \n",
		"_k AAAA\n",
		"_i -1\n",
		"_i 9223372036854775807\n",
		"_p \"open\n",
		"_o \n",
		"_w id\n",
		"_w id 1 x\n",
		"@a\n\n",
		"@a 2\nb\n",
		"@a -1\nb\n",
		"@a 1\nb\n@a 1\nb\n",
		"@a 99999999999999999999\nb\n",
	} {
		if _, err := decode(sealed(body)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%q: got error %v, want ErrCorrupt", body, err)
		}
	}
}

func TestUnknownFormatIsNotCorrupt(t *testing.T) {
	for _, format := range []int{session.Format + 1, session.Format + 100, 0, -1} {
		b := fmt.Appendf(nil, "_f %d\nwhatever the future brings", format)
		_, err := decode(b)
		if !errors.Is(err, session.ErrFormat) || errors.Is(err, ErrCorrupt) {
			t.Errorf("format %d: got error %v, want ErrFormat alone", format, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, rec := range records() {
		f.Add(encode(rec))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		// Sealed, or no mutation would get past the check sum.
		body := b[min(len(b), len("_f 1\n_z 00000000\n")):]
		for _, b := range [][]byte{b, sealed(string(body))} {
			rec, err := decode(b)
			if err != nil {
				if rec != nil || !errors.Is(err, ErrCorrupt) && !errors.Is(err, session.ErrFormat) {
					t.Fatalf("got %v, %v", rec, err)
				}
				continue
			}
			again, err := decode(encode(rec))
			if err != nil || !reflect.DeepEqual(again, rec) {
				t.Fatalf("got %+v, %v\nwant %+v", again, err, rec)
			}
		}
	})
}
