package config

import (
	"reflect"
	"slices"
	"strings"
)

// field is how a struct's field is written.
type field struct {
	name           string
	index          []int // from the struct, through inline ones
	required, many bool
	from           string // the key whose value items begin as
}

// fieldsOf reads the tags yaml:"name,required,many,from=KEY"; a field without
// a tag or with "-" is not part of the file. The fields of an embedded exported
// struct with the tag yaml:",inline" stand among the others; those of the outer
// struct hide inner ones of the same name, as in Go.
func fieldsOf(t reflect.Type) []field {
	var out []field
	add := func(f field) {
		if !slices.ContainsFunc(out, func(g field) bool { return g.name == f.name }) {
			out = append(out, f)
		}
	}
	for i := range t.NumField() {
		name, opts, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		f := field{name: name, index: []int{i}}
		for o := range strings.SplitSeq(opts, ",") {
			f.required = f.required || o == "required"
			f.many = f.many || o == "many"
			if key, ok := strings.CutPrefix(o, "from="); ok {
				f.from = key
			}
		}
		add(f)
	}
	for i := range t.NumField() {
		if !inline(t.Field(i)) {
			continue
		}
		for _, f := range fieldsOf(t.Field(i).Type) {
			f.index = append([]int{i}, f.index...)
			add(f)
		}
	}
	return out
}

func inline(f reflect.StructField) bool {
	return f.Anonymous && f.Type.Kind() == reflect.Struct && f.Tag.Get("yaml") == ",inline"
}

func sibling(fields []field, name string) []int {
	return fields[slices.IndexFunc(fields, func(f field) bool { return f.name == name })].index
}

func nameList(fields []field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.name
	}
	return out
}

func names(fields []field) string { return strings.Join(nameList(fields), ", ") }

// setPos fills the fields of type Pos, those of inline structs too.
func setPos(dst reflect.Value, pos Pos) {
	for i := range dst.NumField() {
		switch f := dst.Type().Field(i); {
		case f.Type == posType:
			dst.Field(i).Set(reflect.ValueOf(pos))
		case inline(f):
			setPos(dst.Field(i), pos)
		}
	}
}
