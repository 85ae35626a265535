package shop

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestShopping(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		b := newBrowser(t, open(t, kind))
		if page := b.page("GET", "/"); user(page) != "" || count(t, page) != 0 || b.cookie() != "" {
			t.Errorf("a first visit: user %q, cookie %q", user(page), b.cookie())
		}
		b.add("tea", "Assam") // before the sign-in
		anonymous := b.cookie()
		b.signIn("alice")
		signedIn := b.cookie()
		if signedIn == anonymous || anonymous == "" {
			t.Errorf("sign-in kept the session ID: %v, from %q", signedIn == anonymous, anonymous)
		}
		b.add("books", "An atlas of tides")
		b.add("toys", "Paper boat")
		b.add("tea", "Assam") // the same again is one more
		if page := b.page("GET", "/"); user(page) != "alice" || count(t, page) != 4 {
			t.Errorf("user %q with %d in the cart, want alice with 4", user(page), count(t, page))
		}
		want := []string{"books: An atlas of tides", "tea: Assam", "tea: Assam", "toys: Paper boat"}
		if diff := cmp.Diff(want, b.cartLines()); diff != "" {
			t.Errorf("cart (-want +got):\n%s", diff)
		}

		order := found(orderShown, b.page("GET", "/cart"))
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { b.page("POST", "/checkout", "order", order) })
		}
		wg.Wait()
		b.page("POST", "/checkout", "order", order)
		orders := [][]string{{"An atlas of tides", "Assam", "Assam", "Paper boat"}}
		if diff := cmp.Diff(orders, b.account()); diff != "" {
			t.Errorf("account (-want +got):\n%s", diff)
		}
		if lines := b.cartLines(); len(lines) != 0 {
			t.Errorf("bought and still in the cart: %q", lines)
		}

		b.add("shoes", "Deck shoes")
		b.signOut()
		if page := b.page("GET", "/account"); user(page) != "" || count(t, page) != 0 || strings.Contains(page, "Assam") || b.cookie() != "" {
			t.Errorf("signed out: cookie %q, page %q", b.cookie(), page)
		}
		for _, old := range []string{anonymous, signedIn} {
			b.setCookie(old)
			if page := b.page("GET", "/"); user(page) != "" || count(t, page) != 0 {
				t.Errorf("an old cookie opens a session of %q", user(page))
			}
		}
		b.signIn("bob")
		if b.cookie() == signedIn {
			t.Error("the sign-in took a session ID that it was offered")
		}
		if lines, orders := b.cartLines(), b.account(); len(lines)+len(orders) != 0 {
			t.Errorf("bob sees alice's: %q, %q", lines, orders)
		}
		b.signOut()
		b.signIn("alice")
		if diff := cmp.Diff(orders, b.account()); diff != "" {
			t.Errorf("account, later (-want +got):\n%s", diff)
		}
	})
}

// Another user signs in over a session that is still open.
func TestNextUserWithoutSignOut(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		b := newBrowser(t, open(t, kind))
		b.signIn("alice")
		b.add("lamps", "Storm lantern")
		alices := b.cookie()
		b.signIn("bob")
		if page := b.page("GET", "/cart"); user(page) != "bob" || count(t, page) != 0 {
			t.Errorf("%q has %d of alice's in the cart", user(page), count(t, page))
		}
		b.setCookie(alices)
		if page := b.page("GET", "/"); user(page) != "" {
			t.Errorf("the old cookie still opens the session of %q", user(page))
		}
	})
}

func TestForms(t *testing.T) {
	t.Parallel()
	srv := open(t, "library")
	b := newBrowser(t, srv)
	for _, c := range []struct {
		name, path string
		form       url.Values
		header     []string
		status     int
	}{
		{"no name", "/sign-in", nil, nil, 400},
		{"blank name", "/sign-in", fieldValues("user", " \t"), nil, 400},
		{"long name", "/sign-in", fieldValues("user", strings.Repeat("ü", 65)), nil, 400},
		{"name with a line end", "/sign-in", fieldValues("user", "a\nb"), nil, 400},
		{"name that is not text", "/sign-in", fieldValues("user", "a\xff"), nil, 400},
		{"a drill user's name", "/sign-in", fieldValues("user", "drill:u1"), nil, 400},
		{"nothing to add", "/cart", nil, nil, 400},
		{"no such item", "/cart", fieldValues("department", "tea", "item", "Coffee"), nil, 400},
		{"no such department", "/cart", fieldValues("department", "fish", "item", "Assam"), nil, 400},
		{"too large", "/cart", fieldValues("item", strings.Repeat("x", maxBody)), nil, 413},
		{"broken", "/cart?%zz", nil, nil, 400},
		{"buying without a sign-in", "/checkout", fieldValues("order", newOrderID()), nil, 403},
		{"from another site", "/sign-in", fieldValues("user", "eve"), []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"from another origin", "/sign-in", fieldValues("user", "eve"), []string{"Origin", "http://evil.example"}, 403},
		{"unknown form", "/nothing", nil, nil, 404},
		{"page as a form", "/account", nil, nil, 405},
	} {
		if status, body := b.do("POST", c.path, c.form, c.header...); status != c.status {
			t.Errorf("%s: %d %q, want %d", c.name, status, body, c.status)
		}
	}
	if b.cookie() != "" {
		t.Error("refused forms started a session")
	}
	b.signIn("alice")
	for name, order := range map[string]string{"no number": "", "no number of ours": "1234567890123456", "empty cart": newOrderID()} {
		if status, _ := b.do("POST", "/checkout", fieldValues("order", order)); status != 400 {
			t.Errorf("%s: %d, want 400", name, status)
		}
	}
}

func TestPagesEscapeAndLoadNothing(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, open(t, "memory"))
	name := `<script>alert("x")</script>'"&`
	b.signIn(name)
	b.add("tea", "Assam")
	for _, path := range []string{"/", "/cart", "/account"} {
		page := b.page("GET", path)
		if strings.Contains(page, "<script") || user(page) != name {
			t.Errorf("%s: user %q", path, user(page))
		}
		if strings.Contains(page, "http://") || strings.Contains(page, "https://") || strings.Contains(page, "src=") {
			t.Errorf("%s loads something: %s", path, page)
		}
	}
	r, err := b.c.Get(b.base + "/")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	want := map[string]string{"Cache-Control": "no-store", "X-Instance": "shop-1", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": contentSecurity}
	for header, value := range want {
		if got := r.Header.Get(header); got != value {
			t.Errorf("%s: %q, want %q", header, got, value)
		}
	}
}

func TestCookie(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		srv := open(t, kind)
		client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		r, err := client.PostForm(srv.URL+"/sign-in", fieldValues("user", "alice"))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if n := len(r.Header["Set-Cookie"]); n != 1 {
			t.Fatalf("%d cookies: %q", n, r.Header["Set-Cookie"])
		}
		c := r.Cookies()[0]
		if c.Name != testCookie || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || len(c.Value) < 26 {
			t.Errorf("cookie %+v", c)
		}
		if r.Header.Get("Cache-Control") != "no-store" || r.StatusCode != http.StatusSeeOther {
			t.Errorf("status %d, Cache-Control %q", r.StatusCode, r.Header.Get("Cache-Control"))
		}
	})
}

func TestEightDepartments(t *testing.T) {
	seen := map[string]bool{}
	for _, key := range []string{"k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"} {
		seen[keyed(key)] = true
	}
	if len(stock) != 8 || len(seen) != 8 {
		t.Errorf("%d departments, the drill's eight keys reach %d", len(stock), len(seen))
	}
}
