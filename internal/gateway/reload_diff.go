package gateway

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"github.com/evenkeel/evenkeel/internal/config"
)

// changedOptions has a line for each option of a group that differs, but for
// its targets, which have lines of their own.
func changedOptions(name string, was, is GroupOptions) []string {
	was.Targets, is.Targets = nil, nil
	return changedFields(name+": ", reflect.ValueOf(was), reflect.ValueOf(is))
}

func changedFields(path string, was, is reflect.Value) (lines []string) {
	for i := range was.NumField() {
		f := was.Type().Field(i)
		a, b := was.Field(i), is.Field(i)
		switch key := path + snake(f.Name); {
		case !f.IsExported() || reflect.DeepEqual(a.Interface(), b.Interface()):
		case f.Type.Kind() == reflect.Struct:
			lines = append(lines, changedFields(key+".", a, b)...)
		default:
			lines = append(lines, fmt.Sprintf("%s %v -> %v", key, shown(a), shown(b)))
		}
	}
	return lines
}

func shown(v reflect.Value) any {
	if v.Kind() == reflect.String {
		return fmt.Sprintf("%q", v.String())
	}
	return v.Interface()
}

// snake is DeregistrationDelay as it stands in the file: deregistration_delay.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && unicode.IsLower(runes[i-1]) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// yamlKey is the key of a struct's field in the file; empty is none.
func yamlKey(f reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if key == "-" {
		return ""
	}
	return key
}

// sameValue reports whether two values of the file say the same, wherever in
// the file they stand.
func sameValue(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Struct:
		if a.Type() == reflect.TypeFor[config.Pos]() {
			return true
		}
		for i := range a.NumField() {
			if !sameValue(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return sameValue(a.Elem(), b.Elem())
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !sameValue(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		if a.Len() != b.Len() {
			return false
		}
		for _, k := range a.MapKeys() {
			if v := b.MapIndex(k); !v.IsValid() || !sameValue(a.MapIndex(k), v) {
				return false
			}
		}
		return true
	default:
		return a.Equal(b)
	}
}
