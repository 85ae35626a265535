package redisstore

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// compare compares what is stored with the model, and its expiry if it was
// written just now.
func (w *twin) compare(k *twinKey, wrote bool) error {
	res := w.client.DoMulti(w.ctx,
		w.client.B().Pttl().Key(k.name).Build(),
		w.client.B().Hgetall().Key(k.name).Build(),
		w.client.B().Persist().Key(k.name).Build())
	fields, err := res[1].AsStrMap()
	if err != nil {
		return err
	}
	ttl, err := res[0].AsInt64()
	if err != nil {
		return err
	}
	if k.rec == nil {
		if len(fields) > 0 {
			return fmt.Errorf("stored %q, want nothing", fields)
		}
		return nil
	}
	left := k.rec.Expires().UnixMilli() - w.now.UnixMilli() // too long for a time.Duration, perhaps
	if left < 1000 && wrote {
		// About to end, or ended, on the server's own clock as well.
		k.rec = nil
		return w.client.Do(w.ctx, w.client.B().Del().Key(k.name).Build()).Error()
	}
	// The other record of the two keys is compared with a moved clock, so what
	// is no longer alive may still be stored.
	rec := &session.Record{}
	u := unpacker{reply: reply{text: packed(fields)}.owned()}
	if err := decodeFields(&u, u.array()/2, rec); err != nil {
		return fmt.Errorf("%w: stored %q\nwant %+v", err, fields, k.rec)
	}
	if diff := difference(rec, k.rec); diff != "" {
		return fmt.Errorf("stored: %s", diff)
	}
	// Every expiry that is set is taken away again, so that the server's clock
	// does not end what the test's does not.
	const slack = 20_000
	if wrote && (ttl > left+1 || ttl < left-slack) || !wrote && ttl != -1 {
		return fmt.Errorf("expires in %d ms, want %d (written %v)", ttl, left, wrote)
	}
	return nil
}

// difference describes how two records differ; "" if they do not.
func difference(got, want *session.Record) string {
	a, b := reflect.ValueOf(normal(got)), reflect.ValueOf(normal(want))
	var out []string
	for i := range a.NumField() {
		if !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			out = append(out, fmt.Sprintf("%s: got %+v, want %+v", a.Type().Field(i).Name, a.Field(i), b.Field(i)))
		}
	}
	return strings.Join(out, "\n")
}

// normal tells nil and empty apart only where it matters.
func normal(r *session.Record) session.Record {
	c := *r.Clone()
	for i := range c.Superseded {
		if len(c.Superseded[i].Fenced) == 0 {
			c.Superseded[i].Fenced = nil
		}
	}
	for i := range c.Writes {
		if len(c.Writes[i].Values) == 0 {
			c.Writes[i].Values = nil
		}
	}
	if len(c.Superseded) == 0 {
		c.Superseded = nil
	}
	for name, value := range c.Attributes {
		c.Attributes[name] = append([]byte{}, value...)
	}
	return c
}

// class is what kind of error it is, with the data that callers use.
func class(err error) string {
	var gone session.ErrGone
	var late session.ErrLate
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &gone):
		return gone.Error()
	case errors.As(err, &late):
		return "late at " + late.Now.Format(time.RFC3339Nano)
	}
	for _, e := range []error{session.ErrNotFound, session.ErrSuperseded, session.ErrExists, session.ErrConflict, session.ErrType,
		session.ErrLimit, session.ErrUnknown, session.ErrPrincipal, session.ErrFormat, session.ErrMalformed} {
		if errors.Is(err, e) {
			return e.Error()
		}
	}
	return "no verdict"
}

func describe(c *session.Change) string {
	text := fmt.Sprintf("%+v", *c)
	if c.Start != nil {
		text += fmt.Sprintf(" start %+v", *c.Start)
	}
	if c.SignIn != nil {
		text += fmt.Sprintf(" sign-in %+v", *c.SignIn)
	}
	if c.Renew != nil {
		text += fmt.Sprintf(" renew %+v", *c.Renew)
	}
	return text
}

// packed is an array of fields as scripts pack it.
func packed(fields map[string]string) string {
	b := packHead(nil, 2*len(fields), 0x90, 16, [3]byte{0, 0xdc, 0xdd})
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		for _, s := range []string{name, fields[name]} {
			b = append(packHead(b, len(s), 0xa0, 32, [3]byte{0xd9, 0xda, 0xdb}), s...)
		}
	}
	return string(b)
}

func packHead(b []byte, n int, fixed byte, most int, tags [3]byte) []byte {
	switch {
	case n < most:
		return append(b, fixed|byte(n))
	case n <= math.MaxUint8 && tags[0] != 0:
		return append(b, tags[0], byte(n))
	case n <= math.MaxUint16:
		return append(b, tags[1], byte(n>>8), byte(n))
	}
	return append(b, tags[2], byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}
