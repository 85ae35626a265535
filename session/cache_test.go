package session_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/evenkeel/evenkeel/session"
)

const floorName = cookieName + "-v"

// asked is a store that notes how it is asked.
type asked struct {
	session.Store
	mu      sync.Mutex
	loads   []session.LoadOptions
	commits []session.Change
}

func (a *asked) Load(ctx context.Context, key session.Key, opt session.LoadOptions) (*session.Record, error) {
	a.mu.Lock()
	a.loads = append(a.loads, opt)
	a.mu.Unlock()
	return a.Store.Load(ctx, key, opt)
}

func (a *asked) Commit(ctx context.Context, key session.Key, c session.Change) (session.Result, error) {
	a.mu.Lock()
	a.commits = append(a.commits, c)
	a.mu.Unlock()
	return a.Store.Commit(ctx, key, c)
}

// taken returns the loads since the last call.
func (a *asked) taken() []session.LoadOptions {
	a.mu.Lock()
	defer a.mu.Unlock()
	loads := a.loads
	a.loads = nil
	return loads
}

// byPath gives requests the mode that their query names.
func byPath(r *http.Request) session.CacheMode {
	return map[string]session.CacheMode{
		"off": session.CacheOff, "validated": session.CacheValidated, "bounded": session.CacheBounded, "nonsense": 77,
	}[r.FormValue("mode")]
}

func TestStoreIsToldTheMode(t *testing.T) {
	for _, c := range []struct {
		opt  session.Options
		path string
		want session.CacheMode
	}{
		{session.Options{}, "/get", session.CacheValidated},
		{session.Options{Cache: session.CacheOff}, "/get", session.CacheOff},
		{session.Options{Cache: session.CacheBounded}, "/get", session.CacheBounded},
		{session.Options{Cache: session.CacheOff, CacheFor: byPath}, "/get", session.CacheOff},
		{session.Options{Cache: session.CacheOff, CacheFor: byPath}, "/get?mode=bounded", session.CacheBounded},
		{session.Options{Cache: session.CacheBounded, CacheFor: byPath}, "/get?mode=off", session.CacheOff},
		{session.Options{Cache: session.CacheBounded, CacheFor: byPath}, "/get?mode=nonsense", session.CacheBounded},
		{session.Options{CacheFor: byPath}, "/get", session.CacheValidated},
	} {
		store := &asked{Store: newStore()}
		b := newBrowser(t, serve(t, newManager(t, store, c.opt), newShop()))
		b.want("/set?v=a", 200, "ok")
		b.want(c.path, 200, "a")
		if loads := store.taken(); len(loads) != 1 || loads[0].Cache != c.want || loads[0].Fresh {
			t.Errorf("%+v %s: loads %+v", c.opt.Cache, c.path, loads)
		}
	}
}

func TestReadsThatMustBeFresh(t *testing.T) {
	store := &asked{Store: newStore()}
	m := newManager(t, store, session.Options{
		Cache: session.CacheBounded,
		Fresh: func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/pay") },
	})
	shop := newShop()
	read := func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		s.Principal()
		try(w, r, s.Reload(r.Context()))
	}
	shop.HandleFunc("/pay", read)
	shop.HandleFunc("/read", read)
	shop.HandleFunc("/reload", func(w http.ResponseWriter, r *http.Request) {
		try(w, r, session.From(r.Context()).Reload(r.Context()))
	})
	b := newBrowser(t, serve(t, m, shop))
	b.want("/set?v=a", 200, "ok")
	for path, want := range map[string][]bool{"/pay": {true, true}, "/read": {false, true}, "/reload": {true}, "/get": {false}} {
		b.get(path)
		var fresh []bool
		for _, l := range store.taken() {
			fresh = append(fresh, l.Fresh)
		}
		if !slices.Equal(fresh, want) {
			t.Errorf("%s: fresh %v, want %v", path, fresh, want)
		}
	}
}

// versionIn is what a response says of the version.
func versionIn(r response) string {
	for _, c := range r.cookies {
		if c.Name == floorName {
			return c.Value
		}
	}
	return ""
}

func TestVersionCookieIsSentWhenThereIsSomethingToTell(t *testing.T) {
	b := newBrowser(t, serve(t, newManager(t, newStore(), session.Options{Cache: session.CacheBounded}), newShop()))
	last := ""
	for _, step := range []struct {
		path string
		sent bool
	}{
		{"/get", false}, {"/set?v=a", true}, {"/get", false}, {"/static", false}, {"/set?v=b", true}, {"/get", false},
		{"/renew", true}, {"/get", false}, {"/login?u=alice", true}, {"/who", false}, {"/login?u=bob", true}, {"/who", false},
	} {
		got := b.get(step.path)
		version := versionIn(got)
		if sent := version != ""; sent != step.sent || got.code != 200 {
			t.Errorf("%s: %d, version %q, want one %v", step.path, got.code, version, step.sent)
		}
		if stored := got.header.Get("Cache-Control") == "no-store"; stored != step.sent {
			t.Errorf("%s: Cache-Control is %q", step.path, got.header.Get("Cache-Control"))
		}
		if version != "" && (version <= last && version[:6] == last[:min(6, len(last))] || version[:7] != b.cookie()[:6]+".") {
			t.Errorf("%s: version %q after %q", step.path, version, last)
		}
		last = max(version, last)
	}
	// Another device, or another tab.
	other := &browser{t: t, url: b.url, jar: maps.Clone(b.jar)}
	other.want("/set?v=c", 200, "ok")
	if got := b.want("/get", 200, "c"); versionIn(got) == "" || len(got.cookies) != 1 {
		t.Errorf("a newer version that another request made: cookies %v", got.cookies)
	}
	got := b.want("/logout", 200, "ok")
	if len(got.cookies) != 2 || len(b.jar) != 0 {
		t.Errorf("after the logout the browser has %v", b.jar)
	}
}

func TestVersionCookieHasTheAttributesOfTheSessions(t *testing.T) {
	for _, opt := range []session.CookieOptions{{}, {InsecureCookie: true}, {Name: "shop", Persistent: true}} {
		m := newManager(t, newStore(), session.Options{Cookie: opt, Cache: session.CacheBounded})
		res := record(m, newShop(), "", "GET", "/login?u=alice")
		lines := res.Header["Set-Cookie"]
		if len(lines) != 2 {
			t.Fatalf("%d cookies", len(lines))
		}
		name, one, _ := strings.Cut(lines[0], "=")
		second, two, _ := strings.Cut(lines[1], "=")
		_, one, _ = strings.Cut(one, ";")
		_, two, _ = strings.Cut(two, ";")
		if second != name+"-v" || one != two {
			t.Errorf("%s;%s and %s;%s", name, one, second, two)
		}
	}
}

func TestNoVersionCookieInOtherModes(t *testing.T) {
	for _, mode := range []session.CacheMode{session.CacheDefault, session.CacheOff, session.CacheValidated} {
		store := &asked{Store: newStore()}
		b := newBrowser(t, serve(t, newManager(t, store, session.Options{Cache: mode}), newShop()))
		b.jar[floorName] = "AAAAAA.1"
		for _, path := range []string{"/login?u=alice", "/set?v=a", "/renew", "/get", "/logout"} {
			if got := b.get(path); versionIn(got) != "" || b.jar[floorName] != "AAAAAA.1" {
				t.Errorf("mode %d, %s: cookies %v", mode, path, got.cookies)
			}
		}
		for _, l := range store.taken() {
			if l.Floor != 0 {
				t.Errorf("mode %d: floor %d", mode, l.Floor)
			}
		}
	}
}

func TestFloorThatIsPresented(t *testing.T) {
	store := &asked{Store: newStore()}
	m := newManager(t, store, session.Options{Cache: session.CacheBounded})
	cookie := cookieOf(t, record(m, newShop(), "", "GET", "/set?v=a"))
	prefix := cookie[:6]
	for _, c := range []struct {
		header string
		want   int64
	}{
		{"", 0},
		{floorName + "=" + prefix + ".7", 7},
		{floorName + "=" + prefix + ".9223372036854775807", 1<<63 - 1},
		{floorName + "=" + prefix + ".9223372036854775808", 0},
		{floorName + "=" + prefix + ".07", 0},
		{floorName + "=" + prefix + ".+7", 0},
		{floorName + "=" + prefix + ".-7", 0},
		{floorName + "=" + prefix + ".0", 0},
		{floorName + "=" + prefix + ".", 0},
		{floorName + "=" + prefix + ".7.", 0},
		{floorName + "=" + prefix + ".7 ", 7}, // as cookies are read
		{floorName + "=" + prefix + "7", 0},
		{floorName + "=" + cookie[:5] + ".7", 0},
		{floorName + "=" + cookie[:7] + ".7", 0},
		{floorName + "=......7", 0},
		{floorName + "=" + strings.ToLower(prefix) + "x.7", 0},
		{floorName + "=" + prefix + "." + strings.Repeat("7", 5000), 0},
		{floorName + "=" + prefix + ".7; " + floorName + "=" + prefix + ".8", 0},
		{floorName + "=" + prefix + ".7; " + floorName + "=", 0},
		{floorName + "=another.7", 0},
	} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", "/get", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Cookie", cookieName+"="+cookie+"; "+c.header)
		m.Handler(newShop()).ServeHTTP(&discard{header: http.Header{}}, r)
		if loads := store.taken(); len(loads) != 1 || loads[0].Floor != c.want {
			t.Errorf("%q: loads %+v, want floor %d", c.header, loads, c.want)
		}
	}
}

// What is committed after the first byte, the browser is told by its next
// response.
func TestVersionOfAStream(t *testing.T) {
	shop := newShop()
	shop.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if !try(w, r, shop.name.Set(s, "before")) || !try(w, r, s.Commit(r.Context())) {
			return
		}
		io.WriteString(w, "first")
		if shop.name.Set(s, "after") != nil || s.Commit(r.Context()) != nil {
			t.Error("the stream could not commit")
		}
	})
	b := newBrowser(t, serve(t, newManager(t, newStore(), session.Options{Cache: session.CacheBounded}), shop))
	b.want("/set?v=a", 200, "ok")
	before := versionIn(b.want("/stream", 200, "first"))
	after := versionIn(b.want("/get", 200, "after"))
	if before == "" || after <= before {
		t.Errorf("versions %q and %q", before, after)
	}
}

// copies is an instance's cache over a shared store, as far behind as the
// contract lets it: it answers by the oldest copy that the floor allows.
type copies struct {
	session.Store
	mu   sync.Mutex
	kept map[session.Key][]*session.Record
}

func (c *copies) Load(ctx context.Context, key session.Key, opt session.LoadOptions) (*session.Record, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if opt.Cache == session.CacheBounded && !opt.Fresh {
		for _, rec := range c.kept[key] {
			if rec.Version.N >= opt.Floor && rec.Verifier == opt.Verifiers[0] {
				return rec.Clone(), nil
			}
		}
	}
	rec, err := c.Store.Load(ctx, key, opt)
	if err == nil {
		if c.kept == nil {
			c.kept = map[session.Key][]*session.Record{}
		}
		c.kept[key] = append(c.kept[key], rec.Clone())
	}
	return rec, err
}

// A browser whose requests go to one instance and the other never sees an older
// state than it has seen, whichever routes it uses.
func TestBoundedIsMonotonicForABrowser(t *testing.T) {
	for name, c := range map[string]struct {
		opt   session.Options
		write string
		keeps bool // the browser keeps the version
	}{
		"bounded":                          {session.Options{Cache: session.CacheBounded}, "/set?v=%d", true},
		"bounded reads, validated writes":  {session.Options{CacheFor: byPath}, "/set?v=%d&mode=validated", true},
		"control: the version is not kept": {session.Options{Cache: session.CacheBounded}, "/set?v=%d", false},
	} {
		t.Run(name, func(t *testing.T) {
			shared := newStore()
			shop := newShop()
			var instances []*browser
			jar := map[string]string{}
			for range 2 {
				b := newBrowser(t, serve(t, newManager(t, &copies{Store: shared}, c.opt), shop))
				b.jar = jar
				instances = append(instances, b)
			}
			stale := 0
			for i := range 20 {
				if got := instances[i/2%2].get(fmt.Sprintf(c.write, i)); got.code != 200 {
					t.Fatalf("write: %d", got.code)
				}
				for _, b := range []*browser{instances[i%2], instances[(i+1)%2]} {
					if !c.keeps {
						delete(jar, floorName)
					}
					if got := b.get("/get?mode=bounded"); got.body != fmt.Sprint(i) {
						stale++
					}
				}
			}
			if c.keeps != (stale == 0) {
				t.Errorf("%d stale reads", stale)
			}
		})
	}
}
