// Package value is a setting as files have it: with its place, and with what is
// known of it where nothing is written.
//
//	grace := value.InSeconds(n, value.Of("terminationGracePeriodSeconds", 30*time.Second))
//	if grace.Known() { … }
//
// Guarantees: what files do not decide is unknown, never a guess; no length of
// time that is read is longer than 10 years.
package value

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// State says where a value comes from.
type State uint8

const (
	Absent  State = iota // nothing says it, and the platform has no value of its own
	Unknown              // something is written that files do not decide
	Default              // the platform's own, nothing is written
	Written
)

// Value is a setting with its place. The zero value is absent.
type Value[T any] struct {
	V     T
	State State
	// Node is what is written; of a default it is nil.
	Node *tree.Node
	// Name is the setting's name, for people: terminationGracePeriodSeconds.
	Name string
}

// Known reports whether V can be relied on.
func (v Value[T]) Known() bool { return v.State >= Default }

// Written reports whether V stands in a file.
func (v Value[T]) Written() bool { return v.State == Written }

// At is where the value stands; of a default or absent one it is fallback.
func (v Value[T]) At(fallback *tree.Node) *tree.Node {
	if v.Node != nil {
		return v.Node
	}
	return fallback
}

// String is "NAME VALUE" as messages show it, with "(default)" where nothing is
// written.
func (v Value[T]) String() string {
	text := fmt.Sprint(v.V)
	if d, ok := any(v.V).(time.Duration); ok {
		text = Seconds(d)
	}
	if v.State == Default {
		text += " (default)"
	}
	return strings.TrimSpace(v.Name + " " + text)
}

// Seconds is a duration as platforms count it: "30 s", "1.5 s".
func Seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + " s"
}

// Of is a default of the platform's.
func Of[T any](name string, v T) Value[T] { return Value[T]{V: v, State: Default, Name: name} }

// Unset is a value that nothing sets and whose default is not known.
func Unset[T any](name string) Value[T] { return Value[T]{Name: name, State: Unknown} }

// Read makes a value of n: without n it is def, with something that parse
// refuses it is unknown.
func Read[T any](n *tree.Node, def Value[T], parse func(string) (T, bool)) Value[T] {
	if !n.Exists() {
		return def
	}
	v := Value[T]{State: Unknown, Node: n, Name: def.Name}
	if n.Kind != tree.Scalar || n.Unknown {
		return v
	}
	if got, ok := parse(strings.TrimSpace(n.Value)); ok {
		v.V, v.State = got, Written
	}
	return v
}

// Int reads a whole number.
func Int(n *tree.Node, def Value[int]) Value[int] {
	return Read(n, def, func(s string) (int, bool) {
		i, err := strconv.Atoi(s)
		return i, err == nil
	})
}

// Bool reads true or false.
func Bool(n *tree.Node, def Value[bool]) Value[bool] {
	return Read(n, def, func(s string) (bool, bool) {
		b, err := strconv.ParseBool(strings.ToLower(s))
		return b, err == nil
	})
}

// Text reads any text.
func Text(n *tree.Node, def Value[string]) Value[string] {
	return Read(n, def, func(s string) (string, bool) { return s, true })
}

// MaxSeconds keeps arithmetic away from the end of a Duration: 10 years.
const MaxSeconds = 10 * 366 * 24 * 3600

// InSeconds reads a whole or broken number of seconds.
func InSeconds(n *tree.Node, def Value[time.Duration]) Value[time.Duration] {
	return Read(n, def, ParseSeconds)
}

// ParseSeconds is a whole or broken number of seconds; false if s is none, or
// is out of range.
func ParseSeconds(s string) (time.Duration, bool) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f >= -MaxSeconds && f <= MaxSeconds) {
		return 0, false
	}
	return time.Duration(f * float64(time.Second)), true
}

// InRange is ns nanoseconds; false if ok is, or if they are out of range.
func InRange(ns float64, ok bool) (time.Duration, bool) {
	const most = MaxSeconds * float64(time.Second)
	if !ok || !(ns >= -most && ns <= most) {
		return 0, false
	}
	return time.Duration(ns), true
}

// Doubt returns what is written of an unknown value and cannot be one of its
// type; nil if there is no doubt, or if something else decides it.
func (v Value[T]) Doubt() (*tree.Node, string) {
	if v.State != Unknown || v.Node == nil || v.Node.Unknown || v.Node.Kind == tree.Map || v.Node.Kind == tree.Null {
		return nil, ""
	}
	if v.Node.Value == "infinity" && v.Node.Doc.File.Format == tree.Unit {
		return nil, ""
	}
	switch any(v.V).(type) {
	case int:
		return v.Node, "a whole number"
	case bool:
		return v.Node, "true, false"
	case time.Duration:
		return v.Node, "a length of time"
	}
	return nil, ""
}
