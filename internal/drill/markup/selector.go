package markup

import (
	"errors"
	"slices"
	"strings"
)

// Selector finds elements, and of each its text or an attribute. The zero value
// finds none.
type Selector struct {
	steps []compound
	attr  string // what is taken; "" is the text
}

// compound is what one element must be.
type compound struct {
	name    string // "" any
	id      string
	classes []string
	attr    []attribute
	present []string // attributes with any value
}

var errSelector = errors.New("a selector of names, #id, .class, [attribute=value] with spaces for descendants, and @attribute for what is taken: form input[name=csrf]@value")

// ParseSelector parses a subset of CSS's selectors: name, *, #id, .class,
// [attribute], [attribute=value], and the descendant combinator; with @NAME at
// the end it takes that attribute, else the text.
func ParseSelector(s string) (Selector, error) {
	var sel Selector
	s = strings.TrimSpace(s)
	if i := strings.LastIndexByte(s, '@'); i > strings.LastIndexByte(s, ']') && i >= 0 {
		sel.attr = strings.ToLower(s[i+1:])
		s = strings.TrimSpace(s[:i])
		if !ident(sel.attr) {
			return Selector{}, errSelector
		}
	}
	for s != "" {
		c, rest, ok := parseCompound(s)
		if !ok || rest != "" && rest[0] != ' ' {
			return Selector{}, errSelector
		}
		sel.steps = append(sel.steps, c)
		s = strings.TrimLeft(rest, " ")
	}
	if len(sel.steps) == 0 {
		return Selector{}, errSelector
	}
	return sel, nil
}

func parseCompound(s string) (c compound, rest string, ok bool) {
	n := identEnd(s)
	c.name, s = strings.ToLower(s[:n]), s[n:]
	ok = n > 0
	if !ok && strings.HasPrefix(s, "*") {
		s, ok = s[1:], true
	}
	for s != "" {
		kind := s[0]
		switch kind {
		case '#', '.':
			n := identEnd(s[1:])
			if n == 0 {
				return c, "", false
			}
			if kind == '#' {
				c.id = s[1 : n+1]
			} else {
				c.classes = append(c.classes, s[1:n+1])
			}
			s, ok = s[n+1:], true
		case '[':
			if s, ok = c.attribute(s[1:]); !ok {
				return c, "", false
			}
		default:
			return c, s, ok
		}
	}
	return c, "", ok
}

// attribute takes name], name=value] or name="value"].
func (c *compound) attribute(s string) (rest string, ok bool) {
	n := identEnd(s)
	name := strings.ToLower(s[:n])
	s = s[n:]
	switch {
	case n == 0:
		return "", false
	case strings.HasPrefix(s, "]"):
		c.present = append(c.present, name)
		return s[1:], true
	case !strings.HasPrefix(s, "="):
		return "", false
	}
	s = s[1:]
	var value string
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		if value, s, ok = strings.Cut(s[1:], s[:1]); !ok {
			return "", false
		}
		if rest, ok = strings.CutPrefix(s, "]"); !ok {
			return "", false
		}
	} else if value, rest, ok = strings.Cut(s, "]"); !ok {
		return "", false
	}
	c.attr = append(c.attr, attribute{name, value})
	return rest, true
}

func identEnd(s string) int {
	for i := range len(s) {
		if c := s[i]; !letter(c) && (c < '0' || c > '9') && c != '-' && c != '_' && c < 0x80 {
			return i
		}
	}
	return len(s)
}

func ident(s string) bool { return s != "" && identEnd(s) == len(s) }

// Empty tells whether it is the zero value.
func (s Selector) Empty() bool { return len(s.steps) == 0 }

func (c *compound) matches(t *token) bool {
	if c.name != "" && c.name != t.name {
		return false
	}
	if id, _ := t.get("id"); c.id != "" && c.id != id {
		return false
	}
	for _, name := range c.present {
		if _, ok := t.get(name); !ok {
			return false
		}
	}
	for _, a := range c.attr {
		if v, ok := t.get(a.name); !ok || v != a.value {
			return false
		}
	}
	class, _ := t.get("class")
	for _, want := range c.classes {
		if !hasWord(class, want) {
			return false
		}
	}
	return true
}

func hasWord(words, word string) bool {
	for w := range strings.FieldsSeq(words) {
		if w == word {
			return true
		}
	}
	return false
}

// maxDepth bounds the elements that are open at once; deeper ones are matched
// as if they were there.
const maxDepth = 512

// open is an element that has not ended.
type open struct {
	name    string
	matched int  // of Selector.steps, by it and those around it
	found   *int // index in the result whose text is inside; nil none
}

// Find gives at most that many texts or attributes of the elements that the
// selector matches, in the order of their start tags.
func (s Selector) Find(page []byte, most int) []string {
	var out []string
	if s.Empty() {
		return nil
	}
	z := tokenizer{rest: string(page)}
	var stack []open
	texts := 0 // elements in the stack whose text is taken
	for {
		t, ok := z.next()
		switch {
		case !ok:
			return out
		case t.name == "":
			if texts > 0 {
				take(stack, out, t.text)
			}
		case t.end:
			stack = closed(stack, t.name, &texts)
		default:
			o := open{name: t.name}
			if len(stack) > 0 {
				o.matched = stack[len(stack)-1].matched
			}
			last := len(s.steps) - 1
			hit := o.matched >= last && s.steps[last].matches(&t)
			if o.matched < last && s.steps[o.matched].matches(&t) {
				o.matched++
			}
			if hit && len(out) < most {
				if v, has := t.get(s.attr); has || s.attr == "" {
					out = append(out, v)
					if n := len(out) - 1; s.attr == "" {
						o.found = &n
					}
				}
			}
			if void(t.name) || t.self || len(stack) == maxDepth {
				continue
			}
			if o.found != nil {
				texts++
			}
			stack = append(stack, o)
		}
	}
}

// maxText bounds what is kept of an element's text.
const maxText = 4 << 10

// take adds a text to all elements that it is in.
func take(stack []open, out []string, text string) {
	for _, o := range stack {
		if o.found != nil && len(out[*o.found]) < maxText {
			out[*o.found] += text[:min(len(text), maxText)]
		}
	}
}

// closed ends the innermost element of that name, and those in it.
func closed(stack []open, name string, texts *int) []open {
	for i, e := range slices.Backward(stack) {
		if e.name != name {
			continue
		}
		for _, o := range stack[i:] {
			if o.found != nil {
				*texts--
			}
		}
		return stack[:i]
	}
	return stack
}
