package shop

import (
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stubborn are sessions of which a test decides what emptying a cart does.
type stubborn struct {
	Sessions
	remove atomic.Pointer[func() error] // called first; its error is Remove's
}

func (s *stubborn) Visit(r *http.Request) Visit { return stubbornVisit{s.Sessions.Visit(r), s} }

type stubbornVisit struct {
	Visit
	s *stubborn
}

func (v stubbornVisit) Remove(lines []Line) error {
	if f := v.s.remove.Load(); f != nil {
		if err := (*f)(); err != nil {
			return err
		}
	}
	return v.Visit.Remove(lines)
}

func openStubborn(t *testing.T, kind string) (*stubborn, *browser) {
	dir := t.TempDir()
	s := &stubborn{Sessions: openKind(t, kind, dir)}
	return s, newBrowser(t, serve(t, "shop-1", s, openTestOrders(t, dir)))
}

// The order is recorded, the cart cannot be emptied, the customer adds another
// thing and sends the form again, or a new one.
func TestCartThatCouldNotBeEmptied(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		for name, again := range map[string]func(b *browser, order string) string{
			"the same form": func(_ *browser, order string) string { return order },
			"a new form":    func(b *browser, _ string) string { return found(orderShown, b.page("GET", "/cart")) },
		} {
			t.Run(name, func(t *testing.T) {
				s, b := openStubborn(t, kind)
				b.signIn("alice")
				b.add("tea", "Assam")
				order := found(orderShown, b.page("GET", "/cart"))
				broken := func() error { return errors.New("the store is away") }
				s.remove.Store(&broken)
				if status, _ := b.do("POST", "/checkout", fieldValues("order", order)); status != http.StatusServiceUnavailable {
					t.Errorf("a cart that could not be emptied: %d", status)
				}
				s.remove.Store(nil)
				want := [][]string{{"Assam"}}
				if diff := cmp.Diff(want, b.account()); diff != "" {
					t.Errorf("after the failure (-want +got):\n%s", diff)
				}
				b.add("books", "Knots for beginners")
				second := again(b, order)
				b.page("POST", "/checkout", "order", second)
				left := []string{"books: Knots for beginners"}
				if second != order {
					want, left = [][]string{{"Knots for beginners"}, {"Assam"}}, nil
				}
				if diff := cmp.Diff(want, b.account()); diff != "" {
					t.Errorf("account (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(left, b.cartLines()); diff != "" {
					t.Errorf("cart (-want +got):\n%s", diff)
				}
			})
		}
	})
}

// With nothing new in a cart that could not be emptied, a new form empties it
// and makes no order.
func TestCartOfSoldLinesOnly(t *testing.T) {
	t.Parallel()
	s, b := openStubborn(t, "library")
	b.signIn("alice")
	b.add("tea", "Assam")
	broken := func() error { return errors.New("the store is away") }
	s.remove.Store(&broken)
	b.do("POST", "/checkout", fieldValues("order", newOrderID()))
	s.remove.Store(nil)
	b.page("POST", "/checkout", "order", newOrderID())
	if orders, lines := b.account(), b.cartLines(); len(orders) != 1 || len(lines) != 0 {
		t.Errorf("orders %q, cart %q", orders, lines)
	}
}

// Something is added between the moment the cart is read for the order and the
// moment it is emptied.
func TestAddedWhileBuying(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		s, b := openStubborn(t, kind)
		b.signIn("alice")
		b.add("tea", "Assam")
		meanwhile := func() error { b.add("tea", "Earl Grey"); return nil }
		s.remove.Store(&meanwhile)
		b.page("POST", "/checkout", "order", newOrderID())
		if diff := cmp.Diff([][]string{{"Assam"}}, b.account()); diff != "" {
			t.Errorf("account (-want +got):\n%s", diff)
		}
		want := []string{"tea: Earl Grey"}
		if kind == "blob" {
			want = nil // saved over: that is what the strategy is there to show
		}
		if diff := cmp.Diff(want, b.cartLines()); diff != "" {
			t.Errorf("cart (-want +got):\n%s", diff)
		}
	})
}

func TestOrders(t *testing.T) {
	t.Parallel()
	o := openTestOrders(t, t.TempDir())
	cart := []Line{newLine("tea", "Assam"), newLine("toys", "Paper boat")}
	id := newOrderID()
	confirm := func(id, customer string, cart []Line) ([]Line, error) {
		return o.Confirm(t.Context(), id, customer, cart)
	}
	for name, f := range map[string]func() ([]Line, error){
		"no number":     func() ([]Line, error) { return confirm("", "alice", cart) },
		"lower case":    func() ([]Line, error) { return confirm("abcdefghijklmnopqrstuvwxyz", "alice", cart) },
		"an empty cart": func() ([]Line, error) { return confirm(id, "alice", nil) },
	} {
		if _, err := f(); !errors.Is(err, ErrOrder) {
			t.Errorf("%s: %v, want ErrOrder", name, err)
		}
	}
	if sold, err := confirm(id, "alice", cart); err != nil || len(sold) != 2 {
		t.Fatalf("%v, %v", sold, err)
	}
	if _, err := confirm(id, "bob", []Line{newLine("tea", "Assam")}); !errors.Is(err, ErrOrder) {
		t.Errorf("somebody else's number: %v, want ErrOrder", err)
	}
	more := append([]Line{newLine("tea", "Earl Grey")}, cart[1])
	if sold, err := confirm(id, "alice", more); err != nil || len(sold) != 1 || sold[0] != cart[1] {
		t.Errorf("repeated: sold %v, %v, want what was sold then", sold, err)
	}
	spare := newOrderID()
	if sold, err := confirm(spare, "alice", cart); err != nil || len(sold) != 2 {
		t.Errorf("sold before: %v, %v", sold, err)
	}
	if _, err := confirm(spare, "bob", nil); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("a number of no order is taken: %v", err)
	}
	for customer, want := range map[string][]Order{"alice": {{ID: id, Items: []string{"Assam", "Paper boat"}}}, "bob": nil} {
		got, err := o.Of(t.Context(), customer)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v, (-want +got):\n%s", customer, err, diff)
		}
	}
}

// Replicas that start together open one new file, and one cart that many
// confirm under different numbers is one order.
func TestOrdersOfSeveralReplicas(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "odd ?name%20#.db")
	cart := []Line{newLine("tea", "Assam"), newLine("tea", "Assam")}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			o, err := OpenOrders(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			defer o.Close()
			if sold, err := o.Confirm(t.Context(), newOrderID(), "alice", cart); err != nil || len(sold) != 2 {
				t.Errorf("sold %v, %v", sold, err)
			}
		})
	}
	wg.Wait()
	o, err := OpenOrders(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if orders, err := o.Of(t.Context(), "alice"); err != nil || len(orders) != 1 || len(orders[0].Items) != 2 {
		t.Errorf("orders %v, %v, want one of two", orders, err)
	}
}
