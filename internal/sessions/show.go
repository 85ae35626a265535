package sessions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// Attribute is one of a session's, as it is shown.
type Attribute struct {
	Name  string          `json:"name"`
	Bytes int             `json:"bytes"`
	Value json.RawMessage `json:"value,omitempty"` // where asked for; a JSON string of base64 if it is no JSON
}

// Shown is all of a session that an operator may see.
type Shown struct {
	Schema string `json:"schema"`
	Line
	Idle          string      `json:"idle_timeout"`
	Absolute      *time.Time  `json:"absolute_limit,omitempty"`
	Persistent    bool        `json:"persistent,omitempty"`
	Generation    int64       `json:"generation"`
	Version       int64       `json:"version"`
	AttributeList []Attribute `json:"attribute_list"`
}

// Show writes one session. values is whether to write what attributes hold.
func Show(ctx context.Context, s Store, key session.Key, values bool, out Output) error {
	r, err := s.Inspect(ctx, key)
	if errors.Is(err, session.ErrNotFound) {
		return fmt.Errorf("session %s: there is none, or it has expired", clip(string(key), 40))
	}
	if err != nil {
		return err
	}
	shown := Shown{
		Schema: Schema, Line: lineOf(key, r), Idle: r.Idle.String(), Absolute: moment(r.Absolute),
		Persistent: r.Persistent, Generation: r.Generation, Version: r.Version.N, AttributeList: attributes(r, values),
	}
	if out.JSON {
		return out.json(shown)
	}
	return out.show(shown)
}

func attributes(r *session.Record, values bool) []Attribute {
	list := []Attribute{}
	for _, name := range slices.Sorted(maps.Keys(r.Attributes)) {
		a := Attribute{Name: name, Bytes: len(r.Attributes[name])}
		if values {
			a.Value = readable(r.Attributes[name])
		}
		list = append(list, a)
	}
	return list
}

// readable is a value as JSON: itself, the elements of a list, or base64.
func readable(value []byte) json.RawMessage {
	if json.Valid(value) {
		return value
	}
	var v any = value // a []byte becomes base64
	if elements, err := session.DecodeElements(value); err == nil {
		all := make([]json.RawMessage, len(elements))
		for i, e := range elements {
			all[i] = readable(e)
		}
		v = all
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil // cannot be: bytes and valid JSON
	}
	return b
}

func (o Output) show(s Shown) error {
	now := o.now()
	w := tabwriter.NewWriter(o.W, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	row("session", "%s", s.Session)
	if s.Gone != "" {
		row("ended", "%s; this is what refuses its cookie until %s", s.Gone, stamp(s.Expires))
		return w.Flush()
	}
	row("principal", "%s", clip(s.Principal, 60))
	row("created", "%s, %s ago", stamp(s.Created), ago(now.Sub(s.Created)))
	if s.Authenticated != nil {
		row("signed in", "%s, %s ago", stamp(*s.Authenticated), ago(now.Sub(*s.Authenticated)))
	}
	if s.Accessed != nil {
		row("seen", "%s, %s ago", stamp(*s.Accessed), ago(now.Sub(*s.Accessed)))
	} else {
		row("seen", "not yet: its cookie has not come back")
	}
	row("expires", "%s, in %s (idle timeout %s)", stamp(s.Expires), ago(s.Expires.Sub(now)), s.Idle)
	if s.Absolute != nil {
		row("never beyond", "%s", stamp(*s.Absolute))
	}
	row("renewals", "%d", s.Generation-1)
	row("attributes", "%d, %d bytes", s.Attributes, s.Bytes)
	for _, a := range s.AttributeList {
		row("  "+clip(a.Name, 30), "%d bytes%s", a.Bytes, valueOf(a))
	}
	return w.Flush()
}

func valueOf(a Attribute) string {
	if a.Value == nil {
		return ""
	}
	return "  " + clip(string(a.Value), 200)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }
