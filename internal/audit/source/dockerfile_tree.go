package source

import (
	"encoding/json"
	"maps"
	"regexp"
	"strings"
)

// add puts an instruction into the tree.
func (d *dockerfile) add(l *logical) {
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
func (d *dockerfile) child(l *logical, n *Node, name string, at int) {
	n.Key, n.entry = name, l.at(at)
	n.KeyLine, n.KeyColumn = place(d.starts, d.data, n.entry)
	parent := d.stage
	if parent == nil {
		parent = d.doc.Root
	}
	parent.add(n)
}

// value reads what follows an instruction's name.
func (d *dockerfile) value(l *logical, name string, start int) *Node {
	text := strings.TrimRight(l.text[start:], " \t")
	n := d.node(l.at(start))
	n.Kind, n.Value = Scalar, text
	n.Unknown = strings.Contains(text, "{{") && strings.Contains(text, "}}")
	if l.together(start, start+len(text)) {
		n.end = n.start + len(text)
	}
	if exec := name == "ENTRYPOINT" || name == "CMD" || name == "SHELL"; exec && strings.HasPrefix(text, "[") {
		d.execForm(l, n, start)
	}
	return n
}

// execForm makes n a list if its text is a JSON array of strings; anything else
// is a command for the shell.
func (d *dockerfile) execForm(l *logical, n *Node, start int) {
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
		c.Kind, c.Value, c.Quoted = Scalar, word, true
		if l.together(start+at, start+end) {
			c.end = c.start + end - at
		}
		n.add(c)
	}
	n.Kind, n.Value = List, ""
}

// from begins a stage: FROM [--platform=…] IMAGE [AS NAME].
func (d *dockerfile) from(l *logical, n *Node) {
	words := strings.Fields(n.Value)
	for len(words) > 0 && strings.HasPrefix(words[0], "--") {
		words = words[1:]
	}
	stage := d.node(n.start)
	d.stage, d.local = nil, maps.Clone(d.global)
	d.child(l, stage, "FROM", strings.IndexFunc(l.text, func(r rune) bool { return r != ' ' && r != '\t' }))
	stage.Kind, stage.end = Map, n.end
	d.stage = stage
	if len(words) > 0 {
		image := d.node(n.start)
		if at := strings.Index(n.Value, words[0]); n.end > 0 {
			image = d.node(n.start + at)
			image.end = image.start + len(words[0])
		}
		image.Kind, image.Key, image.KeyLine, image.KeyColumn = Scalar, "image", n.Line, n.Column
		image.Value, image.Unknown = d.expand(words[0], d.global)
		stage.add(image)
	}
	if len(words) == 3 && strings.EqualFold(words[1], "as") {
		as := d.node(n.start)
		as.Kind, as.Key, as.Value, as.KeyLine, as.KeyColumn = Scalar, "as", words[2], n.Line, n.Column
		stage.add(as)
	}
}

// variables keeps the values of ARG and ENV: NAME=VALUE, or ENV NAME VALUE.
func (d *dockerfile) variables(name, text string) {
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
func (d *dockerfile) expand(text string, values map[string]string) (out string, unknown bool) {
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
