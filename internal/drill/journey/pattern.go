package journey

import (
	"errors"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"

	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/markup"
)

// maxMatches bounds what one answer is taken apart into.
const maxMatches = 10_000

// Pattern finds texts in an answer. Written plainly it is a regular expression
// whose first group is the text; with a prefix it is json:PATH, css:SELECTOR,
// header:NAME or cookie:NAME. The zero value finds nothing.
type Pattern struct {
	source string
	regex  *regexp.Regexp
	json   jsonPath
	css    markup.Selector
	header string
	cookie string
}

// UnmarshalText parses a pattern.
func (p *Pattern) UnmarshalText(text []byte) (err error) {
	kind, rest, found := strings.Cut(string(text), ":")
	*p = Pattern{source: string(text)}
	switch {
	case found && kind == "json":
		p.json, err = parseJSONPath(rest)
	case found && kind == "css":
		p.css, err = markup.ParseSelector(rest)
	case found && kind == "header":
		p.header, err = rest, headerName(rest)
	case found && kind == "cookie":
		p.cookie, err = rest, headerName(rest)
	default:
		p.regex, err = parseRegex(string(text))
	}
	return err
}

// parseRegex wants a group: what it captures is what is looked for.
func parseRegex(text string) (*regexp.Regexp, error) {
	r, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("a regular expression (RE2): %w", err)
	}
	if r.NumSubexp() == 0 {
		return nil, errors.New("a regular expression with a group in parentheses, which captures the value")
	}
	return r, nil
}

func headerName(s string) error {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r) }) {
		return errors.New("a name of letters, digits and -")
	}
	return nil
}

func (p Pattern) empty() bool { return p.source == "" }

// String is the pattern as it was written.
func (p Pattern) String() string { return p.source }

// all finds every text in an answer, in order.
func (p Pattern) all(x *engine.Exchange) []string {
	switch {
	case p.regex != nil:
		return p.matches(x)
	case p.json != nil:
		return p.json.find(x.Body)
	case !p.css.Empty():
		return p.css.Find(x.Body, maxMatches)
	case p.header != "":
		return x.Header.Values(p.header)
	case p.cookie != "":
		for _, line := range x.Header["Set-Cookie"] {
			if c, err := http.ParseSetCookie(line); err == nil && c.Name == p.cookie {
				return []string{c.Value}
			}
		}
	}
	return nil
}

// matches gives the first group of each match that has one; in HTML and XML
// with its entities resolved.
func (p Pattern) matches(x *engine.Exchange) []string {
	escaped := strings.Contains(x.Header.Get("Content-Type"), "ml") // html, xhtml+xml, xml
	var out []string
	for _, m := range p.regex.FindAllSubmatch(x.Body, maxMatches) {
		if m[1] == nil {
			continue
		}
		s := string(m[1])
		if escaped {
			s = html.UnescapeString(s)
		}
		out = append(out, s)
	}
	return out
}

// first is the first text, without space around it.
func (p Pattern) first(x *engine.Exchange) (string, bool) {
	all := p.all(x)
	if len(all) == 0 {
		return "", false
	}
	return strings.TrimSpace(all[0]), true
}
