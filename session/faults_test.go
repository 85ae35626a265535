package session_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/memstore"
)

func TestStoreDown(t *testing.T) {
	store := &faulty{Store: newStore()}
	shop := newShop()
	var failure error
	shop.HandleFunc("/tolerant", func(w http.ResponseWriter, r *http.Request) {
		if err := session.From(r.Context()).Load(); err != nil {
			failure = err
			io.WriteString(w, "without")
		}
	})
	shop.HandleFunc("/careless", func(w http.ResponseWriter, r *http.Request) {
		shop.name.Set(session.From(r.Context()), "x") // and never looks
		http.SetCookie(w, &http.Cookie{Name: "other", Value: "1"})
		io.WriteString(w, "done")
	})
	var log bytes.Buffer
	m := newManager(t, store, session.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	b := newBrowser(t, serve(t, m, shop))
	b.want("/login?u=alice", 200, "ok")
	cookie := b.cookie()

	store.down()
	stranger := &browser{t: t, url: b.url, jar: map[string]string{}}
	stranger.want("/get", 200, "none")
	stranger.want("/static", 200, "static")
	b.want("/static", 200, "static")
	for _, path := range []string{"/get", "/who", "/set?v=x", "/login?u=bob", "/logout", "/renew", "/gone", "/careless"} {
		got := b.want(path, 503, "Service Unavailable")
		if got.header.Get("Retry-After") == "" || len(got.cookies) != 0 {
			t.Errorf("%s: header %v", path, got.header)
		}
	}
	b.want("/tolerant", 200, "without")
	if !errors.Is(failure, errDown) || errors.Is(failure, session.ErrNotFound) {
		t.Errorf("Load: %v", failure)
	}
	if got := stranger.want("/set?v=x", 503, "Service Unavailable"); len(got.cookies) != 0 {
		t.Error("a session that was not started has a cookie")
	}
	if b.cookie() != cookie {
		t.Error("the outage changed the cookie")
	}

	store.up()
	b.want("/who", 200, "alice")
	text := log.String()
	if strings.Count(text, "does not answer") != 1 || strings.Count(text, "answers again") != 1 {
		t.Errorf("the log has not one line for each change of the store's state:\n%s", text)
	}
	if strings.Contains(text, cookie[:16]) || strings.Contains(text, "alice") {
		t.Error("the log names a session or a principal")
	}
}

// loseReplies applies the first n commits that match, and says nothing of it.
func loseReplies(n int, match func(session.Change) bool) commitFunc {
	return func(_ context.Context, c session.Change, do func() (session.Result, error)) (session.Result, error) {
		result, err := do()
		if n > 0 && match(c) {
			n--
			return session.Result{}, errDown
		}
		return result, err
	}
}

func all(session.Change) bool { return true }

func TestLostRepliesApplyOnce(t *testing.T) {
	store := &faulty{Store: newStore()}
	shop := newShop()
	shop.HandleFunc("/add", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		n, err := shop.hits.Add(r.Context(), s, 1)
		if try(w, r, err) && try(w, r, shop.cart.Append(s, "x")) {
			fmt.Fprint(w, n)
		}
	})
	shop.HandleFunc("/show", func(w http.ResponseWriter, r *http.Request) {
		n, err1 := shop.hits.Value(session.From(r.Context()))
		cart, err2 := shop.cart.Values(session.From(r.Context()))
		if try(w, r, errors.Join(err1, err2)) {
			fmt.Fprint(w, n, len(cart))
		}
	})
	m := newManager(t, store, session.Options{})
	b := newBrowser(t, serve(t, m, shop))
	for i := range 5 {
		store.set(nil, loseReplies(2, all))
		b.want("/add", 200, fmt.Sprint(i+1))
	}
	store.up()
	b.want("/show", 200, "5 5")
	if st := m.Stats(); st.Started != 1 || st.Unknown != 0 || st.Retries != 10 {
		t.Errorf("stats are %+v", st)
	}
	for _, path := range []string{"/login?u=alice", "/renew"} {
		store.set(nil, loseReplies(1, all))
		if got := b.want(path, 200, "ok"); len(got.cookies) != 1 || len(b.cookie()) != 60 {
			t.Errorf("%s: %d cookies", path, len(got.cookies))
		}
	}
	b.want("/who", 200, "alice")
	store.set(nil, loseReplies(1, all))
	b.want("/logout", 200, "ok")
	if b.cookie() != "" {
		t.Error("the cookie survived the logout")
	}
}

// A retry that comes after so many other writes that nobody remembers the first
// attempt is not applied again, and not acknowledged.
func TestForgottenAttemptIsUnknown(t *testing.T) {
	store := &faulty{Store: newStore()}
	shop := newShop()
	add := func(w http.ResponseWriter, r *http.Request) {
		n, err := shop.hits.Add(r.Context(), session.From(r.Context()), 1)
		if try(w, r, err) {
			fmt.Fprint(w, n)
		}
	}
	shop.HandleFunc("/add", add)
	m := newManager(t, store, session.Options{})
	b := newBrowser(t, serve(t, m, shop))
	b.want("/add", 200, "1")
	cookie, first := b.cookie(), true
	store.set(nil, func(_ context.Context, _ session.Change, do func() (session.Result, error)) (session.Result, error) {
		result, err := do()
		if !first {
			return result, err
		}
		first = false
		for range session.MaxWrites {
			if code := record(m, shop, cookie, "GET", "/add").StatusCode; code != 200 {
				t.Errorf("status %d", code)
			}
		}
		return session.Result{}, errDown
	})
	b.want("/add", 503, "Service Unavailable")
	store.up()
	b.want("/add", 200, fmt.Sprint(session.MaxWrites+3))
}

// After a renewal with an unknown outcome the browser holds both verifiers.
func TestRenewalWithUnknownOutcome(t *testing.T) {
	for name, applied := range map[string]bool{"applied": true, "not applied": false} {
		for _, path := range []string{"/renew", "/login?u=alice"} {
			t.Run(name+path, func(t *testing.T) {
				store := &faulty{Store: newStore()}
				b := newBrowser(t, serve(t, newManager(t, store, session.Options{}), newShop()))
				b.want("/login?u=alice", 200, "ok")
				b.want("/set?v=kept", 200, "ok")
				before := b.cookie()
				store.set(nil, func(_ context.Context, _ session.Change, do func() (session.Result, error)) (session.Result, error) {
					if applied {
						do()
					}
					return session.Result{}, errDown
				})
				got := b.want(path, 503, "Service Unavailable")
				if parts := strings.Split(b.cookie(), "."); len(got.cookies) != 1 || len(parts) != 3 || parts[0]+"."+parts[2] != before {
					t.Fatalf("the cookie has %d parts", len(parts))
				}
				store.up()
				b.want("/get", 200, "kept")
				b.want("/who", 200, "alice")
				b.want("/set?v=again", 200, "ok")
				b.want("/renew", 200, "ok")
				if len(b.cookie()) != 60 {
					t.Errorf("after the next renewal the cookie has %d characters", len(b.cookie()))
				}
				b.want("/get", 200, "again")
			})
		}
	}
}

// A write that is still on the way when its request has been answered with 503
// does nothing when it arrives.
func TestDelayedWriteNeverLands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Store: newStore()}
		shop := newShop()
		m := newManager(t, store, session.Options{Budget: 250 * time.Millisecond})
		cookie := cookieOf(t, record(m, shop, "", "GET", "/set?v=first"))
		var mu sync.Mutex
		var late []error
		store.set(nil, func(ctx context.Context, _ session.Change, do func() (session.Result, error)) (session.Result, error) {
			go func() {
				time.Sleep(800 * time.Millisecond)
				_, err := do()
				mu.Lock()
				defer mu.Unlock()
				late = append(late, err)
			}()
			<-ctx.Done()
			return session.Result{}, ctx.Err()
		})
		begin := time.Now()
		if res := record(m, shop, cookie, "GET", "/set?v=second"); res.StatusCode != 503 {
			t.Errorf("status %d", res.StatusCode)
		}
		if took := time.Since(begin); took > 500*time.Millisecond {
			t.Errorf("the answer took %v, want two budgets at most", took)
		}
		store.up()
		if res := record(m, shop, cookie, "GET", "/set?v=third"); res.StatusCode != 200 {
			t.Errorf("status %d", res.StatusCode)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(late) == 0 {
			t.Fatal("nothing arrived late")
		}
		for _, err := range late {
			if !errors.As(err, new(session.ErrLate)) {
				t.Errorf("a late write: %v", err)
			}
		}
		if got := bodyOf(t, record(m, shop, cookie, "GET", "/get")); got != "third" {
			t.Errorf("value is %q", got)
		}
	})
}

// A slow store within the budget is no failure, and is not asked twice.
func TestSlowStoreWithinTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Store: newStore()}
		m := newManager(t, store, session.Options{Budget: 250 * time.Millisecond})
		slow := 200 * time.Millisecond
		store.set(func(context.Context) error { time.Sleep(slow); return nil },
			func(_ context.Context, _ session.Change, do func() (session.Result, error)) (session.Result, error) {
				time.Sleep(slow / 2)
				defer time.Sleep(slow / 2)
				return do()
			})
		cookie := ""
		for i := range 3 {
			res := record(m, newShop(), cookie, "GET", fmt.Sprint("/set?v=", i))
			if res.StatusCode != 200 {
				t.Fatalf("status %d", res.StatusCode)
			}
			if cookie == "" {
				cookie = cookieOf(t, res)
			}
		}
		if st := m.Stats(); st.Retries != 0 || st.Commits != 3 {
			t.Errorf("stats are %+v", st)
		}
	})
}

func TestHungStoreCostsTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Store: newStore()}
		m := newManager(t, store, session.Options{Budget: 250 * time.Millisecond})
		cookie := cookieOf(t, record(m, newShop(), "", "GET", "/set?v=a"))
		store.set(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, nil)
		begin := time.Now()
		if res := record(m, newShop(), cookie, "GET", "/get"); res.StatusCode != 503 {
			t.Errorf("status %d", res.StatusCode)
		}
		if took := time.Since(begin); took != 250*time.Millisecond {
			t.Errorf("it took %v", took)
		}
	})
}

// The store's clock counts, whatever the local one shows, and is learnt.
func TestClocksThatDiffer(t *testing.T) {
	for _, skew := range []time.Duration{-13 * time.Hour, -time.Minute, time.Minute, 13 * time.Hour} {
		t.Run(skew.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				offset := skew
				store := memstore.New(memstore.Options{Now: func() time.Time { return time.Now().Add(offset) }})
				shop := newShop()
				m := newManager(t, store, session.Options{})
				cookie := cookieOf(t, record(m, shop, "", "GET", "/login?u=alice"))
				for range 3 {
					if res := record(m, shop, cookie, "GET", "/set?v=a"); res.StatusCode != 200 {
						t.Fatalf("status %d", res.StatusCode)
					}
				}
				if st := m.Stats(); skew > 0 && st.Late != 1 || skew < 0 && st.Late != 0 {
					t.Errorf("%d late writes", st.Late)
				}
				// Another master takes over, whose clock is ahead.
				offset += time.Minute
				handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					s := session.From(r.Context())
					_, _, err := shop.name.Get(s)
					offset += time.Minute
					try(w, r, errors.Join(err, shop.name.Set(s, "b")))
				})
				if res := record(m, handler, cookie, "GET", "/"); res.StatusCode != 200 {
					t.Errorf("status %d after the clock stepped", res.StatusCode)
				}
			})
		})
	}
}

func TestUnknownFormatIsNotAbsent(t *testing.T) {
	store := &faulty{Store: newStore()}
	b := newBrowser(t, serve(t, newManager(t, store, session.Options{}), newShop()))
	b.want("/set?v=a", 200, "ok")
	cookie := b.cookie()
	store.set(func(context.Context) error { return session.ErrFormat }, nil)
	for _, path := range []string{"/get", "/set?v=b", "/who"} {
		if got := b.get(path); got.code != 503 || len(got.cookies) != 0 {
			t.Errorf("%s: %d with %d cookies", path, got.code, len(got.cookies))
		}
	}
	store.up()
	if b.want("/get", 200, "a"); b.cookie() != cookie {
		t.Error("the cookie has changed")
	}
}

func TestLimitAtTheCommit(t *testing.T) {
	store := &faulty{Store: newStore()}
	b := newBrowser(t, serve(t, newManager(t, store, session.Options{}), newShop()))
	b.want("/set?v=a", 200, "ok")
	store.set(nil, func(context.Context, session.Change, func() (session.Result, error)) (session.Result, error) {
		return session.Result{}, fmt.Errorf("%w: grown", session.ErrLimit)
	})
	b.want("/set?v=b", 413, "Request Entity Too Large")
	store.up()
	b.want("/get", 200, "a")
}

func TestMaxStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, newStore(), session.Options{MaxStarts: 3})
		shop := newShop()
		start := func() int { return record(m, shop, "", "GET", "/set?v=a").StatusCode }
		var got []int
		for range 5 {
			got = append(got, start())
		}
		if !slices.Equal(got, []int{200, 200, 200, 503, 503}) {
			t.Errorf("statuses %v", got)
		}
		if code := record(m, shop, "", "GET", "/login?u=alice").StatusCode; code != 200 {
			t.Errorf("a sign-in under a flood of strangers: %d", code)
		}
		time.Sleep(350 * time.Millisecond)
		if code := start(); code != 200 {
			t.Errorf("a third of a second later: %d", code)
		}
		if n := m.Stats().StartsRefused; n != 2 {
			t.Errorf("%d refused, want 2", n)
		}
	})
}
