// Package spring is Spring Boot's configuration as a program sees it: which file
// counts over which, with which profiles, and what the environment sets.
//
//	inside, outside := spring.Read(files, cluster)
//	a := spring.Merge(inside[0], outside[0])
//	a.Settle(spring.TaskEnvironment(container), "ECS")
//
// Guarantees: Spring Boot's order of property sources; a default counts only
// where all of the configuration can be seen.
//
// Not guaranteed: configuration that a server or a program's own code adds.
package spring

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// Application is one Spring Boot application's configuration as one service
// runs it: what the service's containers set in their environment counts.
type Application struct {
	Name      string           // spring.application.name, or of its ConfigMap, or of its folder
	Node      *tree.Node       // that names it, or else its first document
	Boot      policy.Version   // of Spring Boot; zero: not known
	Libraries Libraries        // that its build file names
	Sessions  session.Sessions // what its configuration says of them

	// Configs are the effective configurations: without profiles first, then
	// with each that files name, those of development and tests left out. If the
	// service says its profiles there is one.
	Configs []*Settings

	Module    string       // folder of the program; empty: not that of one
	ConfigMap *kube.Object // the ConfigMap it is written in; nil: files
	docs      []document
	complete  bool // all of its configuration can be seen: what is not written is the default
}

// document is one document of Spring's configuration.
type document struct {
	root   *tree.Node
	when   string // on which profiles, as Spring writes it; empty: always
	weight int    // of two documents that say the same the heavier counts
}

// Weights: Spring Boot's order of property sources (reference, "Externalized
// Configuration").
const (
	bootstrapWeight  = -32
	propertiesWeight = 1 // over YAML beside it
	configWeight     = 2 // the folder config over the one it is in
	profileWeight    = 4
	outsideWeight    = 16 // a ConfigMap over what is in the program
)

// fileName is a name of Spring's configuration files.
var fileName = regexp.MustCompile(`^(application|bootstrap)(?:-([\w.+-]+))?\.(?:ya?ml|properties)$`)

// notMain are folders of tests, and of what a build leaves.
var notMain = regexp.MustCompile(`(^|/)(src/(test|it|integration-?[tT]est|functionalTest|testFixtures)/resources|build/resources/\w+|bin/(main|test)|out/(production|test)(/\w+)*)(/config)?$`)

// Read finds applications: inside are those of files, outside those of
// ConfigMaps. They have no configurations before they settle.
func Read(files []*tree.File, c *kube.Cluster) (inside, outside []*Application) {
	inside = inFiles(files)
	builds := readBuilds(files)
	for _, a := range inside {
		a.build(builds)
		a.identify(path.Base(a.Module))
	}
	return inside, inMaps(c)
}

// Merge is an application with the documents of all parts, and what the first
// says else; nil parts are passed over. The parts stay as they are.
func Merge(parts ...*Application) *Application {
	a := &Application{}
	for _, part := range parts {
		if part == nil {
			continue
		}
		docs := append(slices.Clone(a.docs), part.docs...)
		if a.Node == nil {
			*a = *part
		}
		a.docs = docs
	}
	return a
}

// inFiles are the applications of files called application or bootstrap, one
// for each folder.
func inFiles(files []*tree.File) (all []*Application) {
	byModule := map[string]*Application{}
	for _, f := range files {
		found := fileName.FindStringSubmatch(path.Base(f.Name))
		if found == nil || notMain.MatchString(path.Dir(f.Name)) || f.Format != tree.YAML && f.Format != tree.Properties {
			continue
		}
		docs := documents(f.Roots(), found, path.Base(path.Dir(f.Name)) == "config")
		if len(docs) == 0 {
			continue
		}
		folder := strings.TrimSuffix(path.Dir(f.Name), "/config")
		a := byModule[folder]
		if a == nil {
			a = &Application{Module: moduleOf(folder), complete: path.Base(folder) == "resources"}
			byModule[folder] = a
			all = append(all, a)
		}
		a.docs = append(a.docs, docs...)
	}
	return all
}

// moduleOf is the folder of a program whose resources are in folder.
func moduleOf(folder string) string {
	if i := strings.LastIndex(folder+"/", "/src/main/resources/"); i >= 0 {
		return folder[:i]
	}
	if strings.HasPrefix(folder, "src/main/resources") {
		return "."
	}
	return folder
}

// documents are the documents of one file that are Spring's. named is what
// fileName found.
func documents(roots []*tree.Node, named []string, config bool) (all []document) {
	weight := 0
	if named[1] == "bootstrap" {
		weight += bootstrapWeight
	}
	if strings.HasSuffix(named[0], ".properties") {
		weight += propertiesWeight
	}
	if config {
		weight += configWeight
	}
	if named[2] != "" {
		weight += profileWeight
	}
	for _, root := range roots {
		if root.Kind != tree.Map || root.Get("apiVersion") != nil && root.Get("kind") != nil {
			continue
		}
		all = append(all, document{root: root, when: and(named[2], condition(root)), weight: weight})
	}
	return all
}

// inMaps are the applications of ConfigMaps.
func inMaps(c *kube.Cluster) (all []*Application) {
	for _, o := range c.Objects {
		if o.Kind != "ConfigMap" || o.Group != "" {
			continue
		}
		a := &Application{}
		for _, field := range o.Root.Get("data").Fields() {
			if found := fileName.FindStringSubmatch(field.Key); found != nil {
				a.docs = append(a.docs, documents(source.Embedded(field), found, false)...)
			}
		}
		if len(a.docs) > 0 {
			for i := range a.docs {
				a.docs[i].weight += outsideWeight
			}
			a.identify(o.Name)
			a.ConfigMap = o
			all = append(all, a)
		}
	}
	return all
}

// identify names the application; its documents are put in order first.
func (a *Application) identify(name string) {
	slices.SortStableFunc(a.docs, func(x, y document) int { return x.weight - y.weight })
	a.Node = a.docs[0].root
	for _, d := range a.docs {
		if d.weight >= 0 {
			a.Node = d.root
			break
		}
	}
	base := &Settings{values: map[string]*tree.Node{}}
	for _, d := range a.docs {
		if d.when == "" {
			base.add(d.root)
		}
	}
	a.Name = name
	if v := base.Text("spring.application.name", value.Value[string]{}); v.Written() && v.V != "" {
		a.Name, a.Node = v.V, v.Node
	}
}
