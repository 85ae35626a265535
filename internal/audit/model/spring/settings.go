package spring

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Settings are the properties of an application with a set of profiles.
type Settings struct {
	Profile string     // empty: none
	Node    *tree.Node // the document in which what is missing would be written

	values  map[string]*tree.Node // by uniform name
	outside *Environment          // of the service's containers; nil: nothing is known
	partial bool                  // some of the configuration cannot be seen
}

// Uniform is a property's name without what Spring's relaxed binding passes
// over: case, hyphens and underscores.
func Uniform(name string) string { return strings.ToLower(unmarked.Replace(name)) }

var unmarked = strings.NewReplacer("-", "", "_", "")

// add lays the properties of a document over those that are there.
func (s *Settings) add(root *tree.Node) { s.under("", root) }

func (s *Settings) under(prefix string, n *tree.Node) {
	switch n.Kind {
	case tree.Map:
		for _, c := range n.Items {
			name := Uniform(c.Key)
			if prefix != "" && !strings.HasPrefix(name, "[") {
				name = "." + name
			}
			s.under(prefix+name, c)
		}
	case tree.List:
		for i, c := range n.Items {
			s.under(prefix+"["+strconv.Itoa(i)+"]", c)
		}
	default:
		s.values[prefix] = n
	}
}

// Text reads any text. What is not written is def, or unknown if not all of the
// configuration can be seen; the same goes for the other kinds.
func (s *Settings) Text(name string, def value.Value[string]) value.Value[string] {
	return setting(s, name, def, func(text string) (string, bool) { return text, true })
}

// Bool reads true, on, yes and 1, and their opposites.
func (s *Settings) Bool(name string, def bool) value.Value[bool] {
	return setting(s, name, value.Of(name, def), func(text string) (bool, bool) {
		switch strings.ToLower(text) {
		case "true", "on", "yes", "1":
			return true, true
		case "false", "off", "no", "0":
			return false, true
		}
		return false, false
	})
}

// Int reads a whole number.
func (s *Settings) Int(name string, def value.Value[int]) value.Value[int] {
	return setting(s, name, def, func(text string) (int, bool) {
		i, err := strconv.Atoi(text)
		return i, err == nil
	})
}

// Duration reads Spring's durations; unit is that of a bare number.
func (s *Settings) Duration(name string, unit time.Duration, def value.Value[time.Duration]) value.Value[time.Duration] {
	return setting(s, name, def, func(text string) (time.Duration, bool) { return duration(text, unit) })
}

// Whole reports whether all of the configuration can be seen: what is not
// written is not set.
func (s *Settings) Whole() bool { return !s.partial }

// Written reports whether a property is written, and where.
func (s *Settings) Written(name string) *tree.Node {
	n, _ := s.find(name)
	return n
}

// Below returns the written properties whose names begin with prefix, by what
// follows it.
func (s *Settings) Below(prefix string) map[string]*tree.Node {
	out := map[string]*tree.Node{}
	prefix = Uniform(prefix)
	for name, n := range s.values {
		if rest, ok := strings.CutPrefix(name, prefix); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			out[strings.TrimPrefix(rest, ".")] = n
		}
	}
	return out
}

// First is the one of nodes that stands before the others; nil if there is none.
func First(nodes map[string]*tree.Node) (first *tree.Node) {
	for _, n := range nodes {
		if first == nil || n.Line < first.Line || n.Line == first.Line && n.Column < first.Column {
			first = n
		}
	}
	return first
}

// find returns what is written of a property. decided is false if something
// that cannot be read may say it.
func (s *Settings) find(name string) (n *tree.Node, decided bool) {
	if s.outside != nil {
		if s.outside.hidden[bare(name)] {
			return nil, false
		}
		if n := s.outside.values[bare(name)]; n != nil {
			return n, true
		}
	}
	if n := s.values[Uniform(name)]; n != nil {
		return n, true
	}
	return nil, !s.partial
}

func setting[T any](s *Settings, name string, def value.Value[T], parse func(string) (T, bool)) value.Value[T] {
	n, decided := s.find(name)
	switch {
	case n == nil && !decided:
		return value.Value[T]{State: value.Unknown, Name: name}
	case n == nil || n.Kind == tree.Null:
		def.Name = name
		return def
	}
	v := value.Value[T]{State: value.Unknown, Node: n, Name: name}
	if n.Kind != tree.Scalar || n.Unknown {
		return v
	}
	text, ok := s.resolve(n.Value, 0)
	if !ok {
		return v
	}
	if got, ok := parse(strings.TrimSpace(text)); ok {
		v.V, v.State = got, value.Written
	}
	return v
}

// maxPlaceholders is how deep placeholders may lead to others.
const maxPlaceholders = 8

// resolve puts in what placeholders stand for: a property, a variable of the
// containers, or else the default after the colon. It is not decided where
// none of them is there, and where Maven or an expression would put something
// in.
func (s *Settings) resolve(text string, depth int) (string, bool) {
	if strings.Contains(text, "#{") || strings.Contains(text, "$(") || mavenToken.MatchString(text) || depth > maxPlaceholders {
		return "", false
	}
	start := strings.Index(text, "${")
	if start < 0 {
		return text, true
	}
	end := closing(text, start+2)
	if end < 0 {
		return text, true
	}
	name, def, hasDef := strings.Cut(text[start+2:end], ":")
	value, ok := "", false
	switch n, decided := s.find(name); {
	case n != nil && n.Kind == tree.Scalar && !n.Unknown:
		value, ok = s.resolve(n.Value, depth+1)
	case n == nil && decided && hasDef, n == nil && s.outside == nil && hasDef:
		value, ok = s.resolve(def, depth+1)
	}
	if !ok {
		return "", false
	}
	rest, ok := s.resolve(text[end+1:], depth+1)
	return text[:start] + value + rest, ok
}

var mavenToken = regexp.MustCompile(`@[\w.-]+@`)

// closing finds the brace that ends what begins at from.
func closing(text string, from int) int {
	for depth, i := 0, from; i < len(text); i++ {
		switch {
		case text[i] == '{':
			depth++
		case text[i] == '}' && depth == 0:
			return i
		case text[i] == '}':
			depth--
		}
	}
	return -1
}

var (
	simpleDuration = regexp.MustCompile(`^([+-]?\d+)([a-zA-Z]{0,2})$`)
	isoDuration    = regexp.MustCompile(`(?i)^([+-]?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$`)
	springUnits    = map[string]time.Duration{"ns": 1, "us": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
)

// duration reads 30s, PT30S and 30, the last in unit
// (org.springframework.format.annotation.DurationFormat, styles SIMPLE and
// ISO8601).
func duration(text string, unit time.Duration) (time.Duration, bool) {
	if m := simpleDuration.FindStringSubmatch(text); m != nil {
		if m[2] != "" {
			unit = springUnits[strings.ToLower(m[2])]
		}
		n, err := strconv.ParseFloat(m[1], 64)
		return value.InRange(n*float64(unit), err == nil && unit > 0)
	}
	m := isoDuration.FindStringSubmatch(text)
	if m == nil || m[2]+m[3]+m[4]+m[5] == "" {
		return 0, false
	}
	total := 0.0
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		if m[i+2] != "" {
			n, _ := strconv.ParseFloat(m[i+2], 64) // digits
			total += n * float64(unit)
		}
	}
	if m[1] == "-" {
		total = -total
	}
	return value.InRange(total, true)
}
