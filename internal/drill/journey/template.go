package journey

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Template is a text with variables: {{user}}. The zero value is empty.
type Template struct {
	parts []part
}

// part is literal text, or the value of a variable.
type part struct{ text, name string }

var variable = regexp.MustCompile(`^\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}`)

// UnmarshalText parses a template. A {{ that begins no variable is an error.
func (t *Template) UnmarshalText(text []byte) error {
	t.parts = nil
	rest := string(text)
	for rest != "" {
		i := strings.Index(rest, "{{")
		if i < 0 {
			t.parts = append(t.parts, part{text: rest})
			break
		}
		if i > 0 {
			t.parts = append(t.parts, part{text: rest[:i]})
		}
		m := variable.FindStringSubmatch(rest[i:])
		if m == nil {
			return errors.New("{{NAME}} with a name of letters, digits and _")
		}
		t.parts = append(t.parts, part{name: m[1]})
		rest = rest[i+len(m[0]):]
	}
	return nil
}

// String is the template as it was written.
func (t Template) String() string {
	var b strings.Builder
	for _, p := range t.parts {
		if p.name != "" {
			b.WriteString("{{" + p.name + "}}")
			continue
		}
		b.WriteString(p.text)
	}
	return b.String()
}

func (t Template) empty() bool { return len(t.parts) == 0 }

// names are the variables in it.
func (t Template) names() []string {
	var out []string
	for _, p := range t.parts {
		if p.name != "" {
			out = append(out, p.name)
		}
	}
	return out
}

// values finds a variable; false where it has no value.
type values func(name string) (string, bool)

// expand puts values in, each through escape.
func (t Template) expand(v values, escape func(string) string) (string, error) {
	var b strings.Builder
	for _, p := range t.parts {
		if p.name == "" {
			b.WriteString(p.text)
			continue
		}
		s, ok := v(p.name)
		if !ok {
			return "", fmt.Errorf("{{%s}} has no value", p.name)
		}
		b.WriteString(escape(s))
	}
	return b.String(), nil
}

func verbatim(s string) string { return s }

// path expands a request's path: a value is escaped for the part it is in.
func (t Template) path(v values) (string, error) {
	query := false
	var b strings.Builder
	for _, p := range t.parts {
		if p.name == "" {
			query = query || strings.Contains(p.text, "?")
			b.WriteString(p.text)
			continue
		}
		s, ok := v(p.name)
		switch {
		case !ok:
			return "", fmt.Errorf("{{%s}} has no value", p.name)
		case query:
			s = url.QueryEscape(s)
		default:
			s = url.PathEscape(s)
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

// field expands a header's value, without what would end its line.
func (t Template) field(v values) (string, error) {
	s, err := t.expand(v, verbatim)
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, s), err
}

// inJSON escapes a value for the inside of a JSON string.
func inJSON(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return "" // a string always can be
	}
	return string(b[1 : len(b)-1])
}
