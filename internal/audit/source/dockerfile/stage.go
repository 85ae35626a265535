package dockerfile

import (
	"encoding/json"
	"maps"
	"regexp"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// add puts an instruction into the tree.
func (d *parser) add(l *logical) {
	from := len(l.text) - len(strings.TrimLeft(l.text, " \t"))
	to := from
	for to < len(l.text) && l.text[to] != ' ' && l.text[to] != '\t' {
		to++
	}
	name := strings.ToUpper(l.text[from:to])
	value := to + len(l.text[to:]) - len(strings.TrimLeft(l.text[to:], " \t"))
	switch n := d.value(l, name, value); name {
	case "FROM":
		d.from(l, n)
	case "ARG", "ENV":
		d.variables(name, n.Value)
		d.child(l, n, name, from)
	case "STOPSIGNAL":
		n.Value, n.Unknown = d.expand(n.Value, d.local)
		d.child(l, n, name, from)
	default:
		d.child(l, n, name, from)
	}
}

// child adds n to the stage, or before the first one to the top.
func (d *parser) child(l *logical, n *tree.Node, name string, at int) {
	n.Key, n.KeyStart = name, l.at(at)
	n.KeyLine, n.KeyColumn = d.file.Place(n.KeyStart)
	parent := d.stage
	if parent == nil {
		parent = d.doc.Root
	}
	parent.Add(n)
}

// value reads what follows an instruction's name.
func (d *parser) value(l *logical, name string, start int) *tree.Node {
	text := strings.TrimRight(l.text[start:], " \t")
	n := d.node(l.at(start))
	n.Kind, n.Value = tree.Scalar, text
	n.Unknown = strings.Contains(text, "{{") && strings.Contains(text, "}}")
	if l.together(start, start+len(text)) {
		n.End = n.Start + len(text)
	}
	if exec := name == "ENTRYPOINT" || name == "CMD" || name == "SHELL"; exec && strings.HasPrefix(text, "[") {
		d.execForm(l, n, start)
	}
	return n
}

// execForm makes n a list if its text is a JSON array of strings; anything else
// is a command for the shell.
func (d *parser) execForm(l *logical, n *tree.Node, start int) {
	var words []string
	if json.Unmarshal([]byte(n.Value), &words) != nil {
		return
	}
	dec := json.NewDecoder(strings.NewReader(n.Value))
	if _, err := dec.Token(); err != nil {
		return
	}
	for _, word := range words {
		at := int(dec.InputOffset())
		for at < len(n.Value) && n.Value[at] != '"' {
			at++
		}
		if _, err := dec.Token(); err != nil {
			return
		}
		end := int(dec.InputOffset())
		c := d.node(l.at(start + at))
		c.Kind, c.Value, c.Quoted = tree.Scalar, word, true
		if l.together(start+at, start+end) {
			c.End = c.Start + end - at
		}
		n.Add(c)
	}
	n.Kind, n.Value = tree.List, ""
}

// from begins a stage: FROM [--platform=…] IMAGE [AS NAME].
func (d *parser) from(l *logical, n *tree.Node) {
	words := strings.Fields(n.Value)
	for len(words) > 0 && strings.HasPrefix(words[0], "--") {
		words = words[1:]
	}
	stage := d.node(n.Start)
	d.stage, d.local = nil, maps.Clone(d.global)
	d.child(l, stage, "FROM", strings.IndexFunc(l.text, func(r rune) bool { return r != ' ' && r != '\t' }))
	stage.Kind, stage.End = tree.Map, n.End
	d.stage = stage
	if len(words) > 0 {
		image := d.node(n.Start)
		if at := strings.Index(n.Value, words[0]); n.End > 0 {
			image = d.node(n.Start + at)
			image.End = image.Start + len(words[0])
		}
		image.Kind, image.Key, image.KeyLine, image.KeyColumn = tree.Scalar, "image", n.Line, n.Column
		image.Value, image.Unknown = d.expand(words[0], d.global)
		stage.Add(image)
	}
	if len(words) == 3 && strings.EqualFold(words[1], "as") {
		as := d.node(n.Start)
		as.Kind, as.Key, as.Value, as.KeyLine, as.KeyColumn = tree.Scalar, "as", words[2], n.Line, n.Column
		stage.Add(as)
	}
}

// variables keeps the values of ARG and ENV: NAME=VALUE, or ENV NAME VALUE.
func (d *parser) variables(name, text string) {
	set := d.local
	if d.stage == nil {
		set = d.global
	}
	words := strings.Fields(text)
	if name == "ENV" && len(words) == 2 && !strings.Contains(words[0], "=") {
		words = []string{words[0] + "=" + words[1]}
	}
	for _, w := range words {
		if k, v, ok := strings.Cut(w, "="); ok {
			if expanded, unknown := d.expand(strings.Trim(v, `"'`), set); !unknown {
				set[k] = expanded
			}
		}
	}
}

var variable = regexp.MustCompile(`\$(?:(\w+)|\{(\w+)(?::?-([^}]*))?\})`)

// expand puts in variables. unknown is set where one has no value, and where
// the text is a template.
func (d *parser) expand(text string, values map[string]string) (out string, unknown bool) {
	unknown = strings.Contains(text, "{{")
	out = variable.ReplaceAllStringFunc(text, func(s string) string {
		m := variable.FindStringSubmatch(s)
		v, ok := values[m[1]+m[2]]
		if !ok && strings.Contains(s, "-") {
			v, ok = m[3], true
		}
		unknown = unknown || !ok
		return v
	})
	if unknown || strings.Contains(out, "$") || strings.ContainsAny(out, "{}") {
		return text, true
	}
	return out, false
}
