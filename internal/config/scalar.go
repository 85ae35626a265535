package config

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Enum is a value with a fixed set of words; its error then lists them.
type Enum interface {
	encoding.TextUnmarshaler
	Allowed() []string
}

// Size is a number of bytes, written 512, 64KiB, 10MB.
type Size int64

var sizeUnits = []struct {
	suffix string
	bytes  int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1},
}

// UnmarshalText accepts a whole number with or without a unit.
func (s *Size) UnmarshalText(text []byte) error {
	for _, u := range sizeUnits {
		number, ok := strings.CutSuffix(string(text), u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/u.bytes {
			break
		}
		*s = Size(n * u.bytes)
		return nil
	}
	return fmt.Errorf("not a size")
}

// String returns the size with the largest unit that divides it.
func (s Size) String() string {
	for _, u := range []int{2, 1, 0} {
		if n := sizeUnits[u]; s != 0 && int64(s)%n.bytes == 0 {
			return strconv.FormatInt(int64(s)/n.bytes, 10) + n.suffix
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

var durationType = reflect.TypeFor[time.Duration]()

// set parses text into dst, a scalar. It returns what is allowed when the text
// is not.
func set(dst reflect.Value, text string) (allowed string, ok bool) {
	if u, is := reflect.TypeAssert[encoding.TextUnmarshaler](dst.Addr()); is {
		return setText(u, text)
	}
	if dst.Type() == durationType {
		v, err := time.ParseDuration(text)
		if err != nil || v < 0 {
			return "a duration of at least 0 with its unit, such as 500ms, 30s, 5m, 12h", false
		}
		dst.SetInt(int64(v))
		return "", true
	}
	switch dst.Kind() {
	case reflect.String:
		dst.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return "true, false", false
		}
		dst.SetBool(text == "true")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v, err := strconv.ParseInt(text, 10, dst.Type().Bits())
		if err != nil {
			return wholeNumber(dst.Type().Bits(), true), false
		}
		dst.SetInt(v)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v, err := strconv.ParseUint(text, 10, dst.Type().Bits())
		if err != nil {
			return wholeNumber(dst.Type().Bits(), false), false
		}
		dst.SetUint(v)
	case reflect.Float32, reflect.Float64:
		v, err := strconv.ParseFloat(text, dst.Type().Bits())
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return "a number", false
		}
		dst.SetFloat(v)
	default:
		panic(fmt.Sprintf("config: fields of type %v are not supported", dst.Type()))
	}
	return "", true
}

// wholeNumber names the range of an integer type where it is one that people
// meet: ports and the like.
func wholeNumber(bits int, signed bool) string {
	switch {
	case signed:
		return "a whole number"
	case bits <= 16:
		return fmt.Sprintf("a whole number from 0 to %d", 1<<bits-1)
	}
	return "a whole number of at least 0"
}

func setText(u encoding.TextUnmarshaler, text string) (allowed string, ok bool) {
	err := u.UnmarshalText([]byte(text))
	if err == nil {
		return "", true
	}
	switch t := u.(type) {
	case Enum:
		return strings.Join(t.Allowed(), ", ") + suggest(text, t.Allowed()), false
	case *Size:
		return "a number of bytes such as 512, 64KiB, 10MB", false
	}
	return err.Error(), false
}
