package cbor_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/cbor"
	"github.com/evenkeel/evenkeel/session/memstore"
)

// browser runs f in requests of one browser, one after the other.
func browser(t *testing.T) func(f func(*session.Session) error) {
	t.Helper()
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var cookies []*http.Cookie
	return func(f func(*session.Session) error) {
		t.Helper()
		r := httptest.NewRequest("GET", "/", nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		var failed error
		sessions.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			failed = f(session.From(r.Context()))
		})).ServeHTTP(w, r)
		if failed != nil || w.Code != 200 {
			t.Fatalf("status %d, error %v", w.Code, failed)
		}
		if set := w.Result().Cookies(); len(set) > 0 {
			cookies = set
		}
	}
}

type basketV1 struct{ Items string }
type basketV2 struct{ Items []string }
type basketV3 struct{ Lines []item }

// Three releases of a service: JSON, then CBOR, then another type in CBOR.
var (
	first  = session.NewAttribute[basketV1]("basket")
	second = session.NewAttribute[basketV2]("basket", session.WithCodec(cbor.Codec{}), session.Upgrade(2, fromJSON))
	third  = session.NewAttribute[basketV3]("basket", session.WithCodec(cbor.Codec{}), session.Upgrade(2, fromJSON), session.Upgrade(3, toLines))
)

func fromJSON(old cbor.JSON[basketV1]) (basketV2, error) {
	return basketV2{Items: strings.Fields(old.Value.Items)}, nil
}

func toLines(old basketV2) (basketV3, error) {
	var b basketV3
	for _, sku := range old.Items {
		b.Lines = append(b.Lines, item{SKU: sku, Count: 1})
	}
	return b, nil
}

func TestAnAttributeMovesFromJSON(t *testing.T) {
	in := browser(t)
	in(func(s *session.Session) error { return first.Set(s, basketV1{"tea milk"}) })
	in(func(s *session.Session) error {
		if got, found, err := second.Get(s); err != nil || !found || !slices.Equal(got.Items, []string{"tea", "milk"}) {
			t.Errorf("second release: %v %v %v", got, found, err)
		}
		got, found, err := third.Get(s)
		if err != nil || !found || !slices.Equal(got.Lines, []item{{SKU: "tea", Count: 1}, {SKU: "milk", Count: 1}}) {
			t.Errorf("third release: %v %v %v", got, found, err)
		}
		return second.Set(s, basketV2{Items: []string{"bread"}})
	})
	in(func(s *session.Session) error {
		got, found, err := third.Get(s)
		if err != nil || !found || !slices.Equal(got.Lines, []item{{SKU: "bread", Count: 1}}) {
			t.Errorf("third release: %v %v %v", got, found, err)
		}
		return nil
	})
}

// During a roll-out the old release meets what the new one wrote.
func TestAnOldReleaseDoesNotOverwriteCBOR(t *testing.T) {
	in := browser(t)
	in(func(s *session.Session) error { return second.Set(s, basketV2{Items: []string{"tea"}}) })
	in(func(s *session.Session) error {
		if _, _, err := first.Get(s); !errors.Is(err, session.ErrUndecodable) {
			t.Errorf("get: %v, want ErrUndecodable", err)
		}
		if err := first.Set(s, basketV1{"milk"}); !errors.Is(err, session.ErrNewer) {
			t.Errorf("set: %v, want ErrNewer", err)
		}
		return nil
	})
	in(func(s *session.Session) error {
		if got, _, err := second.Get(s); err != nil || !slices.Equal(got.Items, []string{"tea"}) {
			t.Errorf("afterwards: %v %v", got, err)
		}
		return nil
	})
}

// Somebody changes the codec and forgets the version.
func TestACodecWithoutAVersionIsUndecodable(t *testing.T) {
	asJSON := session.NewAttribute[int]("n")
	asCBOR := session.NewAttribute[int]("n", session.WithCodec(cbor.Codec{}))
	for n := -1100; n <= 1100; n++ { // those of one, two and three digits would decode as other numbers
		in := browser(t)
		in(func(s *session.Session) error { return asJSON.Set(s, n) })
		in(func(s *session.Session) error {
			if got, found, err := asCBOR.Get(s); !errors.Is(err, session.ErrUndecodable) {
				t.Errorf("JSON %d as CBOR: %d %v %v, want ErrUndecodable", n, got, found, err)
			}
			return asCBOR.Set(s, n)
		})
		in(func(s *session.Session) error {
			if got, _, err := asCBOR.Get(s); err != nil || got != n {
				t.Errorf("%d: %d %v", n, got, err)
			}
			if got, found, err := asJSON.Get(s); !errors.Is(err, session.ErrUndecodable) {
				t.Errorf("CBOR %d as JSON: %d %v %v, want ErrUndecodable", n, got, found, err)
			}
			return nil
		})
	}
}

func TestElementsOfASetAreFoundAgain(t *testing.T) {
	seen := session.NewSet[map[string]int]("seen", session.WithCodec(cbor.Codec{}))
	log := session.NewList[int]("log", session.WithCodec(cbor.Codec{}))
	in := browser(t)
	build := func(keys ...string) map[string]int {
		m := map[string]int{}
		for i, k := range keys {
			m[k] = len(keys[i])
		}
		return m
	}
	in(func(s *session.Session) error { return seen.Add(s, build("a", "bb", "ccc"), build("a")) })
	in(func(s *session.Session) error {
		return errors.Join(seen.Add(s, build("ccc", "bb", "a")), seen.Remove(s, build("a")), log.Append(s, -17, 1))
	})
	in(func(s *session.Session) error {
		if got, err := seen.Values(s); err != nil || len(got) != 1 || len(got[0]) != 3 {
			t.Errorf("set: %v %v, want the map of three keys alone", got, err)
		}
		if got, err := log.Values(s); err != nil || !slices.Equal(got, []int{-17, 1}) {
			t.Errorf("list: %v %v", got, err)
		}
		return nil
	})
}

func ExampleCodec() {
	type cart struct {
		Items []string `json:"items"`
	}
	items := session.NewAttribute[cart]("cart", session.WithCodec(cbor.Codec{}))
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Attributes: []session.Named{items}})
	if err != nil {
		panic(err)
	}
	h := sessions.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if err := items.Set(s, cart{Items: []string{"tea"}}); err != nil {
			session.Error(w, r, err)
			return
		}
		c, _, err := items.Get(s)
		if err != nil {
			session.Error(w, r, err)
			return
		}
		fmt.Fprint(w, c.Items)
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Body)
	// Output:
	// [tea]
}

func ExampleJSON() {
	cart := session.NewAttribute[[]string]("cart", session.WithCodec(cbor.Codec{}),
		session.Upgrade(2, func(old cbor.JSON[[]string]) ([]string, error) { return old.Value, nil }))
	before := session.NewAttribute[[]string]("cart") // as the release before has it
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{})
	if err != nil {
		panic(err)
	}
	h := sessions.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if err := before.Set(s, []string{"tea"}); err != nil {
			session.Error(w, r, err)
			return
		}
		items, found, err := cart.Get(s)
		fmt.Fprintf(w, "%v, found: %t, error: %v", items, found, err)
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Body)
	// Output:
	// [tea], found: true, error: <nil>
}
