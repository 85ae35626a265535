package spring

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// atWork are profiles that no user meets.
var atWork = regexp.MustCompile(`(?i)^(dev\w*|local\w*|.*test\w*|ci|e2e|it|h2|mock\w*|debug)$`)

// onPlatform is the profile that stands for spring.config.activate.on-cloud-platform.
const onPlatform = "on-cloud-platform-"

// condition is on which profiles a document counts, as Spring writes it.
func condition(root *tree.Node) string {
	s := &Settings{values: map[string]*tree.Node{}}
	s.add(root)
	when := ""
	for _, name := range []string{"spring.config.activate.on-profile", "spring.profiles"} {
		var any []string
		for rest, n := range s.Below(name) {
			if rest == "" || rest[0] == '[' {
				any = append(any, split(n.Text())...)
			}
		}
		slices.Sort(any)
		when = and(when, strings.Join(any, "|"))
	}
	if p := s.Text("spring.config.activate.on-cloud-platform", value.Value[string]{}); p.V != "" {
		when = and(when, onPlatform+strings.ToLower(p.V))
	}
	return when
}

// split is a list of names with commas.
func split(text string) (all []string) {
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			all = append(all, name)
		}
	}
	return all
}

func and(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return "(" + a + ")&(" + b + ")"
}

var profileToken = regexp.MustCompile(`[()!&|]|[^()!&|\s]+`)

// holds evaluates an expression of profiles: names, !, &, | and parentheses.
func holds(when string, active []string) bool {
	e := &profileExpression{tokens: profileToken.FindAllString(when, -1), active: active}
	return len(e.tokens) == 0 || e.or()
}

type profileExpression struct {
	tokens []string
	active []string
}

func (e *profileExpression) take(token string) bool {
	if len(e.tokens) == 0 || e.tokens[0] != token {
		return false
	}
	e.tokens = e.tokens[1:]
	return true
}

func (e *profileExpression) or() bool {
	v := e.and()
	for e.take("|") {
		v = e.and() || v
	}
	return v
}

func (e *profileExpression) and() bool {
	v := e.not()
	for e.take("&") {
		v = e.not() && v
	}
	return v
}

func (e *profileExpression) not() bool {
	switch {
	case e.take("!"):
		return !e.not()
	case e.take("("):
		v := e.or()
		e.take(")")
		return v
	case len(e.tokens) == 0:
		return false
	}
	name := e.tokens[0]
	e.tokens = e.tokens[1:]
	return slices.Contains(e.active, name)
}

// profiles are the names that documents count on, those of development left
// out.
func profiles(docs []document) (all []string) {
	for _, d := range docs {
		for _, name := range profileToken.FindAllString(d.when, -1) {
			if len(name) == 1 && strings.Contains("()!&|", name) || name == "default" || strings.HasPrefix(name, onPlatform) ||
				atWork.MatchString(name) || slices.Contains(all, name) {
				continue
			}
			all = append(all, name)
		}
	}
	return all
}

// Settle finds the effective configurations, and what they say of sessions.
// outside is the environment of what runs the application, nil if it is not
// known; platform is its name, empty if nothing is known to run it.
func (a *Application) Settle(outside *Environment, platform string) {
	var always []string
	if platform != "" {
		always = append(always, onPlatform+strings.ToLower(platform))
	}
	if names, ok := outside.profiles(); ok {
		s := a.settings(append(always, names...), outside)
		s.Profile = strings.Join(names, ",")
		a.Configs = []*Settings{s}
	} else {
		a.Configs = []*Settings{a.settings(append(always, "default"), outside)}
		for _, name := range profiles(a.docs) {
			s := a.settings(append(slices.Clone(always), name), outside)
			s.Profile = name
			a.Configs = append(a.Configs, s)
		}
	}
	a.Sessions = a.sessions()
}

// settings are the properties with the active profiles.
func (a *Application) settings(active []string, outside *Environment) *Settings {
	base := a.overlay(active)
	if more := included(base, active); len(more) > len(active) {
		base = a.overlay(more)
	}
	s := &Settings{Node: a.Node, values: base, outside: outside}
	for _, d := range a.docs {
		if d.when == "" && d.weight >= 0 {
			s.Node = d.root
			break
		}
	}
	s.partial = !a.complete || outside.partial() || s.imports()
	return s
}

func (a *Application) overlay(active []string) map[string]*tree.Node {
	s := &Settings{values: map[string]*tree.Node{}}
	for _, d := range a.docs {
		if holds(d.when, active) {
			s.add(d.root)
		}
	}
	return s.values
}

// included adds the profiles that others bring along.
func included(values map[string]*tree.Node, active []string) []string {
	s := &Settings{values: values}
	out := slices.Clone(active)
	for _, prefix := range append([]string{"spring.profiles.include"}, groups(active)...) {
		below := s.Below(prefix)
		for _, rest := range slices.Sorted(maps.Keys(below)) {
			for _, name := range split(below[rest].Text()) {
				if !slices.Contains(out, name) {
					out = append(out, name)
				}
			}
		}
	}
	return out
}

func groups(active []string) (all []string) {
	for _, name := range active {
		all = append(all, "spring.profiles.group."+name)
	}
	return all
}

// imports reports whether the application reads configuration from somewhere
// else: a configuration server, Consul, Vault, files that are not among these.
func (s *Settings) imports() bool {
	for _, n := range s.Below("spring.config.import") {
		for _, where := range split(n.Value) {
			if !strings.Contains(strings.TrimPrefix(where, "optional:"), "classpath:") {
				return true
			}
		}
	}
	for _, name := range []string{"spring.cloud.config.uri", "spring.cloud.config.discovery.enabled", "spring.config.location", "spring.config.additional-location"} {
		if s.values[Uniform(name)] != nil {
			return true
		}
	}
	return false
}
