package journey

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/config"
)

// Validate implements config.Validator.
func (s *Step) Validate(at config.At) {
	n := 0
	for _, m := range s.methods() {
		if m.path.empty() {
			continue
		}
		n++
		validPath(at, strings.ToLower(m.name), m.path)
	}
	if n != 1 {
		at.Errorf("", "found %d requests, allowed: exactly one of get, post, put, patch, delete", n)
	}
	bodies := 0
	for _, has := range []bool{at.Has("form"), at.Has("json"), at.Has("body")} {
		if has {
			bodies++
		}
	}
	if bodies > 1 {
		at.Errorf("", "found %d bodies, allowed: one of form, json, body", bodies)
	}
	if bodies > 0 && !s.Get.empty() {
		at.Errorf("get", "found a body, allowed: none with get")
	}
	s.foreign = at.Has("body") && at.Found("body", "") != `""`
	validStatus(at, s.Status, 399)
	validHeader(at, "header", s.Header)
	for name, p := range s.Pick {
		if !isName(name) {
			at.Errorf("pick", "found %q, allowed: names of letters, digits and _", name)
		}
		if p.empty() {
			at.Errorf("pick", "found nothing for %s, allowed: a regular expression with a group, json:PATH, css:SELECTOR, header:NAME, cookie:NAME", name)
		}
	}
}

// Validate implements config.Validator.
func (p *Page) Validate(at config.At) {
	p.set = true
	if p.Get.empty() {
		at.Errorf("get", "is required: the page to look at")
	} else {
		validPath(at, "get", p.Get)
	}
	validStatus(at, p.Status, 299)
	validHeader(at, "header", p.Header)
	n := 0
	for _, way := range []struct{ key, prefix, text string }{{"regex", "", p.Regex.source}, {"json", "json:", p.JSON}, {"css", "css:", p.CSS}} {
		if way.text == "" {
			continue
		}
		n++
		if err := p.find.UnmarshalText([]byte(way.prefix + way.text)); err != nil {
			at.Errorf(way.key, "found %s, allowed: %v", at.Found(way.key, way.text), err)
		}
	}
	if n > 1 {
		at.Errorf("", "found %d ways to read the page, allowed: one of regex, json, css", n)
	}
}

// Validate implements config.Validator.
func (c *Credential) Validate(at config.At) {
	switch {
	case len(c.Cookies) > 0 && len(c.Header) > 0:
		at.Errorf("", "found cookies and header, allowed: one of them")
	case at.Has("header") && len(c.Header) != 1:
		at.Errorf("header", "found %d, allowed: exactly one, such as Authorization: \"Bearer {{bearer}}\"", len(c.Header))
	}
	for _, name := range c.Cookies {
		if headerName(name) != nil {
			at.Errorf("cookies", "found %q, allowed: names of cookies", name)
		}
	}
	validHeader(at, "header", c.Header)
}

// Validate implements config.Validator: what no step shows alone.
func (c *Config) Validate(at config.At) {
	if len(c.Login) == 0 {
		at.Errorf("login", "found no step, allowed: one or more")
	}
	if c.Marker.find.empty() && c.Marker.Status == 0 {
		at.ErrorfAt(c.Marker.Pos, "marker", "says not who is signed in, allowed: regex with a group, json or css (or status alone)")
	}
	if (len(c.Write) > 0) != c.Read.set {
		at.Errorf("", "found %s, allowed: both write and read, or neither", map[bool]string{true: "write alone", false: "read alone"}[len(c.Write) > 0])
	}
	if c.Read.set && c.Read.find.empty() {
		at.ErrorfAt(c.Read.Pos, "read", "collects nothing, allowed: regex with a group, json or css")
	}
	if len(c.Write) > 0 && !uses(c.Write, "token") {
		at.Errorf("write", "uses no {{token}}, allowed: a step that sends it")
	}
	if len(c.Incr) > 0 && !picks(c.Incr, "n") {
		at.Errorf("incr", "picks no n, allowed: pick: {n: PATTERN} in the last step")
	}
	if !c.Stream.Get.empty() && len(c.Credential.Header) > 0 {
		at.ErrorfAt(c.Stream.Pos, "stream", "found with a credential of a header, allowed: with cookies")
	}
	if (len(c.Incr) > 0) != c.Count.set || c.Count.set && !c.Read.set {
		at.Errorf("", "found incr or count alone or without read, allowed: incr, count, write and read, or neither incr nor count")
	}
	if c.Count.set && c.Count.find.empty() {
		at.ErrorfAt(c.Count.Pos, "count", "shows no number, allowed: regex with a group, json or css")
	}
	validHeader(at, "header", c.Header)
	for name := range c.Vars {
		if !isName(name) || slices.Contains(builtin, name) {
			at.Errorf("vars", "found %q, allowed: names of letters, digits and _ but for %s", name, strings.Join(builtin, ", "))
		}
	}
	c.variables(at)
}

// Validate implements config.Validator.
func (e *Events) Validate(at config.At) {
	if e.Get.empty() {
		at.Errorf("get", "is required: the stream to listen to")
		return
	}
	validPath(at, "get", e.Get)
	if len(e.Get.names()) > 0 {
		at.Errorf("get", "found {{%s}}, allowed: no variables", e.Get.names()[0])
	}
}

func validPath(at config.At, key string, t Template) {
	s := t.String()
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, " \t\r\n#") {
		at.Errorf(key, "found %s, allowed: a path from / on, such as /login; the host is that of target", at.Found(key, s))
	}
}

func validStatus(at config.At, status, most int) {
	if at.Has("status") && (status < 200 || status > most) {
		at.Errorf("status", "found %d, allowed: 200 to %d", status, most)
	}
}

// reserved fields are the engine's own.
var reserved = []string{"host", "cookie", "content-length", "transfer-encoding", "connection"}

func validHeader(at config.At, key string, h map[string]Template) {
	for name := range h {
		if headerName(name) != nil || slices.Contains(reserved, strings.ToLower(name)) {
			at.Errorf(key, "found %q, allowed: names of header fields but for %s", name, strings.Join(reserved, ", "))
		}
	}
}

func isName(s string) bool { return variable.MatchString("{{" + s + "}}") }
