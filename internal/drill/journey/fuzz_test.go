package journey

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// text parses a template that is known to be one.
func text(s string) Template {
	var t Template
	if err := t.UnmarshalText([]byte(s)); err != nil {
		panic(fmt.Sprintf("journey: template %q: %v", s, err))
	}
	return t
}

func pattern(t *testing.T, s string) Pattern {
	t.Helper()
	var p Pattern
	if err := p.UnmarshalText([]byte(s)); err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return p
}

func TestPatterns(t *testing.T) {
	html := &engine.Exchange{Header: http.Header{"Content-Type": {"text/html"}, "X-Csrf": {"h"}, "Set-Cookie": {"a=1", "xsrf=c%3D; Path=/"}},
		Body: []byte(`<input name=t value="a&#43;b"><li data-item="1"><li data-item="2">`)}
	doc := &engine.Exchange{Header: http.Header{}, Body: []byte(`{"user":{"name":"Zoë","id":7,"in":true},"items":[{"id":"a"},{"id":"b&amp;"},{}],"a b":null,"big":12345678901234567890}`)}
	for _, test := range []struct {
		pattern string
		x       *engine.Exchange
		want    []string
	}{
		{`value="([^"]+)"`, html, []string{"a+b"}},
		{`data-item="(\d)"`, html, []string{"1", "2"}},
		{`(x)|data-item="2"`, html, nil},
		{"css:li@data-item", html, []string{"1", "2"}},
		{"header:x-csrf", html, []string{"h"}},
		{"cookie:xsrf", html, []string{"c%3D"}},
		{"json:user.name", html, nil},
		{"json:user.name", doc, []string{"Zoë"}},
		{"json:$.items[*].id", doc, []string{"a", "b&amp;"}},
		{"json:items[1]['id']", doc, []string{"b&amp;"}},
		{"json:user.id", doc, []string{"7"}},
		{"json:user.in", doc, []string{"true"}},
		{"json:user", doc, nil},
		{"json:a b", doc, nil},
		{"json:big", doc, []string{"12345678901234567890"}},
		{`"id":"(b[^"]+)"`, doc, []string{"b&amp;"}},
		{"cookie:none", doc, nil},
	} {
		if diff := cmp.Diff(test.want, pattern(t, test.pattern).all(test.x)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.pattern, diff)
		}
	}
	for _, s := range []string{"", "abc", "(", "css:", "json:a..b", "json:a[", "json:a[x]", "json:a[-1]", "header:", "header:a b", "cookie:a=b"} {
		var p Pattern
		if err := p.UnmarshalText([]byte(s)); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}

func TestTokens(t *testing.T) {
	j, other := newTokens(), newTokens()
	op := &history.Op{User: 3, Epoch: 2}
	token := history.Token("run-1", 3, 2, 9)
	if got := j.of([]string{"u3x2x9x" + j.mark}, op); got != nil {
		t.Errorf("before any was sent: %q", got)
	}
	wire := j.wire(token)
	if strings.ContainsFunc(wire, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'z') }) {
		t.Errorf("%q is not of letters and digits", wire)
	}
	earlier, foreign := j.wire(history.Token("run-1", 3, 1, 9)), j.wire(history.Token("run-1", 4, 1, 1))
	got := j.of([]string{" " + wire + "\n", earlier, foreign, other.wire(token), "apple", "u3x2x9", token, wire}, op)
	if diff := cmp.Diff([]string{token, history.Token("run-1", 4, 1, 1), token}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTemplates(t *testing.T) {
	v := func(name string) (string, bool) {
		return map[string]string{"a": `1/2 "&`, "b": "x\r\ny"}[name], name != "none"
	}
	if got, err := text("/x/{{a}}?q={{ a }}&r").path(v); err != nil || got != "/x/1%2F2%20%22&?q=1%2F2+%22%26&r" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := text(`{"a": "{{a}}"}`).expand(v, inJSON); err != nil || got != `{"a": "1/2 \"\u0026"}` {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := text("Bearer {{b}}").field(v); err != nil || got != "Bearer xy" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := text("{{none}}").path(v); err == nil {
		t.Error("a variable without a value was taken")
	}
}

// Whatever a service answers, it is taken apart within bounds.
func FuzzPattern(f *testing.F) {
	f.Add(`value="([^"]+)"`, "text/html", `<input value="a&#43;">`)
	f.Add("css:ul li@data-item", "text/html", "<ul><li data-item=1>")
	f.Add("json:a[*].b", "application/json", `{"a":[{"b":1},{"b":[]}]}`)
	f.Add("json:", "application/json", `"x"`)
	f.Add("header:Content-Type", "text/plain", "")
	f.Add("cookie:s", "s=1; Path=/", "")
	f.Fuzz(func(t *testing.T, source, kind, body string) {
		var p Pattern
		if p.UnmarshalText([]byte(source)) != nil {
			return
		}
		x := &engine.Exchange{Header: http.Header{"Content-Type": {kind}, "Set-Cookie": {kind}}, Body: []byte(body)}
		all := p.all(x)
		if len(all) > maxMatches {
			t.Errorf("%d matches", len(all))
		}
		if first, ok := p.first(x); ok != (len(all) > 0) || ok && first != strings.TrimSpace(all[0]) {
			t.Errorf("first is %q of %q", first, all)
		}
	})
}

func FuzzTemplate(f *testing.F) {
	f.Add("/cart/{{token}}?x={{user}}", "a b")
	f.Add("{{", "}}")
	f.Fuzz(func(t *testing.T, source, value string) {
		var tmpl Template
		if tmpl.UnmarshalText([]byte(source)) != nil {
			return
		}
		v := func(string) (string, bool) { return value, true }
		line, err := tmpl.field(v)
		if err != nil || strings.ContainsAny(line, "\r\n\x00") {
			t.Errorf("%q: %v", line, err)
		}
		var again Template
		if err := again.UnmarshalText([]byte(tmpl.String())); err != nil || again.String() != tmpl.String() {
			t.Errorf("%q reads as %q: %v", tmpl, again, err)
		}
	})
}

func FuzzCookies(f *testing.F) {
	f.Add("a=1; b=2", "a=3; Path=/", "a")
	f.Add("", "a=; Max-Age=0", "a")
	f.Fuzz(func(t *testing.T, sent, line, name string) {
		after, set := applied(credentialIn(sent, []string{name}), http.Header{"Set-Cookie": {line}}, []string{name})
		if set && after == "" {
			t.Errorf("a cookie was set and none is left of %q and %q", sent, line)
		}
	})
}
