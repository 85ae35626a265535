package journey

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// Describe gives the requests of a call as people may see them. A variable is
// $DRILL_ and its name in capital letters, whether a request before has picked
// it or the reader has to give it; so is a value that is written out, which may
// have come from the environment. Text beside a variable is shown, but in
// fields with names like a secret's; a path is, but for its query.
func (j *Journey) Describe(c engine.Call) []check.Request {
	user, ok := history.TokenUser(c.User + "-")
	if !ok {
		return nil
	}
	d := &description{j: j, call: c, user: user}
	steps := j.steps(c.Kind)
	for i := range steps {
		d.add(steps[i].request(), steps[i].foreign)
	}
	page := func(p *Page) { d.add(p.request(), false) }
	switch c.Kind {
	case history.State:
		if j.c.Read.set {
			page(&j.c.Read)
		}
		if j.c.Count.set {
			page(&j.c.Count)
		}
		if !j.both {
			page(&j.c.Marker)
		}
	case history.Replay:
		page(&j.c.Marker)
	default:
	}
	return d.requests
}

type description struct {
	j        *Journey
	call     engine.Call
	user     int
	requests []check.Request
}

// add describes a step; foreign says that its body has to be hidden.
func (d *description) add(s request, foreign bool) {
	q := check.Request{Method: s.method, Path: d.path(s.path), Follow: s.follow, Plain: true}
	fields := map[string]string{}
	sets := []map[string]Template{d.j.c.Header, s.header}
	if d.call.Kind != history.Login {
		sets = append(sets, d.j.c.Credential.Header)
	}
	for _, set := range sets {
		for name, t := range set {
			fields[http.CanonicalHeaderKey(name)] = d.field(name, t)
		}
	}
	kind := ""
	switch {
	case s.form != nil:
		kind, q.Body = "application/x-www-form-urlencoded", d.form(s.form)
	case s.json != nil:
		kind, q.Body = "application/json", d.object(s.json)
	case foreign:
		kind, q.Body = s.bodyKind(), placeholder("body")
	case !s.body.empty():
		kind, q.Body = s.bodyKind(), d.text(s.body, s.bodyEscape())
	}
	if _, given := fields["Content-Type"]; kind != "" && !given {
		fields["Content-Type"] = kind
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		q.Headers = append(q.Headers, name+": "+fields[name])
	}
	for _, name := range slices.Sorted(maps.Keys(s.pick)) {
		q.Picks = append(q.Picks, s.pick[name].told(placeholder(name)[1:]))
	}
	d.requests = append(d.requests, q)
}

// known is a variable that may be seen.
func (d *description) known(name string) (string, bool) {
	for i := range d.requests {
		for _, p := range d.requests[i].Picks {
			if "$"+p.Name == placeholder(name) {
				return "", false
			}
		}
	}
	switch {
	case name == "token" && d.call.Kind == history.Append:
		return d.j.tokens.wire(d.call.Token), true
	case name == "key" && d.call.Kind == history.Append:
		return d.call.Key, true
	case name == "user" || name == "n":
		return d.j.c.Accounts.value(d.user, name)
	}
	return "", false
}

// text expands a template; what is known is escaped, placeholders are not.
func (d *description) text(t Template, escape func(string) string) string {
	var b strings.Builder
	for _, p := range t.parts {
		switch v, ok := d.known(p.name); {
		case p.name == "":
			b.WriteString(p.text)
		case ok:
			b.WriteString(escape(v))
		default:
			b.WriteString(placeholder(p.name))
		}
	}
	return b.String()
}

// path shows all of a path but the query's values.
func (d *description) path(t Template) string {
	path, query, found := strings.Cut(d.text(t, url.PathEscape), "?")
	if !found {
		return path
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(value); value != "" && !strings.HasPrefix(value, "$") && (err != nil || !d.seen(plain)) {
			pairs[i] = name + "=" + placeholder(name)
		}
	}
	return path + "?" + strings.Join(pairs, "&")
}

// seen tells whether a text is the user, the token or the key.
func (d *description) seen(text string) bool {
	return slices.ContainsFunc([]string{"user", "n", "token", "key"}, func(name string) bool {
		v, ok := d.known(name)
		return ok && v == text
	})
}

var sensitive = regexp.MustCompile(`(?i)pass|secret|token|key|auth|pin\b|credential`)

// field is the value of a header, a form or an object: hidden where it is a
// text of its own, or text beside a variable in a field for secrets.
func (d *description) field(name string, t Template) string {
	var texts strings.Builder
	for _, p := range t.parts {
		texts.WriteString(p.text)
	}
	scheme := slices.Contains([]string{"", "Bearer", "Basic", "Token"}, strings.TrimSpace(texts.String()))
	switch {
	case t.empty(), len(t.names()) > 0 && (scheme || !sensitive.MatchString(name)):
		return d.text(t, verbatim)
	case slices.Contains([]string{"Content-Type", "Accept"}, http.CanonicalHeaderKey(name)):
		return d.text(t, verbatim)
	}
	return placeholder(name)
}

func (d *description) form(set map[string]Template) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(set)) {
		pairs = append(pairs, url.QueryEscape(name)+"="+escaped(d.field(name, set[name]), url.QueryEscape))
	}
	return strings.Join(pairs, "&")
}

func (d *description) object(set map[string]Template) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(set)) {
		pairs = append(pairs, `"`+inJSON(name)+`":"`+escaped(d.field(name, set[name]), inJSON)+`"`)
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

var held = regexp.MustCompile(`\$DRILL_[A-Z0-9_]+`)

// escaped escapes a text around its placeholders.
func escaped(s string, escape func(string) string) string {
	var b strings.Builder
	from := 0
	for _, at := range held.FindAllStringIndex(s, -1) {
		b.WriteString(escape(s[from:at[0]]) + s[at[0]:at[1]])
		from = at[1]
	}
	return b.String() + escape(s[from:])
}

var unfit = regexp.MustCompile(`[^A-Z0-9_]+`)

// placeholder is what stands for a value: $DRILL_CSRF. The first part keeps it
// from being a variable that shells have already.
func placeholder(name string) string {
	return "$DRILL_" + unfit.ReplaceAllString(strings.ToUpper(name), "_")
}

// told is the pattern as a script is told it.
func (p Pattern) told(name string) check.Pick {
	switch {
	case p.json != nil:
		return check.Pick{Name: name, In: "json", Pattern: strings.TrimPrefix(p.source, "json:")}
	case !p.css.Empty():
		return check.Pick{Name: name, In: "html", Pattern: p.css.Regex()}
	case p.header != "":
		return check.Pick{Name: name, In: "head", Pattern: `(?im)^` + regexp.QuoteMeta(p.header) + `:[ \t]*([^\r\n]*)`}
	case p.cookie != "":
		return check.Pick{Name: name, In: "head", Pattern: `(?im)^Set-Cookie:[ \t]*(?-i:` + regexp.QuoteMeta(p.cookie) + `)="?([^;"\r\n]*)`}
	}
	return check.Pick{Name: name, In: "body", Pattern: p.source}
}
