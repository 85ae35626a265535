package cloudformation_test

import (
	"fmt"

	"github.com/evenkeel/evenkeel/internal/audit/source/cloudformation"
	"github.com/evenkeel/evenkeel/internal/audit/source/yaml"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

func ExampleResolve() {
	f := &tree.File{Name: "t.yaml", Format: tree.YAML, Data: []byte(`Parameters:
  Stop: {Type: Number, Default: 60}
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties: {Family: !Sub "shop-${Stop}"}
`)}
	err := yaml.Parse(f)
	cloudformation.Resolve(f)
	fmt.Println(f.Docs[0].Root.Get("Resources", "Task", "Properties", "Family").Text(), err)
	// Output: shop-60 <nil>
}
