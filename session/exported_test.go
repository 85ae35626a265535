package session_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/session"
)

func TestExport(t *testing.T) {
	m := newManager(t, newDirectory(), session.Options{})
	shop := newShop()
	rgb := session.NewAttribute[[]byte]("raw", session.WithCodec(rawCodec{}))
	cart := session.NewAttribute[cart]("old cart", session.Upgrade(2, func(s string) (cart, error) { return cart{Note: s}, nil }))
	shop.HandleFunc("/fill", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		_, err := shop.hits.Add(r.Context(), s, 7)
		try(w, r, errors.Join(err, shop.name.Set(s, "<Alice>"), shop.cart.Append(s, "tea", "milk"), shop.tags.Add(s, "x"), shop.tags.Remove(s, "x"),
			rgb.Set(s, []byte{1, 2, 0xFD}), cart.Set(s, cartOf("a"))))
	})
	all := devices(t, m, shop, "phone", "laptop", "bobs")
	all[0].want("/login?u=alice", 200, "ok")
	all[0].want("/fill", 200, "")
	all[1].want("/login?u=alice", 200, "ok")
	all[2].want("/login?u=bob", 200, "ok")
	all[2].want("/set?v=bobs", 200, "ok")
	before := m.Stats()
	got, err := m.Export(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Sessions) != 2 || got.Sessions[0].Device != "phone" || got.Sessions[0].SignedIn.IsZero() || got.Sessions[0].Expires.IsZero() {
		t.Errorf("exported are %+v", got)
	}
	data, err := json.Marshal(got.Sessions[0].Attributes)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"cart":["tea","milk"],"hits":7,"name":"\u003cAlice\u003e","old cart":{"Items":["a"],"Note":""},"raw":{"base64":"AQL9"},"tags":[]}`
	if string(data) != want {
		t.Errorf("attributes are\n%s, want\n%s", data, want)
	}
	whole, err := json.Marshal(got)
	if err != nil || strings.Contains(string(whole), "bob") || strings.Contains(string(whole), all[0].cookie[:16]) {
		t.Errorf("%s, %v", whole, err)
	}
	if st := m.Stats(); st.Loads != before.Loads {
		t.Error("an export loads sessions")
	}
	nobody, err := m.Export(t.Context(), "carol")
	if data, _ := json.Marshal(nobody); err != nil || string(data) != `{"principal":"carol","sessions":[]}` {
		t.Errorf("of somebody unknown: %s, %v", data, err)
	}
}

func cartOf(items ...string) cart { return cart{Items: items} }

// rawCodec stores bytes as they are.
type rawCodec struct{}

func (rawCodec) Marshal(v any) ([]byte, error) { return slices.Clone(v.([]byte)), nil }
func (rawCodec) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = slices.Clone(data)
	return nil
}

// What ends or changes hands between the list and the look at it is not
// exported; what cannot be read is an error.
func TestExportOfSessionsThatEndMeanwhile(t *testing.T) {
	store := newDirectory()
	m := newManager(t, store, session.Options{})
	all := devices(t, m, newShop(), "a", "b")
	for _, d := range all {
		d.want("/login?u=alice", 200, "ok")
	}
	calls := 0
	first := func(f func() error) func(context.Context) error { // f runs before the first Inspect
		calls = 0
		return func(context.Context) error {
			if calls++; calls == 2 {
				return f()
			}
			return nil
		}
	}
	for what, meanwhile := range map[string]func() error{
		"a logout":   func() error { all[0].want("/logout", 200, "ok"); return nil },
		"its expiry": func() error { return session.ErrNotFound },
		"another sign-in": func() error {
			store.shown = func(rec *session.Record) { rec.Principal, store.shown = "bob", nil }
			return nil
		},
		"an eviction": func() error {
			store.shown = func(rec *session.Record) { rec.Gone, store.shown = session.ReasonEvicted, nil }
			return nil
		},
	} {
		all[0].want("/login?u=alice", 200, "ok")
		all[1].want("/login?u=alice", 200, "ok")
		store.before = first(meanwhile)
		got, err := m.Export(t.Context(), "alice")
		if err != nil || len(got.Sessions) != 1 || got.Sessions[0].Device != "b" {
			t.Errorf("after %s: %+v, %v", what, got, err)
		}
		store.before = nil
	}
	for _, unknown := range []error{session.ErrFormat, errDown, session.ErrUnavailable{Cause: session.ErrNotFound}} {
		store.before = first(func() error { return unknown })
		if got, err := m.Export(t.Context(), "alice"); got != nil || !errors.Is(err, unknown) {
			t.Errorf("%v: %+v, %v", unknown, got, err)
		}
	}
}
