package markup

import (
	"html"
	"strings"
)

// token is a start tag, an end tag, or text.
type token struct {
	name string // of a tag, in lower case; "" for text
	end  bool
	self bool // <x/>
	attr []attribute
	text string
}

type attribute struct{ name, value string }

// get is an attribute's value.
func (t *token) get(name string) (string, bool) {
	for _, a := range t.attr {
		if a.name == name {
			return a.value, true
		}
	}
	return "", false
}

// void elements have no content and no end tag.
func void(name string) bool {
	switch name {
	case "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr":
		return true
	}
	return false
}

// tokenizer goes through a page.
type tokenizer struct {
	rest string
	raw  string // the element whose content is text up to its end tag: script, style, …
}

const maxAttributes = 100

// next gives the next token; false at the end.
func (z *tokenizer) next() (token, bool) {
	for z.rest != "" {
		if z.raw != "" {
			return z.rawText(), true
		}
		i := strings.IndexByte(z.rest, '<')
		if i != 0 {
			if i < 0 {
				i = len(z.rest)
			}
			t := token{text: html.UnescapeString(z.rest[:i])}
			z.rest = z.rest[i:]
			return t, true
		}
		if t, ok := z.tag(); ok {
			return t, true
		}
	}
	return token{}, false
}

// rawText is the content of script, style, textarea or title.
func (z *tokenizer) rawText() token {
	name := z.raw
	z.raw = ""
	i := endTag(z.rest, name)
	if i < 0 {
		i = len(z.rest)
	}
	t := token{text: z.rest[:i]}
	if name == "textarea" || name == "title" {
		t.text = html.UnescapeString(t.text)
	}
	z.rest = z.rest[i:]
	return t
}

// endTag finds "</name", whatever its case; negative without one.
func endTag(s, name string) int {
	for at := 0; ; {
		i := strings.Index(s[at:], "</")
		if i < 0 {
			return -1
		}
		at += i
		if rest := s[at+2:]; len(rest) >= len(name) && strings.EqualFold(rest[:len(name)], name) {
			return at
		}
		at += 2
	}
}

// tag takes what begins with <; false for a comment and the like.
func (z *tokenizer) tag() (token, bool) {
	s := z.rest
	switch {
	case strings.HasPrefix(s, "<!--"):
		z.skip(s[4:], "-->")
		return token{}, false
	case strings.HasPrefix(s, "<!"), strings.HasPrefix(s, "<?"):
		z.skip(s[2:], ">")
		return token{}, false
	}
	s = s[1:]
	t := token{}
	if strings.HasPrefix(s, "/") {
		t.end, s = true, s[1:]
	}
	n := strings.IndexAny(s, " \t\r\n\f/>")
	if n < 0 {
		n = len(s)
	}
	if n == 0 || !letter(s[0]) {
		z.rest = z.rest[1:]
		return token{text: "<"}, true
	}
	t.name = strings.ToLower(s[:n])
	z.rest = z.attributes(&t, s[n:])
	switch t.name {
	case "script", "style", "textarea", "title":
		if !t.end {
			z.raw = t.name
		}
	}
	return t, true
}

func (z *tokenizer) skip(s, to string) {
	_, z.rest, _ = strings.Cut(s, to)
}

// attributes takes those of a tag and returns what follows the tag.
func (z *tokenizer) attributes(t *token, s string) string {
	const space = " \t\r\n\f"
	for {
		s = strings.TrimLeft(s, space)
		switch {
		case s == "":
			return ""
		case s[0] == '>':
			return s[1:]
		case s[0] == '/':
			t.self = strings.HasPrefix(s, "/>")
			s = s[1:]
			continue
		}
		n := strings.IndexAny(s[1:], space+"/>=")
		if n < 0 {
			return ""
		}
		a := attribute{name: strings.ToLower(s[:n+1])}
		s = strings.TrimLeft(s[n+1:], space)
		if strings.HasPrefix(s, "=") {
			a.value, s = attributeValue(strings.TrimLeft(s[1:], space))
		}
		if _, twice := t.get(a.name); !twice && len(t.attr) < maxAttributes {
			t.attr = append(t.attr, a)
		}
	}
}

func attributeValue(s string) (value, rest string) {
	if s == "" {
		return "", ""
	}
	if q := s[0]; q == '"' || q == '\'' {
		value, rest, _ = strings.Cut(s[1:], string(q))
		return html.UnescapeString(value), rest
	}
	n := strings.IndexAny(s, " \t\r\n\f>")
	if n < 0 {
		n = len(s)
	}
	return html.UnescapeString(s[:n]), s[n:]
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
