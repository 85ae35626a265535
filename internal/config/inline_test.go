package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Shared is inline, also under a key and in the items of a list.
type Shared struct {
	Idle   time.Duration `yaml:"idle"`
	On     bool          `yaml:"on"`
	Limits *limits       `yaml:"limits"`
	Paths  []string      `yaml:"paths"`
}

type item struct {
	Name   string `yaml:"name,required"`
	Shared `yaml:",inline"`

	Pos Pos `yaml:"-"`
}

type Base struct {
	Shared   `yaml:",inline"`
	Items    []item    `yaml:"items,from=defaults"`
	Defaults Shared    `yaml:"defaults"`
	Other    Elsewhere `yaml:"other"`

	Pos Pos `yaml:"-"`
}

type outer struct {
	Base  `yaml:",inline"`
	Other []string `yaml:"other"` // hides that of Base
}

// Validate implements Validator.
func (o outer) Validate(at At) {
	if o.Idle > time.Minute {
		at.Errorf("idle", "found %v, allowed: at most 1m", o.Idle)
	}
	if in := at.In("defaults"); in.Has("on") && o.Defaults.On {
		in.Errorf("on", "found true, allowed: false")
	}
}

func TestInline(t *testing.T) {
	// Items come before the defaults that they begin with.
	const text = `idle: 5s
items:
- {name: a, on: false, limits: {body: 9}}
- {name: b, paths: [/x]}
defaults: {on: true, idle: 3s, limits: {idle_timeout: 1s, body: 7}, paths: [/]}
other: {any: [thing], at: all}
`
	var got Base
	if err := Parse("x.yaml", []byte(text), &got); err != nil {
		t.Fatal(err)
	}
	defaults := Shared{Idle: 3 * time.Second, On: true, Limits: &limits{Idle: time.Second, Body: 7}, Paths: []string{"/"}}
	a, b := defaults, defaults
	a.On, a.Limits, b.Paths = false, &limits{Idle: time.Second, Body: 9}, []string{"/x"}
	want := Base{Shared: Shared{Idle: 5 * time.Second}, Defaults: defaults, Pos: Pos{"x.yaml", 1, 1},
		Items: []item{{"a", a, Pos{"x.yaml", 3, 3}}, {"b", b, Pos{"x.yaml", 4, 3}}}}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(item{})); d != "" {
		t.Error(d)
	}
}

func TestInlineErrors(t *testing.T) {
	for text, want := range map[string]string{
		"other: [a]\nidle: 61s":                        "x.yaml:2:7: idle: found 1m1s, allowed: at most 1m",
		"other: {a: b}":                                "x.yaml:1:8: other: found a mapping, allowed: a list",
		"items: [{on: true}]":                          "x.yaml:1:9: items[0].name: is required",
		"items: {name: a}":                             "x.yaml:1:8: items: found a mapping, allowed: a list",
		"defaults: {on: perhaps}\nitems: [{name: a}]":  `x.yaml:1:16: defaults.on: found "perhaps", allowed: true, false`,
		"defaults: {on: true}":                         "x.yaml:1:16: defaults.on: found true, allowed: false",
		"nokey: 1":                                     "x.yaml:1:1: nokey: unknown key, allowed: other, items, defaults, idle, on, limits, paths",
		"items: &l [{name: a}]\ndefaults: {paths: *l}": "x.yaml:1:12: defaults.paths[0]: found a mapping, allowed: one value",
	} {
		var v outer
		err := Parse("x.yaml", []byte(text), &v)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// A list may stand for several by an alias.
func TestListFromAnAlias(t *testing.T) {
	type two struct {
		Defaults Shared    `yaml:"defaults"`
		Other    Elsewhere `yaml:"other"`
		Items    []item    `yaml:"items,from=defaults"`
	}
	var v two
	if err := Parse("x.yaml", []byte("other: &l [{name: a}, {name: b}]\nitems: *l\ndefaults: {on: true}"), &v); err != nil || len(v.Items) != 2 || !v.Items[1].On {
		t.Errorf("got %+v, %v", v, err)
	}
}
