package session_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/session"
)

// within runs f as a handler, under the cookie, and returns the cookie after.
func within(t *testing.T, m *session.Manager, cookie string, f func(*session.Session)) string {
	t.Helper()
	res := record(m, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { f(session.From(r.Context())) }), cookie, "GET", "/")
	if res.StatusCode != 200 {
		t.Errorf("status %d", res.StatusCode)
	}
	for _, c := range res.Cookies() {
		cookie = c.Value
	}
	return cookie
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
		return v
	}
}

type cart struct {
	Items []string
	Note  string
}

func TestAttributeGetIsACopy(t *testing.T) {
	a := session.NewAttribute[cart]("cart")
	m := newManager(t, newStore(), session.Options{})
	within(t, m, "", func(s *session.Session) {
		v := cart{Items: []string{"a"}}
		if err := a.Set(s, v); err != nil {
			t.Fatal(err)
		}
		v.Items[0] = "changed"
		for range 2 {
			got, found, err := a.Get(s)
			if err != nil || !found || got.Items[0] != "a" {
				t.Fatalf("%+v %v %v", got, found, err)
			}
			got.Items[0] = "changed"
		}
	})
}

func TestReadYourWritesWithinAndAcrossRequests(t *testing.T) {
	m := newManager(t, newStore(), session.Options{})
	name, n := session.NewAttribute[string]("name"), session.NewCounter("n")
	list, last := session.NewList[int]("list"), session.NewList[int]("last", session.MaxElements(2))
	set := session.NewSet[string]("set")
	ints, strs, count := must[[]int](t), must[[]string](t), must[int64](t)
	check := func(s *session.Session, step string, wantName string, wantN int64, wantList, wantLast []int, wantSet []string) {
		t.Helper()
		v, _, err := name.Get(s)
		if v != wantName || err != nil {
			t.Errorf("%s: name %q %v", step, v, err)
		}
		if got := count(n.Value(s)); got != wantN {
			t.Errorf("%s: count %d, want %d", step, got, wantN)
		}
		if got := ints(list.Values(s)); !slices.Equal(got, wantList) {
			t.Errorf("%s: list %v, want %v", step, got, wantList)
		}
		if got := ints(last.Values(s)); !slices.Equal(got, wantLast) {
			t.Errorf("%s: bounded list %v, want %v", step, got, wantLast)
		}
		if got := strs(set.Values(s)); !slices.Equal(got, wantSet) {
			t.Errorf("%s: set %v, want %v", step, got, wantSet)
		}
	}
	cookie := within(t, m, "", func(s *session.Session) {
		check(s, "empty", "", 0, nil, nil, nil)
		err := errors.Join(name.Set(s, "a"), list.Append(s, 1, 2), list.Append(s, 3), last.Append(s, 1, 2, 3), set.Add(s, "x", "y", "x"))
		if count(n.Add(t.Context(), s, 5)); err != nil {
			t.Error(err)
		}
		check(s, "staged", "a", 5, []int{1, 2, 3}, []int{2, 3}, []string{"x", "y"})
	})
	cookie = within(t, m, cookie, func(s *session.Session) {
		check(s, "stored", "a", 5, []int{1, 2, 3}, []int{2, 3}, []string{"x", "y"})
		if err := errors.Join(set.Remove(s, "x", "z"), last.Append(s, 4), list.Reset(s), list.Append(s, 9), name.Remove(s), n.Reset(s)); err != nil {
			t.Error(err)
		}
		if got := count(n.Add(t.Context(), s, 7)); got != 7 {
			t.Errorf("Add after Reset: %d", got)
		}
		check(s, "changed", "", 7, []int{9}, []int{3, 4}, []string{"y"})
		has, err1 := set.Contains(s, "y")
		not, err2 := set.Contains(s, "x")
		if !has || not || err1 != nil || err2 != nil {
			t.Errorf("Contains: %v %v %v %v", has, not, err1, err2)
		}
	})
	within(t, m, cookie, func(s *session.Session) {
		check(s, "stored again", "", 7, []int{9}, []int{3, 4}, []string{"y"})
		if err := errors.Join(set.Reset(s), last.Reset(s)); err != nil {
			t.Error(err)
		}
		check(s, "reset", "", 7, []int{9}, nil, nil)
	})
}

func TestReadersStartNothing(t *testing.T) {
	store := newStore()
	m := newManager(t, store, session.Options{})
	cookie := within(t, m, "", func(s *session.Session) {
		if err := errors.Join(
			session.NewAttribute[int]("a").Remove(s), session.NewSet[int]("b").Remove(s, 1), session.NewList[int]("c").Append(s),
			session.NewCounter("d").Reset(s), s.Clear(), s.Renew(), s.SignOut(), s.Commit(t.Context()), s.Reload(t.Context()),
		); err != nil {
			t.Error(err)
		}
		if _, _, err := session.NewAttribute[int]("a").Pop(s); err != nil {
			t.Error(err)
		}
		if s.Started() {
			t.Error("started")
		}
	})
	if cookie != "" || store.Len() != 0 {
		t.Errorf("a session was started: %d records", store.Len())
	}
}

func TestUndecodableIsNotAbsent(t *testing.T) {
	m := newManager(t, newStore(), session.Options{})
	text, number := session.NewAttribute[string]("v"), session.NewAttribute[int]("v")
	counter, list := session.NewCounter("v"), session.NewList[string]("v")
	cookie := within(t, m, "", func(s *session.Session) {
		if err := text.Set(s, "text"); err != nil {
			t.Error(err)
		}
	})
	cookie = within(t, m, cookie, func(s *session.Session) {
		_, found, get := number.Get(s)
		_, popped, pop := number.Pop(s)
		_, update := number.Update(t.Context(), s, func(int, bool) (int, error) { t.Error("f ran"); return 1, nil })
		_, value := counter.Value(s)
		_, values := list.Values(s)
		for what, err := range map[string]error{"Get": get, "Pop": pop, "Update": update, "counter": value, "list": values} {
			if !errors.Is(err, session.ErrUndecodable) || session.Status(err) != 500 {
				t.Errorf("%s: %v", what, err)
			}
		}
		if found || popped {
			t.Error("found")
		}
		_, add := counter.Add(t.Context(), s, 1)
		for what, err := range map[string]error{"Add": add, "Append": list.Append(s, "x")} {
			if !errors.Is(err, session.ErrType) {
				t.Errorf("%s: %v, want ErrType", what, err)
			}
		}
	})
	within(t, m, cookie, func(s *session.Session) {
		if v, found, err := text.Get(s); v != "text" || !found || err != nil {
			t.Errorf("the value became %q %v %v", v, found, err)
		}
	})
}

func TestUpdateAfterStagedChanges(t *testing.T) {
	m := newManager(t, newStore(), session.Options{})
	a, other, n := session.NewAttribute[int]("a"), session.NewAttribute[int]("other"), session.NewCounter("n")
	plus := func(v int, found bool) (int, error) { return v + 1, nil }
	cookie := within(t, m, "", func(s *session.Session) { errors.Join(a.Set(s, 1), other.Set(s, 1)) })
	cookie = within(t, m, cookie, func(s *session.Session) {
		if err := a.Set(s, 10); err != nil {
			t.Error(err)
		}
		if v := must[int](t)(a.Update(t.Context(), s, plus)); v != 11 {
			t.Errorf("Update after Set: %d", v)
		}
		if err := a.Remove(s); err != nil {
			t.Error(err)
		}
		if v := must[int](t)(a.Update(t.Context(), s, plus)); v != 1 {
			t.Errorf("Update after Remove: %d", v)
		}
		if err := errors.Join(s.Clear(), other.Set(s, 5)); err != nil {
			t.Error(err)
		}
		if v := must[int](t)(a.Update(t.Context(), s, plus)); v != 1 {
			t.Errorf("Update after Clear: %d", v)
		}
		if v := must[int64](t)(n.Add(t.Context(), s, 3)); v != 3 {
			t.Errorf("Add: %d", v)
		}
		broken := errors.New("broken")
		if _, err := a.Update(t.Context(), s, func(int, bool) (int, error) { return 99, broken }); !errors.Is(err, broken) {
			t.Errorf("a failing f: %v", err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := a.Update(gone, s, plus); !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled context: %v", err)
		}
	})
	within(t, m, cookie, func(s *session.Session) {
		keys := must[[]string](t)(s.Keys())
		v, _, _ := a.Get(s)
		o, _, _ := other.Get(s)
		if v != 1 || o != 5 || !slices.Equal(keys, []string{"a", "n", "other"}) {
			t.Errorf("a is %d, other %d, keys %v", v, o, keys)
		}
	})
}

func TestCounterOverflow(t *testing.T) {
	m := newManager(t, newStore(), session.Options{})
	n := session.NewCounter("n")
	within(t, m, "", func(s *session.Session) {
		must[int64](t)(n.Add(t.Context(), s, math.MaxInt64))
		if _, err := n.Add(t.Context(), s, 1); !errors.Is(err, session.ErrType) {
			t.Errorf("overflow: %v", err)
		}
		if v := must[int64](t)(n.Value(s)); v != math.MaxInt64 {
			t.Errorf("value %d", v)
		}
	})
}

type (
	v1 struct{ Items string }
	v2 struct{ Items []string }
	v3 struct{ Count int }
)

func TestUpgrade(t *testing.T) {
	m := newManager(t, newStore(), session.Options{})
	to2 := session.Upgrade(2, func(v v1) (v2, error) { return v2{strings.Fields(v.Items)}, nil })
	to3 := session.Upgrade(3, func(v v2) (v3, error) {
		if len(v.Items) == 0 {
			return v3{}, errors.New("empty")
		}
		return v3{len(v.Items)}, nil
	})
	old, mid, now := session.NewAttribute[v1]("cart"), session.NewAttribute[v2]("cart", to2), session.NewAttribute[v3]("cart", to2, to3)
	gap := session.NewAttribute[v3]("cart", to3)
	cookie := within(t, m, "", func(s *session.Session) {
		if err := old.Set(s, v1{"a b c"}); err != nil {
			t.Error(err)
		}
	})
	cookie = within(t, m, cookie, func(s *session.Session) {
		if v, _, err := mid.Get(s); err != nil || len(v.Items) != 3 {
			t.Errorf("one step: %v %v", v, err)
		}
		if v, _, err := now.Get(s); err != nil || v.Count != 3 {
			t.Errorf("two steps: %v %v", v, err)
		}
		if _, _, err := gap.Get(s); !errors.Is(err, session.ErrUndecodable) {
			t.Errorf("a missing step: %v", err)
		}
		must[v3](t)(now.Update(t.Context(), s, func(v v3, found bool) (v3, error) { return v3{v.Count + 1}, nil }))
	})
	within(t, m, cookie, func(s *session.Session) {
		if v, _, err := now.Get(s); err != nil || v.Count != 4 {
			t.Errorf("stored: %v %v", v, err)
		}
		if v, found, err := old.Get(s); err != nil || !found || v.Items != "" {
			t.Errorf("an older reader: %v %v %v", v, found, err)
		}
		_, update := old.Update(t.Context(), s, func(v v1, _ bool) (v1, error) { return v, nil })
		for what, err := range map[string]error{"Set": old.Set(s, v1{}), "Update": update} {
			if !errors.Is(err, session.ErrNewer) {
				t.Errorf("an older %s: %v, want ErrNewer", what, err)
			}
		}
		if err := errors.Join(old.Remove(s), old.Set(s, v1{})); err != nil {
			t.Errorf("after its removal: %v", err)
		}
		if _, _, err := now.Get(s); !errors.Is(err, session.ErrUndecodable) {
			t.Errorf("a step that fails: %v", err)
		}
	})
}

// upper is a codec for the test.
type upper struct{}

func (upper) Marshal(v any) ([]byte, error) {
	return []byte(strings.ToUpper(fmt.Sprint(v))), nil
}

func (upper) Unmarshal(data []byte, v any) error {
	return json.Unmarshal(fmt.Appendf(nil, "%q", strings.ToLower(string(data))), v)
}

func TestCodecAndValuesThatDoNotEncode(t *testing.T) {
	m := newManager(t, newStore(), session.Options{})
	a := session.NewAttribute[string]("a", session.WithCodec(upper{}))
	within(t, m, "", func(s *session.Session) {
		if err := a.Set(s, "text"); err != nil {
			t.Error(err)
		}
		if v, _, err := a.Get(s); v != "text" || err != nil {
			t.Errorf("%q %v", v, err)
		}
		for what, err := range map[string]error{
			"a channel":  session.NewAttribute[chan int]("c").Set(s, nil),
			"a function": session.NewList[func()]("f").Append(s, nil),
			"NaN":        session.NewAttribute[float64]("n").Set(s, math.NaN()),
			"no name":    session.NewAttribute[int]("").Set(s, 1),
			"bad name":   session.NewSet[int]("a\nb").Add(s, 1),
		} {
			if what == "a channel" || what == "a function" || what == "NaN" {
				if err == nil || errors.Is(err, session.ErrMalformed) {
					t.Errorf("%s: %v", what, err)
				}
			} else if !errors.Is(err, session.ErrMalformed) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if _, err := session.NewCounter("").Add(t.Context(), s, 1); !errors.Is(err, session.ErrMalformed) {
			t.Errorf("a counter without a name: %v", err)
		}
	})
}
