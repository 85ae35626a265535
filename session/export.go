package session

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Export is what the store holds of one principal. It marshals to JSON, for
// whoever asks which data there are.
type Export struct {
	Principal string            `json:"principal"`
	Sessions  []ExportedSession `json:"sessions"` // the one signed in first first
}

// ExportedSession is one session of an Export.
type ExportedSession struct {
	Device     string              `json:"device,omitempty"`
	Created    time.Time           `json:"created"`
	SignedIn   time.Time           `json:"signed_in"`
	Accessed   time.Time           `json:"accessed,omitzero"`
	Expires    time.Time           `json:"expires"`
	Persistent bool                `json:"persistent,omitempty"`
	Attributes map[string]RawValue `json:"attributes"`
}

// RawValue is the stored form of an attribute. In JSON a value that is JSON, as
// [Attribute] stores it and [Counter], stands for itself; a value with a
// version (see [Upgrade]) is its value; a [List] or [Set] is an array of its
// elements. Anything else is {"base64": "…"}.
type RawValue []byte

// MarshalJSON implements json.Marshaler.
func (v RawValue) MarshalJSON() ([]byte, error) {
	if json.Valid(v) {
		return v, nil
	}
	if _, data, ok := storedVersion(v); ok && json.Valid(data) {
		return data, nil
	}
	if elements, err := DecodeElements(v); err == nil {
		list := make([]RawValue, len(elements))
		for i, e := range elements {
			list[i] = e
		}
		return json.Marshal(list)
	}
	return json.Marshal(struct {
		Base64 []byte `json:"base64"`
	}{v})
}

// Export returns what the store holds of a principal: every session that can
// be used, with all attributes. Sessions that end meanwhile are left out. It is
// no access to any of them, and is bounded as [Manager.Sessions] is. A store
// without the abilities [Principals] and [Inspector] is ErrUnsupported.
func (m *Manager) Export(ctx context.Context, principal string) (*Export, error) {
	inspector, able := m.store.(Inspector)
	if !able {
		return nil, fmt.Errorf("session: export: %w", ErrUnsupported)
	}
	ctx, cancel := m.about(ctx)
	defer cancel()
	list, err := m.Sessions(ctx, principal)
	if err != nil {
		return nil, fmt.Errorf("session: export: %w", err)
	}
	out := &Export{Principal: principal, Sessions: []ExportedSession{}}
	for _, l := range list {
		rec, err := m.inspect(ctx, inspector, l.Key)
		switch {
		case err == nil && rec.Gone == "" && rec.Principal == principal:
			out.Sessions = append(out.Sessions, exported(l, rec))
		case err != nil && !absent(err):
			return nil, fmt.Errorf("session: export: %w", err)
		}
	}
	return out, nil
}

func (m *Manager) inspect(ctx context.Context, store Inspector, key Key) (*Record, error) {
	within, cancel := context.WithTimeout(ctx, m.opt.Budget)
	defer cancel()
	rec, err := store.Inspect(within, key)
	return rec, m.noted(ctx, err)
}

func exported(l Listed, rec *Record) ExportedSession {
	s := ExportedSession{
		Device: l.Device, Created: l.Created, SignedIn: l.SignedIn, Accessed: l.Accessed, Expires: l.Expires,
		Persistent: l.Persistent, Attributes: make(map[string]RawValue, len(rec.Attributes)),
	}
	for name, value := range rec.Attributes {
		s.Attributes[name] = value
	}
	return s
}
