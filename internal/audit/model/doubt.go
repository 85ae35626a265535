package model

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// doubts are notes on what is written and cannot be meant: a word where a
// number belongs, a list for a map, a version that no API has. What depends on
// a variable or a template is none.
func (m *Model) doubts() []tree.Note {
	d := doubter{seen: map[any]bool{}}
	for _, o := range m.Kube.Objects {
		d.object(o)
	}
	for _, s := range m.Services {
		d.annotations(s)
		d.values(reflect.ValueOf(s))
	}
	d.values(reflect.ValueOf(*m.AWS))
	return d.notes
}

type doubter struct {
	notes []tree.Note
	seen  map[any]bool // nodes and structs
}

// note says what is wrong with n, once.
func (d *doubter) note(n *tree.Node, allowed string) {
	if d.seen[n] {
		return
	}
	d.seen[n] = true
	name, found := n.Path(), "a list"
	switch n.Kind {
	case tree.Scalar:
		found = fmt.Sprintf("%.60q", n.Value)
	case tree.Map:
		found = "a map"
	case tree.List, tree.Null:
	}
	p := n.Pos()
	d.notes = append(d.notes, tree.Note{File: p.File, Line: p.Line, Message: fmt.Sprintf("%s: found %s, allowed: %s; not read", name, found, allowed)})
}

// doubtful is a [Value] of any type.
type doubtful interface {
	Doubt() (n *tree.Node, allowed string)
}

// values looks at all values that can be reached from v within the model.
func (d *doubter) values(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || !strings.HasPrefix(v.Type().Elem().PkgPath(), reflect.TypeFor[Model]().PkgPath()) || d.seen[v.Interface()] {
			return
		}
		d.seen[v.Interface()] = true
		d.values(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			d.values(v.Index(i))
		}
	case reflect.Struct:
		if set, ok := reflect.TypeAssert[doubtful](v); ok {
			if n, allowed := set.Doubt(); n != nil {
				d.note(n, allowed)
			}
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				d.values(v.Field(i))
			}
		}
	default:
	}
}

// annotations looks at those of ours.
func (d *doubter) annotations(s *Service) {
	for _, name := range []string{NoteRequests, NoteStreams} {
		if n := s.note(name); n.Exists() && !n.Unknown {
			if t, err := time.ParseDuration(n.Text()); err != nil || t < 0 {
				d.note(n, "a duration with its unit, such as 30s, 5m")
			}
		}
	}
	if n := s.note(NoteSessions); n.Exists() && !n.Unknown && n.Text() != string(session.Memory) && n.Text() != string(session.External) {
		d.note(n, "memory, external")
	}
}

// versions are those that the API server of Kubernetes 1.16 and later has had,
// and those of the other projects.
var versions = map[string][]string{
	"": {"v1"}, "apps": {"v1", "v1beta1", "v1beta2"}, "networking.k8s.io": {"v1", "v1beta1"}, "autoscaling": {"v1", "v2", "v2beta1", "v2beta2"},
	"policy": {"v1", "v1beta1"}, "gateway.networking.k8s.io": {"v1", "v1beta1", "v1alpha2"}, "argoproj.io": {"v1alpha1"}, "keda.sh": {"v1alpha1"},
}

// shapes are what the parts of an object have to be, by kind.
var shapes = map[string]map[string]tree.Kind{
	"":           {"metadata": tree.Map, "metadata.labels": tree.Map, "metadata.annotations": tree.Map, "spec": tree.Map},
	"Deployment": podShape, "StatefulSet": podShape, "DaemonSet": podShape, "Rollout": podShape,
	"Pod":                     {"spec.containers": tree.List, "spec.initContainers": tree.List},
	"Service":                 {"spec.selector": tree.Map, "spec.ports": tree.List},
	"Ingress":                 {"spec.rules": tree.List},
	"HTTPRoute":               {"spec.rules": tree.List, "spec.hostnames": tree.List},
	"HorizontalPodAutoscaler": {"spec.scaleTargetRef": tree.Map, "spec.behavior": tree.Map},
	"ScaledObject":            {"spec.scaleTargetRef": tree.Map},
	"PodDisruptionBudget":     {"spec.selector": tree.Map},
}

var podShape = map[string]tree.Kind{
	"spec.selector": tree.Map, "spec.strategy": tree.Map, "spec.updateStrategy": tree.Map, "spec.template": tree.Map,
	"spec.template.metadata": tree.Map, "spec.template.metadata.labels": tree.Map, "spec.template.spec": tree.Map,
	"spec.template.spec.containers": tree.List, "spec.template.spec.initContainers": tree.List,
}

var shapeNames = map[tree.Kind]string{tree.Map: "a map", tree.List: "a list"}

// object looks at the version and the shape of an object that is read.
func (d *doubter) object(o *kube.Object) {
	shape, read := shapes[o.Kind]
	known, ours := versions[o.Group]
	if !read || !ours {
		return
	}
	if n := o.Root.Get("apiVersion"); !slices.Contains(known, o.Version) {
		all := make([]string, len(known))
		for i, v := range known {
			all[i] = strings.TrimPrefix(o.Group+"/"+v, "/")
		}
		d.notes = append(d.notes, tree.Note{File: n.Pos().File, Line: n.Pos().Line,
			Message: fmt.Sprintf("apiVersion: found %.60q, allowed: %s; read as if it were the first", n.Value, strings.Join(all, ", "))})
	}
	for _, all := range []map[string]tree.Kind{shapes[""], shape} {
		for path, want := range all {
			if n := o.Root.Get(strings.Split(path, ".")...); n.Exists() && n.Kind != want && !n.Unknown {
				d.note(n, shapeNames[want])
			}
		}
	}
}
