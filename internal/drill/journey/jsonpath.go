package journey

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// jsonPath is a way into a JSON document: names, indexes and [*] for all
// items. $.cart.items[*].id and cart.items[*].id are the same.
type jsonPath []hop

// hop is one step: a name, or an index; index -1 is all of them.
type hop struct {
	name  string
	index int
	array bool
}

func parseJSONPath(s string) (jsonPath, error) {
	rest := strings.TrimPrefix(strings.TrimPrefix(s, "$"), ".")
	path := jsonPath{}
	for rest != "" {
		if rest[0] == '[' {
			inside, after, ok := strings.Cut(rest[1:], "]")
			h, valid := bracket(inside)
			if !ok || !valid {
				return nil, errJSONPath
			}
			path = append(path, h)
			rest = strings.TrimPrefix(after, ".")
			continue
		}
		end := strings.IndexAny(rest, ".[")
		if end < 0 {
			end = len(rest)
		}
		if end == 0 {
			return nil, errJSONPath
		}
		path = append(path, hop{name: rest[:end]})
		rest = strings.TrimPrefix(rest[end:], ".")
	}
	return path, nil
}

var errJSONPath = errors.New("a path such as user.name, items[0].id, items[*].id, ['a name']")

func bracket(s string) (hop, bool) {
	if s == "*" {
		return hop{array: true, index: -1}, true
	}
	if len(s) > 2 && s[0] == '\'' && s[len(s)-1] == '\'' {
		return hop{name: s[1 : len(s)-1]}, true
	}
	n, err := strconv.Atoi(s)
	return hop{array: true, index: n}, err == nil && n >= 0
}

// find gives the strings, numbers and booleans that the path leads to. A
// document that is no JSON has none.
func (p jsonPath) find(document []byte) []string {
	dec := json.NewDecoder(bytes.NewReader(document))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return nil
	}
	var out []string
	p.walk(v, &out)
	return out
}

func (p jsonPath) walk(v any, out *[]string) {
	if len(*out) == maxMatches {
		return
	}
	if len(p) == 0 {
		switch v := v.(type) {
		case string:
			*out = append(*out, v)
		case json.Number:
			*out = append(*out, v.String())
		case bool:
			*out = append(*out, strconv.FormatBool(v))
		}
		return
	}
	switch at := v.(type) {
	case map[string]any:
		if inner, ok := at[p[0].name]; ok && !p[0].array {
			p[1:].walk(inner, out)
		}
	case []any:
		for i, inner := range at {
			if p[0].array && (p[0].index < 0 || p[0].index == i) {
				p[1:].walk(inner, out)
			}
		}
	}
}
