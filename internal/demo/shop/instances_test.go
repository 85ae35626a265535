package shop

import (
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"
)

// openTwo starts two instances over one store, each with its own handle on it
// as two replicas have.
func openTwo(t *testing.T, kind string) [2]*httptest.Server {
	t.Helper()
	dir := t.TempDir()
	var two [2]*httptest.Server
	for i := range two {
		two[i] = serve(t, fmt.Sprintf("shop-%d", i+1), openKind(t, kind, dir), openTestOrders(t, dir))
	}
	return two
}

func TestTheOtherInstance(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		two := openTwo(t, kind)
		b := newBrowser(t, two[0])
		b.signIn("alice")
		b.add("tea", "Assam")
		want, lines := "alice", 1
		if kind == "memory" {
			want, lines = "", 0 // which is what the strategy is there to show
		}
		if page := b.at(two[1]).page("GET", "/cart"); user(page) != want || count(t, page) != lines {
			t.Errorf("the other instance knows %q with %d lines, want %q with %d", user(page), count(t, page), want, lines)
		}
		if page := b.page("GET", "/cart"); user(page) != "alice" || count(t, page) != 1 {
			t.Errorf("the first instance knows %q with %d lines", user(page), count(t, page))
		}
	})
}

// addAtOnce adds n lines in groups of 20 at once, by turns at both instances,
// and returns how many are missing afterwards.
func addAtOnce(t *testing.T, two [2]*httptest.Server, b *browser, n int) (lost int) {
	t.Helper()
	before := count(t, b.page("GET", "/"))
	for range n / 20 {
		var wg sync.WaitGroup
		for i := range 20 {
			d := stock[i%len(stock)]
			wg.Go(func() { b.at(two[i%2]).add(d.Name, d.Items[0]) })
		}
		wg.Wait()
	}
	return before + n - count(t, b.page("GET", "/"))
}

func TestAddsAtOnceWithTheLibrary(t *testing.T) {
	two := openTwo(t, "library")
	b := newBrowser(t, two[0])
	b.signIn("alice")
	if lost := addAtOnce(t, two, b, 200); lost != 0 {
		t.Errorf("%d of 200 lost", lost)
	}
}

// The control of the test above and of the demo: the way that loses must lose.
func TestAddsAtOnceWithABlob(t *testing.T) {
	two := openTwo(t, "blob")
	b := newBrowser(t, two[0])
	b.signIn("alice")
	for round := range 20 {
		if lost := addAtOnce(t, two, b, 200); lost > 0 {
			t.Logf("%d of 200 lost in round %d", lost, round+1)
			return
		}
	}
	t.Error("nothing lost in 4,000 concurrent adds: the demo shows nothing")
}

// One after the other loses nothing anywhere.
func TestAddsOneByOne(t *testing.T) {
	for _, kind := range []string{"blob", "library"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			two := openTwo(t, kind)
			b := newBrowser(t, two[0])
			b.signIn("alice")
			for i := range 20 {
				d := stock[i%len(stock)]
				b.at(two[i%2]).add(d.Name, d.Items[0])
			}
			if n := count(t, b.page("GET", "/")); n != 20 {
				t.Errorf("%d of 20 are there", n)
			}
		})
	}
}
