package resource

import (
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// maxModules bounds how deep modules of a plan are followed.
const maxModules = 20

// plan reads what terraform show -json prints of a plan. Names that are not
// known before apply are joined by the plan's configuration.
func plan(root *tree.Node) (all []*Resource) {
	file := root.Doc.File.Name
	configured := map[string][]string{}
	(&planModule{node: root.Get("configuration", "root_module")}).references(configured, 0)
	var walk func(*tree.Node, int)
	walk = func(module *tree.Node, depth int) {
		for _, r := range module.Get("resources").List() {
			kind, address := r.Get("type").Text(), r.Get("address").Text()
			if !strings.HasPrefix(kind, "aws_") || r.Get("mode").Text() == "data" || r.Get("values") == nil {
				continue
			}
			bare := withoutIndex(address)
			all = append(all, &Resource{Kind: renamed.Replace(kind), Label: r.Get("name").Text(), Node: r, Body: r.Get("values"), scope: file,
				Keys: []string{key(file, bare)}, Plan: true, planned: configured[bare]})
		}
		for _, c := range module.Get("child_modules").List() {
			if depth < maxModules {
				walk(c, depth+1)
			}
		}
	}
	walk(root.Get("planned_values", "root_module"), 0)
	return all
}

// planModule is a module of a plan's configuration.
type planModule struct {
	node   *tree.Node
	prefix string      // of addresses: module.alb.
	caller *planModule // nil: the root
	call   *tree.Node  // its module call
}

// references notes what each resource of m and its modules refers to, by
// address.
func (m *planModule) references(to map[string][]string, depth int) {
	for _, r := range m.node.Get("resources").List() {
		var refs []string
		m.within(r.Get("expressions"), &refs, 0)
		to[m.prefix+r.Get("address").Text()] = refs
	}
	for _, c := range m.node.Get("module_calls").Fields() {
		if depth < maxModules {
			m.called(c).references(to, depth+1)
		}
	}
}

func (m *planModule) called(call *tree.Node) *planModule {
	return &planModule{node: call.Get("module"), prefix: m.prefix + "module." + call.Key + ".", caller: m, call: call}
}

// within adds the references anywhere in n, followed through variables and
// outputs.
func (m *planModule) within(n *tree.Node, to *[]string, depth int) {
	if n == nil || depth > maxModules || len(*to) > 1000 {
		return
	}
	if n.Key == "references" {
		for _, c := range n.List() {
			m.follow(c.Text(), to, depth)
		}
		return
	}
	for _, c := range n.Items {
		m.within(c, to, depth)
	}
}

func (m *planModule) follow(ref string, to *[]string, depth int) {
	steps := strings.Split(withoutIndex(ref), ".")
	switch {
	case len(steps) > 1 && steps[0] == "var" && m.caller != nil:
		m.caller.within(m.call.Get("expressions", steps[1]), to, depth+1)
	case len(steps) > 2 && steps[0] == "module":
		if call := m.node.Get("module_calls", steps[1]); call != nil {
			child := m.called(call)
			child.within(child.node.Get("outputs", steps[2], "expression"), to, depth+1)
		}
	case strings.HasPrefix(steps[0], "aws_"):
		*to = append(*to, m.prefix+ref)
	}
}
