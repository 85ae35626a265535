package shop

import (
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const (
	testCookie = "shop-test"
	testSecret = "0123456789-0123456789-0123"
)

// kinds are the ways of keeping sessions, all of which the suite must pass.
var kinds = []string{"memory", "blob", "library"}

func eachKind(t *testing.T, f func(t *testing.T, kind string)) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) { t.Parallel(); f(t, kind) })
	}
}

func openKind(t *testing.T, kind, dir string) Sessions {
	t.Helper()
	cfg := Config{Sessions: kind, Store: filepath.Join(dir, kind+".db"), Cookie: testCookie}
	s, err := cfg.open(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func openTestOrders(t *testing.T, dir string) *Orders {
	t.Helper()
	o, err := OpenOrders(t.Context(), filepath.Join(dir, "orders.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

// serve runs one instance of the shop, as a replica has it, on loopback.
func serve(t *testing.T, name string, s Sessions, o *Orders) *httptest.Server {
	t.Helper()
	h, err := New(Options{Name: name, Sessions: s, Orders: o, Secret: testSecret, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

// open starts one instance over a new store.
func open(t *testing.T, kind string) *httptest.Server {
	t.Helper()
	dir := t.TempDir()
	return serve(t, "shop-1", openKind(t, kind, dir), openTestOrders(t, dir))
}

// browser is somebody's: it keeps cookies, which are the host's and not the
// port's, and follows redirects.
type browser struct {
	t    *testing.T
	c    *http.Client
	base string
}

func newBrowser(t *testing.T, srv *httptest.Server) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{t: t, c: &http.Client{Jar: jar, Transport: transport}, base: srv.URL}
}

// at is the same browser, looking at another instance.
func (b *browser) at(srv *httptest.Server) *browser { return &browser{b.t, b.c, srv.URL} }

// do may be called from any goroutine.
func (b *browser) do(method, path string, form url.Values, header ...string) (status int, body string) {
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Error(err)
		return 0, ""
	}
	if len(form) > 0 {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := b.c.Do(r)
	if err != nil {
		b.t.Error(err)
		return 0, ""
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Error(err)
	}
	return res.StatusCode, string(raw)
}

// page asks for a page, or posts a form with the fields given in pairs, and
// wants 200 in the end.
func (b *browser) page(method, path string, fields ...string) string {
	b.t.Helper()
	status, body := b.do(method, path, fieldValues(fields...))
	if status != http.StatusOK {
		b.t.Errorf("%s %s: %d %q", method, path, status, body)
	}
	return body
}

func fieldValues(fields ...string) url.Values {
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return form
}

func (b *browser) signIn(user string) { b.t.Helper(); b.page("POST", "/sign-in", "user", user) }
func (b *browser) signOut()           { b.t.Helper(); b.page("POST", "/sign-out") }

func (b *browser) add(department, item string) {
	b.t.Helper()
	b.page("POST", "/cart", "department", department, "item", item)
}

func (b *browser) probe(method, call string) (int, string) {
	return b.do(method, "/probe/"+call, nil, "X-Evenkeel-Probe", testSecret)
}

// cookie is the value of the session cookie, "" if there is none.
func (b *browser) cookie() string {
	u, err := url.Parse(b.base)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.c.Jar.Cookies(u) {
		if c.Name == testCookie {
			return c.Value
		}
	}
	return ""
}

// setCookie plants a session cookie, as a thief or a stale tab would.
func (b *browser) setCookie(value string) {
	u, err := url.Parse(b.base)
	if err != nil {
		b.t.Fatal(err)
	}
	b.c.Jar.SetCookies(u, []*http.Cookie{{Name: testCookie, Value: value, Path: "/"}})
}

// What is on a page.
var (
	userShown  = regexp.MustCompile(`<b id="user">([^<]*)</b>`)
	countShown = regexp.MustCompile(`<span id="count">(\d+)</span>`)
	orderShown = regexp.MustCompile(`name="order" value="([^"]+)"`)
	lineShown  = regexp.MustCompile(`<li><span>([^<]*)</span><small>([^<]*)</small></li>`)
	boughtOnce = regexp.MustCompile(`(?s)<section class="order">.*?</section>`)
	itemShown  = regexp.MustCompile(`<li>([^<]*)</li>`)
)

func found(re *regexp.Regexp, page string) string {
	m := re.FindStringSubmatch(page)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}

func user(page string) string { return found(userShown, page) }

func count(t *testing.T, page string) int {
	t.Helper()
	n, err := strconv.Atoi(found(countShown, page))
	if err != nil {
		t.Errorf("no count on the page: %q", page)
	}
	return n
}

// cartLines are what the cart's page lists, "department: item".
func (b *browser) cartLines() []string {
	b.t.Helper()
	var lines []string
	for _, m := range lineShown.FindAllStringSubmatch(b.page("GET", "/cart"), -1) {
		lines = append(lines, html.UnescapeString(m[2])+": "+html.UnescapeString(m[1]))
	}
	return lines
}

// account are the orders that the account's page lists, newest first.
func (b *browser) account() (orders [][]string) {
	b.t.Helper()
	for _, order := range boughtOnce.FindAllString(b.page("GET", "/account"), -1) {
		var items []string
		for _, m := range itemShown.FindAllStringSubmatch(order, -1) {
			items = append(items, html.UnescapeString(m[1]))
		}
		orders = append(orders, items)
	}
	return orders
}
