package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Validator is a struct that checks itself after it was decoded without
// problems in its own fields; what it reports through at has a position. It
// prints values only as [At.Found] gives them.
type Validator interface {
	Validate(at At)
}

// At reports problems at the keys of one mapping.
type At struct {
	d    *decoder
	node *yaml.Node
	path string
}

// Errorf reports a problem of the value under key, or of the whole mapping if
// the key is not there or empty. The message says what was found and what is
// allowed.
func (a At) Errorf(key, format string, args ...any) {
	node := a.node
	if key == "" {
		a.d.report(node, a.path, format, args...)
		return
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			a.d.report(node.Content[i+1], join(a.path, key), format, args...)
			return
		}
	}
	a.d.report(node, join(a.path, key), format, args...)
}

// ErrorfAt reports a problem of the mapping that stands at pos, in the list or
// mapping under key: groups[1].
func (a At) ErrorfAt(pos Pos, key, format string, args ...any) {
	a.d.problems.add(&Error{File: pos.File, Line: pos.Line, Column: pos.Column, Key: join(a.path, key), Msg: fmt.Sprintf(format, args...)})
}

// Found returns v as an error message shows it: masked if the value under key
// came from the environment or a file.
func (a At) Found(key string, v any) string {
	for i := 0; i+1 < len(a.node.Content); i += 2 {
		if n := a.node.Content[i+1]; a.node.Content[i].Value == key && (n.Kind != yaml.ScalarNode || refers(n.Value)) {
			return secret
		}
	}
	if s, ok := v.(string); ok {
		return fmt.Sprintf("%.80q", s)
	}
	return fmt.Sprint(v)
}

// In is At for the mapping under key, or, if there is none, at itself under
// that key.
func (a At) In(key string) At {
	in := At{d: a.d, node: a.node, path: join(a.path, key)}
	for i := 0; i+1 < len(a.node.Content); i += 2 {
		if n := a.node.Content[i+1]; a.node.Content[i].Value == key {
			if in.node = n; n.Kind == yaml.AliasNode {
				in.node = n.Alias
			}
		}
	}
	return in
}

// Has reports whether the mapping contains key.
func (a At) Has(key string) bool {
	for i := 0; i+1 < len(a.node.Content); i += 2 {
		if a.node.Content[i].Value == key {
			return true
		}
	}
	return false
}

// Pos is where the mapping stands that a struct came from: a field of this
// type with the tag yaml:"-" is filled by the decoder.
type Pos struct {
	File         string
	Line, Column int
}

// String is FILE:LINE:COLUMN.
func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Elsewhere is the value of a key that another program part reads and checks:
// whatever stands there is taken.
type Elsewhere struct{}

var (
	posType       = reflect.TypeFor[Pos]()
	elsewhereType = reflect.TypeFor[Elsewhere]()
	textType      = reflect.TypeFor[encoding.TextUnmarshaler]()
)

type decoder struct {
	file     string
	expander expander
	problems problems
	nodes    int  // visited
	stopped  bool // the bound was reported
}

func (d *decoder) report(n *yaml.Node, path, format string, args ...any) {
	d.problems.add(&Error{File: d.file, Line: n.Line, Column: n.Column, Key: path, Msg: fmt.Sprintf(format, args...)})
}

// decode writes the value of n into dst.
func (d *decoder) decode(n *yaml.Node, path string, dst reflect.Value, depth int) {
	d.nodes++
	if d.nodes > maxNodes || depth > maxDepth {
		if !d.stopped {
			d.report(n, path, "nested too deep or repeated too often by aliases, allowed: depth %d, %d values", maxDepth, maxNodes)
		}
		d.stopped = true
	}
	if d.stopped {
		return
	}
	if dst.Type() == elsewhereType {
		return
	}
	if n.Kind == yaml.AliasNode {
		d.decode(n.Alias, path, dst, depth+1)
		return
	}
	if dst.Kind() == reflect.Pointer {
		fresh := reflect.New(dst.Type().Elem())
		if !dst.IsNil() {
			fresh.Elem().Set(dst.Elem())
		}
		d.decode(n, path, fresh.Elem(), depth+1)
		dst.Set(fresh)
		return
	}
	switch {
	case reflect.PointerTo(dst.Type()).Implements(textType):
		d.scalar(n, path, dst)
	case dst.Kind() == reflect.Struct:
		d.mapping(n, path, dst, depth)
	case dst.Kind() == reflect.Map:
		d.dictionary(n, path, dst, depth)
	case dst.Kind() == reflect.Slice:
		d.list(n, path, dst, depth)
	default:
		d.scalar(n, path, dst)
	}
}

func (d *decoder) scalar(n *yaml.Node, path string, dst reflect.Value) {
	if n.Kind != yaml.ScalarNode {
		d.report(n, path, "found %s, allowed: one value", kind(n))
		return
	}
	if !standardTag(n) {
		d.report(n, path, "found the tag %s, allowed: none", n.Tag)
		return
	}
	if n.ShortTag() == "!!null" {
		d.report(n, path, "has no value")
		return
	}
	text, hidden, err := d.expander.expand(n.Value)
	if err != nil {
		d.report(n, path, "%v", err)
		return
	}
	if allowed, ok := set(dst, text); !ok {
		found := fmt.Sprintf("%.80q", text)
		if hidden {
			found, allowed = secret, withoutFound(dst, allowed)
		}
		d.report(n, path, "found %s, allowed: %s", found, allowed)
	}
}

// withoutFound returns what is allowed without words of the type's own, which
// may quote what was found.
func withoutFound(dst reflect.Value, allowed string) string {
	switch dst.Addr().Interface().(type) {
	case Enum, *Size:
		return allowed
	case encoding.TextUnmarshaler:
		return "what this key takes when it is written out"
	}
	return allowed
}

func (d *decoder) list(n *yaml.Node, path string, dst reflect.Value, depth int) {
	d.items(n, path, dst, depth, func(reflect.Value) {})
}

// items decodes a list whose items are begun by begin.
func (d *decoder) items(n *yaml.Node, path string, dst reflect.Value, depth int, begin func(item reflect.Value)) {
	if empty(n) {
		dst.SetZero()
		return
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.SequenceNode {
		d.report(n, path, "found %s, allowed: a list", kind(n))
		return
	}
	out := reflect.MakeSlice(dst.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		begin(out.Index(i))
		d.decode(item, fmt.Sprintf("%s[%d]", path, i), out.Index(i), depth+1)
	}
	dst.Set(out)
}

func (d *decoder) dictionary(n *yaml.Node, path string, dst reflect.Value, depth int) {
	if dst.Type().Key().Kind() != reflect.String {
		panic(fmt.Sprintf("config: maps need string keys, not %v", dst.Type()))
	}
	out := reflect.MakeMap(dst.Type())
	d.pairs(n, path, func(key, value *yaml.Node) {
		item := reflect.New(dst.Type().Elem()).Elem()
		d.decode(value, join(path, key.Value), item, depth+1)
		out.SetMapIndex(reflect.ValueOf(key.Value).Convert(dst.Type().Key()), item)
	})
	dst.Set(out)
}

func (d *decoder) mapping(n *yaml.Node, path string, dst reflect.Value, depth int) {
	before := len(d.problems.list) + d.problems.more
	fields := fieldsOf(dst.Type())
	seen := map[string]bool{}
	var late []func() // lists whose items begin as another key's value
	d.pairs(n, path, func(key, value *yaml.Node) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == key.Value })
		if i < 0 {
			d.report(key, join(path, key.Value), "unknown key, allowed: %s%s", names(fields), suggest(key.Value, nameList(fields)))
			return
		}
		seen[key.Value] = true
		f := fields[i]
		if f.many && value.Kind != yaml.SequenceNode && value.Kind != yaml.AliasNode && !empty(value) {
			value = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{value}, Line: value.Line, Column: value.Column}
		}
		if f.from != "" {
			late = append(late, func() {
				d.listFrom(value, join(path, f.name), dst.FieldByIndex(f.index), dst.FieldByIndex(sibling(fields, f.from)), depth+1)
			})
			return
		}
		d.decode(value, join(path, f.name), dst.FieldByIndex(f.index), depth+1)
	})
	for _, f := range late {
		f()
	}
	for _, f := range fields {
		if f.required && !seen[f.name] && (n.Kind == yaml.MappingNode || empty(n)) {
			d.report(n, join(path, f.name), "is required")
		}
	}
	setPos(dst, Pos{d.file, n.Line, n.Column})
	if v, ok := reflect.TypeAssert[Validator](dst.Addr()); ok && len(d.problems.list)+d.problems.more == before && !d.stopped {
		v.Validate(At{d: d, node: n, path: path})
	}
}

// listFrom is list for items that begin as def: each has def's type, or has it
// inline.
func (d *decoder) listFrom(n *yaml.Node, path string, dst, def reflect.Value, depth int) {
	d.items(n, path, dst, depth, func(item reflect.Value) {
		if item.Type() == def.Type() {
			item.Set(def)
			return
		}
		for i := range item.NumField() {
			if f := item.Type().Field(i); inline(f) && f.Type == def.Type() {
				item.Field(i).Set(def)
				return
			}
		}
		panic(fmt.Sprintf("config: items of %s are %v, which hold no %v", path, item.Type(), def.Type()))
	})
}

// pairs calls f for each key of a mapping and its value.
func (d *decoder) pairs(n *yaml.Node, path string, f func(key, value *yaml.Node)) {
	if empty(n) {
		return
	}
	if n.Kind != yaml.MappingNode || !standardTag(n) {
		d.report(n, path, "found %s, allowed: a mapping", kind(n))
		return
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Kind != yaml.ScalarNode:
			d.report(key, path, "found %s as a key, allowed: a word", kind(key))
		case key.ShortTag() == "!!merge":
			d.report(key, path, "found a merge key (<<), allowed: write the keys out, or refer to a whole value by an alias")
		case first[key.Value] > 0:
			d.report(key, join(path, key.Value), "duplicate key, first in line %d", first[key.Value])
		default:
			first[key.Value] = key.Line
			f(key, n.Content[i+1])
		}
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func empty(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// standardTag reports whether n has no tag of its own.
func standardTag(n *yaml.Node) bool {
	return n.Style&yaml.TaggedStyle == 0 || strings.HasPrefix(n.ShortTag(), "!!")
}

// kind says for a person what a node is.
func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		if refers(n.Value) {
			return secret
		}
		return fmt.Sprintf("%.80q", n.Value)
	case yaml.DocumentNode, yaml.AliasNode:
		return "an alias"
	}
	return "nothing"
}
