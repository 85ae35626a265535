package session_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/evenkeel/evenkeel/session"
)

const parallel = 20

// together runs f n times at once and waits.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// barrier lets a handler wait until all requests have read the session.
type barrier struct{ arrived, release chan struct{} }

func newBarrier() *barrier { return &barrier{make(chan struct{}), make(chan struct{})} }

func (b *barrier) wait() { b.arrived <- struct{}{}; <-b.release }

func (b *barrier) open(n int) {
	for range n {
		<-b.arrived
	}
	close(b.release)
}

func TestConcurrentRequestsLoseNothing(t *testing.T) {
	attrs := make([]*session.Attribute[int], parallel)
	for i := range attrs {
		attrs[i] = session.NewAttribute[int](fmt.Sprint("a", i))
	}
	shop := newShop()
	bar := newBarrier()
	shop.HandleFunc("/write", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		var i int
		fmt.Sscan(r.FormValue("i"), &i)
		err := attrs[i].Set(s, i)
		bar.wait()
		try(w, r, err)
	})
	shop.HandleFunc("/count", func(w http.ResponseWriter, r *http.Request) {
		n := 0
		for i, a := range attrs {
			if v, found, err := a.Get(session.From(r.Context())); err != nil || found && v != i {
				t.Errorf("attribute %d is %d, %v", i, v, err)
			} else if found {
				n++
			}
		}
		fmt.Fprint(w, n)
	})
	b := newBrowser(t, serve(t, newManager(t, newStore(), session.Options{}), shop))
	b.want("/set?v=a", 200, "ok")
	go bar.open(parallel)
	together(parallel, func(i int) {
		if got := b.get(fmt.Sprint("/write?i=", i)); got.code != 200 {
			t.Errorf("write %d: %d", i, got.code)
		}
	})
	b.want("/count", 200, fmt.Sprint(parallel))
}

func TestConcurrentUpdatesCountersListsAndSets(t *testing.T) {
	total := session.NewAttribute[int]("total")
	shop := newShop()
	shop.HandleFunc("/do", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		i := r.FormValue("i")
		_, err := total.Update(r.Context(), s, func(n int, found bool) (int, error) { return n + 1, nil })
		if !try(w, r, err) {
			return
		}
		ticket, err := shop.hits.Add(r.Context(), s, 1)
		if !try(w, r, err) || !try(w, r, shop.cart.Append(s, i)) || !try(w, r, shop.tags.Add(s, i, "all")) {
			return
		}
		fmt.Fprint(w, ticket)
	})
	shop.HandleFunc("/show", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		n, _, err := total.Get(s)
		if !try(w, r, err) {
			return
		}
		hits, err := shop.hits.Value(s)
		if !try(w, r, err) {
			return
		}
		cart, err := shop.cart.Values(s)
		if !try(w, r, err) {
			return
		}
		tags, err := shop.tags.Values(s)
		if try(w, r, err) {
			fmt.Fprint(w, n, hits, len(cart), len(tags))
		}
	})
	m := newManager(t, newStore(), session.Options{})
	b := newBrowser(t, serve(t, m, shop))
	b.want("/set?v=a", 200, "ok")
	var mu sync.Mutex
	var tickets []string
	together(parallel, func(i int) {
		got := b.get(fmt.Sprint("/do?i=", i))
		if got.code != 200 {
			t.Errorf("%d: %d", i, got.code)
		}
		mu.Lock()
		defer mu.Unlock()
		tickets = append(tickets, got.body)
	})
	slices.Sort(tickets)
	if n := len(slices.Compact(tickets)); n != parallel {
		t.Errorf("%d distinct tickets, want %d", n, parallel)
	}
	b.want("/show", 200, fmt.Sprint(parallel, parallel, parallel, parallel+1))
}

// A control: what Update, and nothing else, is for. The last writer wins.
func TestControlSetLosesWhatUpdateDoesNot(t *testing.T) {
	total := session.NewAttribute[int]("total")
	shop := newShop()
	bar := newBarrier()
	shop.HandleFunc("/do", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		n, _, err := total.Get(s)
		bar.wait()
		if try(w, r, err) {
			try(w, r, total.Set(s, n+1))
		}
	})
	shop.HandleFunc("/show", func(w http.ResponseWriter, r *http.Request) {
		n, _, err := total.Get(session.From(r.Context()))
		if try(w, r, err) {
			fmt.Fprint(w, n)
		}
	})
	b := newBrowser(t, serve(t, newManager(t, newStore(), session.Options{}), shop))
	b.want("/set?v=a", 200, "ok")
	go bar.open(parallel)
	together(parallel, func(int) { b.get("/do") })
	b.want("/show", 200, "1")
}

func TestRenewalWithWritersInFlight(t *testing.T) {
	for _, path := range []string{"/renew", "/login?u=alice"} {
		t.Run(path, func(t *testing.T) {
			shop := newShop()
			bar := newBarrier()
			shop.HandleFunc("/write", func(w http.ResponseWriter, r *http.Request) {
				err := session.NewAttribute[string](r.FormValue("n")).Set(session.From(r.Context()), "x")
				bar.wait()
				try(w, r, err)
			})
			shop.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
				keys, err := session.From(r.Context()).Keys()
				if try(w, r, err) {
					io.WriteString(w, strings.Join(keys, ","))
				}
			})
			b := newBrowser(t, serve(t, newManager(t, newStore(), session.Options{}), shop))
			b.want("/set?v=a", 200, "ok")
			var want []string
			done := make(chan struct{})
			const writers = 10
			for i := range writers {
				name := fmt.Sprintf("w%02d", i)
				want = append(want, name)
				r := b.request("GET", "/write?n="+name)
				go func() {
					defer func() { done <- struct{}{} }()
					if got := b.send(r); got.code != 200 || len(got.cookies) != 0 {
						t.Errorf("%s: %d with %d cookies", name, got.code, len(got.cookies))
					}
				}()
				<-bar.arrived
			}
			b.want(path, 200, "ok")
			cookie := b.cookie()
			close(bar.release)
			for range writers {
				<-done
			}
			if b.cookie() != cookie {
				t.Error("a writer changed the browser's cookie")
			}
			b.want("/keys", 200, "name,"+strings.Join(want, ","))
		})
	}
}

func TestConcurrentRenewals(t *testing.T) {
	shop := newShop()
	bar := newBarrier()
	shop.HandleFunc("/renew-all", func(w http.ResponseWriter, r *http.Request) {
		err := session.From(r.Context()).Renew()
		bar.wait()
		try(w, r, err)
	})
	m := newManager(t, newStore(), session.Options{})
	b := newBrowser(t, serve(t, m, shop))
	b.want("/login?u=alice", 200, "ok")
	before := m.Stats().Renewed
	go bar.open(parallel)
	var mu sync.Mutex
	cookies := 0
	together(parallel, func(int) {
		got := b.get("/renew-all")
		mu.Lock()
		defer mu.Unlock()
		cookies += len(got.cookies)
		if got.code != 200 {
			t.Errorf("renew: %d", got.code)
		}
	})
	if n := m.Stats().Renewed - before; n != 1 || cookies != 1 {
		t.Errorf("%d renewals and %d cookies, want one", n, cookies)
	}
	b.want("/who", 200, "alice")
}

// The goroutines of one request share its session.
func TestConcurrentUseWithinARequest(t *testing.T) {
	shop := newShop()
	shop.HandleFunc("/many", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		together(parallel, func(i int) {
			a := session.NewAttribute[int](fmt.Sprint("p", i%5))
			if err := a.Set(s, i); err != nil {
				t.Error(err)
			}
			if _, err := shop.hits.Add(r.Context(), s, 1); err != nil {
				t.Error(err)
			}
			if err := shop.cart.Append(s, fmt.Sprint(i)); err != nil {
				t.Error(err)
			}
			if _, err := session.NewAttribute[int]("u").Update(r.Context(), s, func(n int, _ bool) (int, error) { return n + 1, nil }); err != nil {
				t.Error(err)
			}
			if _, _, err := a.Get(s); err != nil {
				t.Error(err)
			}
			s.Principal()
		})
	})
	shop.HandleFunc("/show", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		hits, _ := shop.hits.Value(s)
		cart, _ := shop.cart.Values(s)
		u, _, _ := session.NewAttribute[int]("u").Get(s)
		fmt.Fprint(w, hits, len(cart), u)
	})
	m := newManager(t, newStore(), session.Options{})
	b := newBrowser(t, serve(t, m, shop))
	if got := b.get("/many"); got.code != 200 || len(got.cookies) != 1 {
		t.Errorf("%d with %d cookies", got.code, len(got.cookies))
	}
	if n := m.Stats().Started; n != 1 {
		t.Errorf("%d sessions started, want 1", n)
	}
	b.want("/show", 200, fmt.Sprint(parallel, parallel, parallel))
}
