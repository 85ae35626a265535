package cloudformation_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

const templateYAML = `AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Environment: {Type: String, Default: prod}
  Delay: {Type: Number, Default: 35}
  Image: {Type: String}
Mappings:
  Sizes:
    prod: {Count: 4}
    test: {Count: 1}
Conditions:
  Prod: !Equals [!Ref Environment, prod]
  Test: !Not [!Condition Prod]
  Either: !Or [!Condition Prod, !Equals [!Ref Image, x]]
  Both: !And [!Condition Prod, !Equals [!Ref Image, x]]
  Loop: !Condition Loop
Resources:
  Group:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      Name: !Sub "shop-${Environment}"
      Delay: !Ref Delay
      Count: !FindInMap [Sizes, !Ref Environment, Count]
      Chosen: !If [Prod, 90, 10]
      Left: !If [Test, 90, {Fn::Join: ["-", [a, !Ref Environment]]}]
      Undecided: !If [Both, 90, !GetAtt Group.Arn]
      Decided: !If [Either, 1, 2]
      Round: !If [Loop, 1, 2]
      Image: !Ref Image
      Nothing: !If [Test, 1, !Ref AWS::NoValue]
      Region: !Sub "${AWS::Region}-x"
      Literal: !Sub "${!HOME}/x"
      Own: !Sub ["${A}-${Delay}", {A: !Ref Environment}]
      Second: !Select [1, [a, b]]
      Plain: 5 # as it stands
  Gone:
    Type: AWS::ECS::Service
    Condition: Test
    Properties: {ServiceName: test}
`

func TestCloudFormation(t *testing.T) {
	f, notes := source.Parse("t.yaml", tree.YAML, []byte(templateYAML))
	if len(notes) > 0 {
		t.Fatal(notes)
	}
	resources := f.Docs[0].Root.Get("Resources")
	if resources.Get("Gone") != nil {
		t.Error("a resource whose condition is false is there")
	}
	group := resources.Get("Group", "Properties")
	got := map[string]string{}
	for _, c := range group.Fields() {
		got[c.Key] = c.Text()
		if c.Unknown {
			got[c.Key] = "?"
		}
	}
	want := map[string]string{"Name": "shop-prod", "Delay": "35", "Count": "4", "Chosen": "90", "Left": "a-prod", "Undecided": "?",
		"Decided": "1", "Round": "?", "Image": "?", "Nothing": "", "Region": "?", "Literal": "${HOME}/x", "Own": "prod-35", "Second": "b", "Plain": "5"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := group.Get("Nothing"); n.Exists() {
		t.Error("AWS::NoValue is a value")
	}
	if diff := cmp.Diff([]tree.Ref{{Scope: "t.yaml", Path: "Group.Arn"}}, group.Get("Undecided").Refs); diff != "" {
		t.Error(diff)
	}
	if n := group.Get("Delay"); n.Pos().String() != "t.yaml:21:14" || n.End != 0 {
		t.Errorf("%s, end %d", n.Pos(), n.End)
	}
	if n := group.Get("Plain"); templateYAML[n.Start:n.End] != "5" {
		t.Error("a plain value cannot be edited")
	}
}

func TestCloudFormationJSON(t *testing.T) {
	const src = `{"Parameters": {"Stop": {"Type": "Number", "Default": 60}},
 "Resources": {"Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": {
   "Family": {"Fn::Sub": "shop-${Stop}"},
   "ContainerDefinitions": [{"Name": "shop", "StopTimeout": {"Ref": "Stop"}}]}}}}`
	f, _ := source.Parse("t.json", tree.JSON, []byte(src))
	task := f.Docs[0].Root.Get("Resources", "Task", "Properties")
	if got := task.Get("Family").Text(); got != "shop-60" {
		t.Error(got)
	}
	if n := task.Get("ContainerDefinitions").List()[0].Get("StopTimeout"); n.Text() != "60" || n.Pos().Line != 4 || n.Path() != "Resources.Task.Properties.ContainerDefinitions[0].StopTimeout" {
		t.Errorf("%q at %s, %s", n.Text(), n.Pos(), n.Path())
	}
}

// A text that grows by every reference is undecided, and other YAML is left
// alone.
func TestCloudFormationBounds(t *testing.T) {
	large := "Parameters:\n  A: {Type: String, Default: " + strings.Repeat("x", 50_000) + "}\nResources:\n  T:\n    Type: AWS::ECS::Service\n    Properties:\n" +
		"      ServiceName: !Sub \"" + strings.Repeat("${A}", 20_000) + "\"\n      Other: !Join [\"\", [" + strings.Repeat("!Ref A, ", 5_000) + "x]]\n"
	f, notes := source.Parse("t.yaml", tree.YAML, []byte(large))
	if len(notes) > 0 {
		t.Fatal(notes)
	}
	p := f.Docs[0].Root.Get("Resources", "T", "Properties")
	if !p.Get("ServiceName").Unknown || !p.Get("Other").Unknown {
		t.Error("a text of a gigabyte is decided")
	}
	f, _ = source.Parse("k.yaml", tree.YAML, []byte("Resources: {a: {Type: Other, x: !Ref b}}\n"))
	if n := f.Docs[0].Root.Get("Resources", "a", "x"); !n.Unknown || n.Refs != nil {
		t.Error("something else was taken for a template")
	}
}

func FuzzCloudFormation(f *testing.F) {
	f.Add(templateYAML)
	f.Add("Conditions: {A: !Not [!Condition A]}\nResources: {T: {Type: 'AWS::X', Condition: A, Properties: !If [A, !Sub [a, {b: !Ref c}], !Select [0, !Split [x, y]]]}}\n")
	f.Add(`{"Resources": {"T": {"Type": "AWS::X", "Properties": {"Fn::If": ["A", {"Ref": "AWS::NoValue"}, {"Fn::Base64": {"Fn::Sub": "${A"}}]}}}}`)
	f.Fuzz(func(t *testing.T, src string) {
		file, _ := source.Parse("t.yaml", tree.YAML, []byte(src))
		if file == nil {
			return
		}
		var see func(n *tree.Node, depth int)
		see = func(n *tree.Node, depth int) {
			if depth > 3*tree.MaxDepth || n.Doc == nil || n.End > len(file.Data) {
				t.Fatalf("%q: depth %d, end %d", n.Key, depth, n.End)
			}
			if n.Pos().Line < 1 || len(n.Value) > tree.MaxFileBytes {
				t.Fatalf("%s at %s", n.Path(), n.Pos())
			}
			for _, c := range n.Items {
				see(c, depth+1)
			}
		}
		for _, d := range file.Docs {
			see(d.Root, 0)
		}
	})
}
