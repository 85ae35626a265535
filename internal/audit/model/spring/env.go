package spring

import (
	"regexp"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/model/aws"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/unit"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Environment is what a service's container sets for the program in it. A nil
// one is not known.
type Environment struct {
	values map[string]*tree.Node // of variables, by bare name
	hidden map[string]bool       // properties that a command line sets, by bare name
	cannot bool                  // more configuration comes from what cannot be read
}

// bare is a name of which only letters and digits count: that is how a
// variable's name meets a property's.
func bare(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, name)
}

// onCommandLine are properties as arguments: -Dname=value, --name=value.
var onCommandLine = regexp.MustCompile(`(?:^|\s)(?:-D|--)([A-Za-z][\w.-]*)=`)

func (e *Environment) arguments(text string) {
	for _, m := range onCommandLine.FindAllStringSubmatch(text, -1) {
		e.hidden[bare(m[1])] = true
		if strings.HasPrefix(bare(m[1]), "springconfig") {
			e.cannot = true
		}
	}
}

// set adds one variable.
func (e *Environment) set(name string, value *tree.Node) {
	e.values[bare(name)] = value
	switch {
	case name == "SPRING_APPLICATION_JSON", strings.HasPrefix(name, "SPRING_CONFIG_"), strings.HasPrefix(name, "SPRING_CLOUD_CONFIG_"):
		e.cannot = true
	case strings.HasPrefix(name, "JAVA_") || strings.HasPrefix(name, "JDK_"):
		e.arguments(value.Value)
	}
}

func (e *Environment) partial() bool { return e != nil && e.cannot }

// profiles are the active ones, if they are said and read.
func (e *Environment) profiles() ([]string, bool) {
	if e == nil {
		return nil, false
	}
	n := e.values[bare("spring.profiles.active")]
	if n == nil || n.Text() == "" {
		return nil, false
	}
	return split(n.Text()), true
}

// EnvironmentOf reads what a container of Kubernetes sets. maps are ConfigMaps
// by namespace and name.
func EnvironmentOf(w *kube.Workload, c *kube.Container, maps map[string]*kube.Object) *Environment {
	e := &Environment{values: map[string]*tree.Node{}, hidden: map[string]bool{}}
	e.arguments(strings.Join(c.Command, " "))
	for _, from := range c.Node.Get("envFrom").List() {
		o := maps[w.Namespace+"/"+from.Get("configMapRef", "name").Text()]
		if o == nil {
			continue
		}
		for _, field := range o.Root.Get("data").Fields() {
			e.set(from.Get("prefix").Text()+field.Key, field)
		}
	}
	for _, env := range c.Node.Get("env").List() {
		value := env.Get("value")
		if value == nil {
			value = env // valueFrom: a map, which no setting can be
		}
		e.set(env.Get("name").Text(), value)
	}
	return e
}

// TaskEnvironment is what a container of ECS sets.
func TaskEnvironment(c *aws.TaskContainer) *Environment {
	e := &Environment{values: map[string]*tree.Node{}, hidden: map[string]bool{}}
	e.arguments(strings.Join(c.Words, " "))
	for name, value := range c.Env {
		if value != nil {
			e.set(name, value)
		}
	}
	return e
}

// UnitEnvironment is what a unit of systemd sets. Its variables are not values
// of their own in the file: what they say is hidden.
func UnitEnvironment(u *unit.Unit) *Environment {
	e := &Environment{values: map[string]*tree.Node{}, hidden: map[string]bool{}}
	e.arguments(u.Start.Value)
	for _, n := range u.Assigned("Environment") {
		for _, m := range unitVariable.FindAllStringSubmatch(n.Value, -1) {
			e.hidden[bare(m[1])] = true
		}
		e.arguments(n.Value)
	}
	e.cannot = len(u.Assigned("EnvironmentFile")) > 0
	return e
}

var unitVariable = regexp.MustCompile(`(?:^|[\s"'])([A-Za-z_]\w*)=`)
