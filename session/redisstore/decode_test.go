package redisstore

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

var hash32 = strings.Repeat("k", 32)

// stored is a record as the server has it, with everything.
func stored() map[string]string {
	return map[string]string{
		"_f": "1", "_v": "1764000000123-A%00b", "_g": "3", "_k": hash32,
		"_o": strings.Repeat("\n", 32) + "2 1764000000500 0 1764000000600 0\n" + hash32 + "1  1  1\ta b\tä\n",
		"_c": "1764000000000", "_a": "1764000000100", "_i": "1800000", "_x": "-5",
		"_w": "\nstart:0:\nA%00b:1764000000000:,-9223372036854775808,9223372036854775807,,",
		"_p": "alice\n_p", "_e": "9", "_t": "1764000000001", "_l": "1", "_z": "9", "@": "\x00", "@_v": "1\n",
	}
}

// packedReply is what a script replies.
func packedReply(fields map[string]string, head string) string {
	list := packed(fields)
	u := unpacker{reply: reply{text: list}.owned()}
	n := u.array()
	b := packHead(nil, n+1, 0x90, 16, [3]byte{0, 0xdc, 0xdd})
	return string(append(packHead(append(b, list[u.at:]...), len(head), 0xa0, 32, [3]byte{0xd9, 0xda, 0xdb}), head...))
}

func TestEveryFieldIsDecoded(t *testing.T) {
	at := func(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
	var old, current session.Hash
	copy(old[:], strings.Repeat("\n", 32))
	copy(current[:], hash32)
	want := &session.Record{
		Format: 1, Version: session.Version{N: 1764000000123, Write: "A\x00b"}, Generation: 3, Verifier: current,
		Superseded: []session.Superseded{
			{Verifier: old, Generation: 2, LoadUntil: at(1764000000500), CommitUntil: at(1764000000600)},
			{Verifier: current, Generation: 1, Open: true, SignIn: true, Fenced: []string{"a b", "ä"}},
		},
		Created: at(1764000000000), Accessed: at(1764000000100), Idle: 30 * time.Minute, Absolute: at(-5),
		Writes: []session.Write{
			{ID: "start", Values: []int64{}},
			{ID: "A\x00b", Base: 1764000000000, Values: []int64{0, -1 << 63, 1<<63 - 1, 0}},
		},
		Principal: "alice\n_p", Epoch: 9, Authenticated: at(1764000000001), Persistent: true, Size: 9,
		Attributes: map[string][]byte{"": {0}, "_v": []byte("1\n")}, Now: at(7), Presented: 1,
	}
	got, err := decodeLoad(reply{text: packedReply(stored(), "1 0 7")}.owned())
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	tombstone := stored()
	tombstone["_d"] = "logout"
	if got, err := decodeLoad(reply{text: packedReply(tombstone, "1 0 7")}.owned()); err != nil || got.Gone != "logout" || got.Attributes != nil {
		t.Errorf("tombstone: got %+v, %v", got, err)
	}
}

// Long strings and many fields have other heads.
func TestLongRepliesAreDecoded(t *testing.T) {
	for _, size := range []int{31, 32, 255, 256, 65535, 65536} {
		fields := stored()
		fields["@long"] = strings.Repeat("x", size)
		for i := range 10 + size/10 {
			fields[fmt.Sprint("@", i)] = ""
		}
		rec, err := decodeLoad(reply{text: packedReply(fields, "0 1 7")}.owned())
		if err != nil || len(rec.Attributes["long"]) != size || len(rec.Attributes) != 3+10+size/10 {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestWhatIsMalformedIsNotDecoded(t *testing.T) {
	for field, values := range map[string][]string{
		"_f": {"", "x", "1 "}, "_v": {"", "1", "-", "1-", "-1", "x-y", "1-%", "1-%0", "1-%zz"}, "_g": {"", "1.0"},
		"_k": {"", hash32 + "k", hash32[1:]}, "_c": {"x"}, "_a": {"1e3"}, "_i": {"-1", "9223372036854775807"}, "_x": {" 1"},
		"_o": {"", "\n", hash32, hash32 + "\n", hash32 + "1  1  1", hash32 + "1  2  1\n", hash32 + "1  1  \n", hash32 + "x  1  1\n", hash32 + "1  1  1 1\n", hash32 + "1  1  1\nx"},
		"_w": {"", "\n", "x", "\nid", "\nid:", "\nid:1", "\n:1:", "\nid::", "\nid:x:", "\nid:1:1", "\nid:1:x,", "\nid:1:-,", "\nid:1:99999999999999999999,", "\nid:1:,\n", "id:1:"},
		"_e": {"", "x"}, "_t": {"x"}, "_z": {"x"}, "_q": {"1"}, "x": {"1"},
	} {
		for _, value := range values {
			fields := stored()
			fields[field] = value
			if rec, err := decodeLoad(reply{text: packedReply(fields, "0 1 7")}.owned()); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s=%q: got %+v, %v", field, value, rec, err)
			}
		}
	}
	whole := packedReply(stored(), "0 1 7")
	for i := range whole {
		if rec, err := decodeLoad(reply{text: whole[:i]}.owned()); err == nil || class(err) != "no verdict" {
			t.Fatalf("cut at %d: got %+v, %v", i, rec, err)
		}
	}
}

// Only the words that scripts use are verdicts.
func TestOtherRepliesAreNoVerdict(t *testing.T) {
	for _, text := range []string{"", "x", "absently", "ok", "ok 00", "ok 00 1 1 1 ,", "ok 00 x 1 1 , ", "ok 00 1 1 1 x, 1-a", "late x", "\x91"} {
		c := &session.Change{WriteID: "w"}
		if _, err := parseDone(text, c); text != "ok 00 1 1 1 ," && (err == nil || class(err) != "no verdict") {
			t.Errorf("commit: %q: got error %v", text, err)
		}
		if rec, err := decodeLoad(reply{text: text}.owned()); err == nil || class(err) != "no verdict" {
			t.Errorf("load: %q: got %+v, %v", text, rec, err)
		}
	}
}

func FuzzDecodeLoad(f *testing.F) {
	f.Add(packedReply(stored(), "0 1 1764000000000"))
	f.Add("gone logout")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		r := reply{text: text}.owned()
		rec, err := decodeLoad(r)
		if (rec == nil) == (err == nil) {
			t.Fatalf("got %v, %v", rec, err)
		}
		if rec == nil {
			return
		}
		for name, value := range rec.Attributes { // an append to a value reaches no other
			_ = append(value, "overrun"...)
			rec.Attributes[name] = value
		}
		if string(r.bytes) != text {
			t.Fatal("values are parts of one another")
		}
	})
}

// FuzzDecodeFields gets behind the packing.
func FuzzDecodeFields(f *testing.F) {
	for field, value := range stored() {
		f.Add(field, value)
	}
	f.Fuzz(func(t *testing.T, field, value string) {
		fields := stored()
		fields[field] = value
		rec, err := decodeLoad(reply{text: packedReply(fields, "0 1 7")}.owned())
		switch {
		case err != nil && (rec != nil || !errors.Is(err, ErrCorrupt)):
			t.Fatalf("got %v, %v", rec, err)
		case err == nil && field != "" && field[0] == '@' && string(rec.Attributes[field[1:]]) != value:
			t.Fatalf("got %q", rec.Attributes)
		case err == nil && (rec.Verifier == session.Hash{} && value != string(make([]byte, 32)) || len(rec.Writes) == 0):
			t.Fatalf("got %+v", rec)
		}
	})
}

func FuzzWriteID(f *testing.F) {
	for _, id := range []string{"a", "%", "%41", "\x00", "AZaz09-_", "ä:\n "} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		escaped := string(appendWriteID(nil, id))
		if strings.ContainsAny(escaped, ": \n\t\x00") {
			t.Fatalf("%q is no word", escaped)
		}
		if got, ok := parseWriteID(escaped); got != id || ok != (id != "") {
			t.Fatalf("%q became %q and then %q, %v", id, escaped, got, ok)
		}
	})
}
