package peers

import (
	"io"
	"net/http"
	"strings"
)

// Cookies: who gets one, whose is taken, and what a response says of it.
var cookieEdges = []scenario{
	{
		edge: "HEAD: cookie and Vary, no body",
		run: func(t *trial) {
			b := t.browse(routes{"/page": func(w http.ResponseWriter, _ *http.Request, v visit) {
				if v.Set("k", "kept") == nil && v.Save() == nil {
					w.WriteHeader(http.StatusOK)
				}
			}})
			t.bodiless(b, "HEAD", "/page", http.StatusOK)
		},
		lost: map[string]string{"gorilla": "Vary", "careless": "Vary; no cookie is sent"},
	},
	{
		edge: "304: cookie and Vary, no body",
		run: func(t *trial) {
			b := t.browse(routes{"/page": func(w http.ResponseWriter, _ *http.Request, v visit) {
				if v.Set("k", "kept") == nil && v.Save() == nil {
					w.WriteHeader(http.StatusNotModified)
				}
			}})
			t.bodiless(b, "GET", "/page", http.StatusNotModified)
		},
		lost: map[string]string{"gorilla": "Vary", "careless": "Vary; no cookie is sent"},
	},
	{
		edge: "a response with a cookie is not cached",
		run: func(t *trial) {
			b := t.browse(nil)
			got := b.must("/set?k=k&v=1")
			cached := got.header.Get("Cache-Control")
			t.lostIf(!strings.Contains(cached, "no-store") && !strings.Contains(cached, "no-cache"), "Cache-Control")
			t.lostIf(!strings.Contains(strings.Join(got.header["Vary"], ","), "Cookie"), "Vary")
		},
		lost: map[string]string{"gorilla": "Cache-Control; Vary", "careless": "Cache-Control; Vary"},
	},
	{
		edge: "the cookie by default",
		run: func(t *trial) {
			b := t.browse(nil)
			c := b.must("/set?k=k&v=1").cookies[0]
			t.lostIf(!c.HttpOnly, "HttpOnly")
			t.lostIf(!c.Secure, "Secure")
			t.lostIf(c.SameSite != http.SameSiteLaxMode && c.SameSite != http.SameSiteStrictMode, "SameSite")
		},
		lost: map[string]string{"scs": "Secure", "gorilla": "HttpOnly; SameSite; Secure", "careless": "HttpOnly; SameSite; Secure"},
	},
	{
		edge: "a response that does not touch the session",
		run: func(t *trial) {
			b := t.browse(nil)
			b.must("/set?k=k&v=1")
			before := t.count()
			got := b.must("/static")
			t.lostIf(t.count() != before, "a call of the store")
			t.lostIf(len(got.cookies) > 0, "a cookie is sent")
			t.lostIf(got.header.Get("Vary") != "", "Vary is sent")
		},
		lost: map[string]string{"scs": "Vary is sent; a call of the store", "careless": "a call of the store; a cookie is sent"},
	},
	{
		edge: "a stranger who only reads",
		run: func(t *trial) {
			b := t.browse(nil)
			t.lostIf(len(b.must("/get?k=k").cookies) > 0, "a cookie is sent")
			t.lostIf(t.store.Records() > 0, "a record is stored")
		},
		lost: map[string]string{"careless": "a cookie is sent; a record is stored"},
	},
	{
		edge: "an ID that was never issued",
		run: func(t *trial) {
			elsewhere := newTrial(t.T, t.lib)
			stranger := elsewhere.browse(nil)
			stranger.must("/set?k=k&v=x")
			b := t.browse(nil)
			t.lostIf(b.adopts(stranger.cookies()), "it is adopted")
			elsewhere.verdict()
		},
		lost: map[string]string{"careless": "it is adopted"},
	},
	{
		edge: "an ID whose session has ended",
		run: func(t *trial) {
			b := t.browse(nil)
			b.must("/set?k=k&v=x")
			old := b.cookies()
			b.must("/logout")
			t.lostIf(b.another(old).get("/get?k=k").body != "", "it is still open")
			t.lostIf(b.adopts(old), "it is adopted")
		},
		lost: map[string]string{"gorilla": "it is adopted", "careless": "it is adopted"},
	},
	{
		edge: "two cookies of the name, one planted",
		run: func(t *trial) {
			victim := t.browse(nil)
			victim.must("/login?u=victim")
			attacker := victim.another(map[string]string{})
			attacker.must("/login?u=attacker")
			who := victim.present("/who", attacker.cookieLine()+"; "+victim.cookieLine()).body
			t.lostIf(who == "attacker", "the user works in the attacker's session")
		},
		lost: map[string]string{
			"scs":      "the user works in the attacker's session",
			"gorilla":  "the user works in the attacker's session",
			"careless": "the user works in the attacker's session",
		},
	},
	{
		edge: "a cookie of 8 KB",
		run: func(t *trial) {
			b := t.browse(nil)
			b.must("/set?k=k&v=kept")
			good := b.cookieLine()
			junk := strings.Repeat("x", 8<<10)
			t.lostIf(b.present("/get?k=k", "other="+junk+"; "+good).body != "kept", "the session beside it")
			before := t.count()
			got := b.present("/get?k=k", t.cookie+"="+junk)
			t.lostIf(got.code != http.StatusOK || got.body != "", "the page")
			t.lostIf(t.count() != before, "a call of the store")
		},
		lost: map[string]string{"scs": "a call of the store", "careless": "a call of the store"},
	},
}

// bodiless asks without net/http's client, which would hide a body.
func (t *trial) bodiless(b *browser, method, path string, code int) {
	c := b.raw(method, path, "Connection: close")
	res := b.response(c, method)
	rest, err := io.ReadAll(c)
	t.ok(err)
	t.lostIf(res.StatusCode != code, "the status")
	t.lostIf(len(rest) > 0, "it has a body")
	t.lostIf(res.Header.Get("Vary") != "Cookie", "Vary")
	t.arrives(b, answered{cookies: res.Cookies()}, "k", "kept")
}

// adopts tells whether a session is started under the cookie's value.
func (b *browser) adopts(cookies map[string]string) bool {
	taken := b.another(cookies)
	taken.must("/set?k=k&v=taken")
	return b.another(cookies).get("/get?k=k").body == "taken"
}

// count is that of the store's calls; zero where nothing counts them.
func (t *trial) count() int {
	if c, ok := t.store.(counting); ok {
		all, _ := c.Calls()
		return all
	}
	return 0
}
