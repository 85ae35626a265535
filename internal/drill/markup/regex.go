package markup

import (
	"regexp"
	"strings"
)

// Regex is a regular expression, with Perl's lookahead, whose first group is
// about what Find finds first: for scripts that know no selectors. The page has
// to be without comments. It takes what comes after an element for what is in
// it, and an element's text up to its first tag. "" of the zero value.
func (s Selector) Regex() string {
	if s.Empty() {
		return ""
	}
	var b strings.Builder
	b.WriteString("(?is)")
	for i := range s.steps {
		if i > 0 {
			b.WriteString(".*?")
		}
		s.steps[i].regex(&b)
		if i < len(s.steps)-1 {
			b.WriteString("[^>]*>")
		}
	}
	if s.attr == "" {
		return b.String() + "[^>]*>([^<]*)"
	}
	return b.String() + `(?=[^>]*\s` + regexp.QuoteMeta(s.attr) + `\s*=\s*(?|"([^"]*)"|'([^']*)'|([^\s"'>]+)))`
}

// regex matches the beginning of a start tag that has all that is wanted.
func (c *compound) regex(b *strings.Builder) {
	if c.name == "" {
		b.WriteString(`<[a-z][^\s/>]*(?=[\s/>])`)
	} else {
		b.WriteString(`<` + regexp.QuoteMeta(c.name) + `(?=[\s/>])`)
	}
	has := func(name, value string) {
		b.WriteString(`(?=[^>]*\s` + regexp.QuoteMeta(name) + value + `)`)
	}
	for _, name := range c.present {
		has(name, `(?=[\s=/>])`)
	}
	for _, a := range c.attr {
		v := `(?-i:` + regexp.QuoteMeta(a.value) + `)`
		has(a.name, `\s*=\s*(?:"`+v+`"|'`+v+`'|`+v+`(?=[\s>]))`)
	}
	if c.id != "" {
		v := `(?-i:` + regexp.QuoteMeta(c.id) + `)`
		has("id", `\s*=\s*(?:"`+v+`"|'`+v+`'|`+v+`(?=[\s>]))`)
	}
	for _, class := range c.classes {
		v := `(?-i:` + regexp.QuoteMeta(class) + `)`
		has("class", `\s*=\s*(?:"(?:[^"]*\s)?`+v+`(?:\s[^"]*)?"|'(?:[^']*\s)?`+v+`(?:\s[^']*)?'|`+v+`(?=[\s>]))`)
	}
}
