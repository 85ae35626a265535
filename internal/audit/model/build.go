package model

import (
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/internal/audit/model/aws"
	"github.com/evenkeel/evenkeel/internal/audit/model/image"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// Build reads what files say. pol is not nil.
func Build(files []*tree.File, pol *policy.Policy) *Model {
	m := &Model{Policy: pol, ofWorkload: map[*kube.Workload]*Service{}, behind: map[*aws.TargetGroup][]*Service{}}
	files = slices.DeleteFunc(slices.Clone(files), func(f *tree.File) bool { return f.Part })
	for _, read := range builders {
		read(m, files)
	}
	m.Notes = m.doubts()
	return m
}

// builders run in this order: what runs services comes before what is joined to
// them.
var builders = []func(*Model, []*tree.File){
	buildKube,
	buildAWS,
	buildUnits,
	buildSpring,
	func(m *Model, files []*tree.File) { m.Images = image.Read(files) },
	buildStores,
	joinServices,
}

// String is KIND NAMESPACE/NAME.
func (s *Service) String() string {
	if s.Namespace == "" {
		return s.Kind + " " + s.Name
	}
	return fmt.Sprintf("%s %s/%s", s.Kind, s.Namespace, s.Name)
}
