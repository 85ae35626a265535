package hcl

import (
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// modules are the folders of Terraform files, which are evaluated together.
type modules map[string]*module

// module is one folder: its variables have the values of its *.tfvars, of the
// one call of it, or their defaults.
type module struct {
	all   modules
	dir   string
	files []*tree.File

	locals  map[string]*localValue
	outputs map[string]hclsyntax.Expression
	calls   map[string]string // name of a module block -> folder
	callers []call            // of this module
	known   map[hclsyntax.Expression][]tree.Ref
	rulers  map[*tree.File]*tree.Ruler

	ctx   *hcl.EvalContext
	state evaluation
}

// localValue is an entry of a locals block.
type localValue struct {
	expr  hclsyntax.Expression
	file  *tree.File
	value cty.Value
	state evaluation
}

type evaluation uint8

const (
	fresh evaluation = iota
	underWay
	evaluated
)

// call is a module block.
type call struct {
	from *module
	body *hclsyntax.Body
}

// Link evaluates the files of each folder again, now together.
func Link(files []*tree.File) {
	var found []*tree.File
	for _, f := range files {
		if bodyOf(f) != nil {
			found = append(found, f)
		}
	}
	if len(found) < 2 {
		return
	}
	m := newModules(found)
	for _, f := range found {
		if err := m.build(f); err != nil {
			f.Docs = nil // it was within its bounds alone; now nothing of it is sure
		}
	}
}

func newModules(files []*tree.File) modules {
	all := modules{}
	for _, f := range files {
		dir := dirOf(f)
		m := all[dir]
		if m == nil {
			m = &module{all: all, dir: dir, locals: map[string]*localValue{}, outputs: map[string]hclsyntax.Expression{}, calls: map[string]string{},
				known: map[hclsyntax.Expression][]tree.Ref{}, rulers: map[*tree.File]*tree.Ruler{}}
			all[dir] = m
		}
		m.files = append(m.files, f)
	}
	for _, f := range files {
		all[dirOf(f)].declare(f)
	}
	return all
}

// declare notes what f declares, but for variables.
func (m *module) declare(f *tree.File) {
	if isVariables(f) {
		return
	}
	for _, b := range bodyOf(f).Blocks {
		switch {
		case b.Type == "locals":
			for name, a := range b.Body.Attributes {
				m.locals[name] = &localValue{expr: a.Expr, file: f}
			}
		case b.Type == "output" && len(b.Labels) == 1 && b.Body.Attributes["value"] != nil:
			m.outputs[b.Labels[0]] = b.Body.Attributes["value"].Expr
		case b.Type == "module" && len(b.Labels) == 1:
			m.call(b)
		}
	}
}

// call notes a call of a module in a folder that was read.
func (m *module) call(b *hclsyntax.Block) {
	source := literal(b.Body.Attributes["source"])
	if !strings.HasPrefix(source, "./") && !strings.HasPrefix(source, "../") {
		return
	}
	dir := path.Join(m.dir, source)
	if called := m.all[dir]; called != nil && called != m {
		m.calls[b.Labels[0]] = dir
		called.callers = append(called.callers, call{m, b.Body})
	}
}

// bodyOf is what Parse keeps of f; nil if f is of another language.
func bodyOf(f *tree.File) *hclsyntax.Body {
	body, _ := f.Syntax.(*hclsyntax.Body)
	return body
}

func isVariables(f *tree.File) bool { return strings.HasSuffix(f.Name, ".tfvars") }

// literal is the text of an attribute without expressions.
func literal(a *hclsyntax.Attribute) string {
	if a == nil {
		return ""
	}
	v, diags := a.Expr.Value(nil)
	if diags.HasErrors() || !v.IsWhollyKnown() || v.IsNull() || v.Type() != cty.String {
		return ""
	}
	return v.AsString()
}

// evaluate makes m's context: var, local, and every other root undecided.
func (m *module) evaluate() *hcl.EvalContext {
	if m.state != fresh {
		return m.ctx
	}
	m.state = underWay
	m.ctx = &hcl.EvalContext{Functions: functions, Variables: map[string]cty.Value{}}
	for _, f := range m.files {
		for _, root := range roots(bodyOf(f)) {
			m.ctx.Variables[root] = cty.DynamicVal
		}
	}
	m.ctx.Variables["var"] = cty.ObjectVal(m.variables())
	values := map[string]cty.Value{}
	for name := range m.locals {
		values[name] = m.local(name)
	}
	m.ctx.Variables["local"] = cty.ObjectVal(values)
	m.state = evaluated
	return m.ctx
}

// roots are the first names of all references in a body.
func roots(body *hclsyntax.Body) (names []string) {
	visit(body, func(n hclsyntax.Node) {
		if t, ok := n.(*hclsyntax.ScopeTraversalExpr); ok {
			names = append(names, t.Traversal.RootName())
		}
	})
	return names
}

func visit(n hclsyntax.Node, see func(hclsyntax.Node)) {
	_ = hclsyntax.VisitAll(n, func(n hclsyntax.Node) hcl.Diagnostics { see(n); return nil })
}

// variables are m's, undecided where nothing gives them a value.
func (m *module) variables() map[string]cty.Value {
	values := map[string]cty.Value{}
	for _, f := range m.files {
		for _, b := range bodyOf(f).Blocks {
			if b.Type == "variable" && len(b.Labels) == 1 && !isVariables(f) {
				values[b.Labels[0]] = m.variable(b.Labels[0], b.Body.Attributes["default"])
			}
		}
	}
	for _, f := range m.files {
		if !isVariables(f) {
			continue
		}
		for name, a := range bodyOf(f).Attributes {
			if _, ok := values[name]; ok {
				values[name] = m.value(a.Expr)
			}
		}
	}
	return values
}

// variable is the value that all callers agree on, or the default if nobody
// calls m.
func (m *module) variable(name string, def *hclsyntax.Attribute) cty.Value {
	fallback := cty.DynamicVal
	if def != nil {
		fallback = m.value(def.Expr)
	}
	if len(m.callers) == 0 {
		return fallback
	}
	var agreed []cty.Value
	for _, c := range m.callers {
		v := fallback
		if a := c.body.Attributes[name]; a != nil {
			c.from.evaluate()
			v = c.from.value(a.Expr)
		}
		if c.body.Attributes["for_each"] != nil || c.body.Attributes["count"] != nil {
			v = decided(v)
		}
		agreed = append(agreed, decided(v))
	}
	if slices.ContainsFunc(agreed[1:], func(v cty.Value) bool { return !v.RawEquals(agreed[0]) }) {
		return cty.DynamicVal
	}
	return agreed[0]
}

// decided is v, or undecided if a part of it is.
func decided(v cty.Value) cty.Value {
	if !v.IsWhollyKnown() {
		return cty.DynamicVal
	}
	return v
}

// local evaluates an entry of locals, after those that it uses.
func (m *module) local(name string) cty.Value {
	l := m.locals[name]
	if l == nil || l.state == underWay {
		return cty.DynamicVal
	}
	if l.state == evaluated {
		return l.value
	}
	l.state, l.value = underWay, cty.DynamicVal
	uses := map[string]cty.Value{}
	for _, t := range l.expr.Variables() {
		if t.RootName() == "local" && len(t) > 1 {
			if a, ok := t[1].(hcl.TraverseAttr); ok {
				uses[a.Name] = m.local(a.Name)
			}
		}
	}
	ctx := m.ctx.NewChild()
	ctx.Variables = map[string]cty.Value{"local": cty.ObjectVal(uses)}
	l.value, l.state = evaluate(l.expr, ctx), evaluated
	return l.value
}

// value evaluates an expression of m.
func (m *module) value(e hclsyntax.Expression) cty.Value {
	if m.ctx == nil {
		return cty.DynamicVal
	}
	return evaluate(e, m.ctx)
}
