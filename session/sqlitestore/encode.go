package sqlitestore

import (
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// The stored form of a record is text, one line per field, so that a person
// can read it in any SQLite shell:
//
//	_f 1                                  format, always first
//	_z 1a2b3c4d                           CRC-32C of all that follows
//	_v 1764000000000-WRITEID              version
//	_g 2                                  generation
//	_k BASE64URL                          SHA-256 of the verifier
//	_c, _a, _x 1764000000000              created, accessed, absolute; Unix ms, no line is zero
//	_i 1800000                            idle timeout, ms
//	_p alice                              principal
//	_e 7                                  its epoch
//	_t 1764000000000                      last sign-in
//	_l 1                                  the cookie outlives the browser
//	_d logout                             tombstone, with its reason
//	_o HASH GEN LOAD OPEN COMMIT SIGNIN NAME…   a superseded generation, newest first
//	_w ID BASE VALUE…                     a recent write, oldest first
//	@cart 12                              an attribute's name and size; its value
//	and a line feed follow
//
// Words that are not plain are quoted as Go strings. Fields with their zero
// value have no line. The size of a record is not stored: it is what its
// attributes add up to. What changes with every write stands in front: SQLite
// leaves pages alone that stay the same when a row keeps its size.

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode returns the stored form of a record.
func encode(r *session.Record) []byte {
	b := make([]byte, 0, 512+64*len(r.Writes)+r.Size+16*len(r.Attributes))
	b = number(b, "_f ", int64(r.Format))
	sum := len(b)
	b = append(b, seal(nil)...)
	body := len(b)
	b = append(b, "_v "...)
	b = strconv.AppendInt(b, r.Version.N, 10)
	b = append(b, '-')
	b = append(word(b, r.Version.Write), '\n')
	b = number(b, "_g ", r.Generation)
	b = append(base64.RawURLEncoding.AppendEncode(append(b, "_k "...), r.Verifier[:]), '\n')
	b = instant(b, "_c ", r.Created)
	b = instant(b, "_a ", r.Accessed)
	b = instant(b, "_x ", r.Absolute)
	b = number(b, "_i ", r.Idle.Milliseconds())
	b = text(b, "_p ", r.Principal)
	b = number(b, "_e ", r.Epoch)
	b = instant(b, "_t ", r.Authenticated)
	if r.Persistent {
		b = number(b, "_l ", 1)
	}
	b = text(b, "_d ", string(r.Gone))
	for i := range r.Superseded {
		b = superseded(b, &r.Superseded[i])
	}
	for i := range r.Writes {
		b = write(b, &r.Writes[i])
	}
	for _, name := range slices.Sorted(maps.Keys(r.Attributes)) {
		value := r.Attributes[name]
		b = append(word(append(b, '@'), name), ' ')
		b = append(strconv.AppendInt(b, int64(len(value)), 10), '\n')
		b = append(append(b, value...), '\n')
	}
	copy(b[sum:], seal(b[body:]))
	return b
}

// seal is the line with the check sum of a body. Its length is always the
// same.
func seal(body []byte) []byte {
	return fmt.Appendf(nil, "_z %08x\n", crc32.Checksum(body, castagnoli))
}

func number(b []byte, field string, n int64) []byte {
	if n == 0 {
		return b
	}
	return append(strconv.AppendInt(append(b, field...), n, 10), '\n')
}

func instant(b []byte, field string, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	return append(moment(append(b, field...), t), '\n')
}

func text(b []byte, field, s string) []byte {
	if s == "" {
		return b
	}
	return append(word(append(b, field...), s), '\n')
}

func superseded(b []byte, s *session.Superseded) []byte {
	b = base64.RawURLEncoding.AppendEncode(append(b, "_o "...), s.Verifier[:])
	b = strconv.AppendInt(append(b, ' '), s.Generation, 10)
	b = moment(append(b, ' '), s.LoadUntil)
	b = strconv.AppendBool(append(b, ' '), s.Open)
	b = moment(append(b, ' '), s.CommitUntil)
	b = strconv.AppendBool(append(b, ' '), s.SignIn)
	for _, name := range s.Fenced {
		b = word(append(b, ' '), name)
	}
	return append(b, '\n')
}

func write(b []byte, w *session.Write) []byte {
	b = word(append(b, "_w "...), w.ID)
	b = strconv.AppendInt(append(b, ' '), w.Base, 10)
	for _, v := range w.Values {
		b = strconv.AppendInt(append(b, ' '), v, 10)
	}
	return append(b, '\n')
}

// moment writes a time in Unix milliseconds, "-" if it is zero.
func moment(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, '-')
	}
	return strconv.AppendInt(b, t.UnixMilli(), 10)
}

// word writes a string without spaces or line feeds outside quotes.
func word(b []byte, s string) []byte {
	plain := s != ""
	for i := range len(s) {
		plain = plain && s[i] > ' ' && s[i] < 0x7f && s[i] != '"'
	}
	if plain {
		return append(b, s...)
	}
	return strconv.AppendQuote(b, s)
}
