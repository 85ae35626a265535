package hcl_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/source/hcl"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// parsedHCL reads files of one or more folders together.
func parsedHCL(t *testing.T, files ...string) []*tree.File {
	t.Helper()
	var all []*tree.File
	for i := 0; i+1 < len(files); i += 2 {
		f, notes := source.Parse(files[i], tree.HCL, []byte(files[i+1]))
		if len(notes) > 0 {
			t.Fatal(notes)
		}
		all = append(all, f)
	}
	hcl.Link(all)
	return all
}

const ecsTF = `# the shop
resource "aws_ecs_task_definition" "shop" {
  family                   = "${var.name}-web"
  requires_compatibilities = ["FARGATE"]
  cpu                      = 256
  container_definitions = jsonencode([
    merge(local.base, {
      name        = "web"
      stopTimeout = var.stop
    }),
    local.sidecar,
  ])
}

resource "aws_ecs_service" "shop" {
  name            = local.name
  task_definition = aws_ecs_task_definition.shop.arn
  desired_count   = max(2, var.least)

  dynamic "load_balancer" {
    for_each = var.public ? [1] : []
    content {
      target_group_arn = module.alb.group
    }
  }
  dynamic "network_configuration" {
    for_each = var.networks
    content {
      assign_public_ip = true
    }
  }
}
`

const varsTF = `variable "name" { default = "shop" }
variable "stop" {
  type = number
  default = 30
}
variable "least" { default = 3 }
variable "public" { default = true }
variable "networks" {}
locals {
  name    = "${var.name}-service"
  base    = { essential = true, name = "unnamed", stopTimeout = 5 }
  sidecar = { name = "envoy", image = var.image }
}
module "alb" {
  source = "./modules/alb"
  delay  = var.stop * 2
}
`

func TestHCLValuesAndPlaces(t *testing.T) {
	files := parsedHCL(t, "a/ecs.tf", ecsTF, "a/vars.tf", varsTF, "a/prod.auto.tfvars", "stop = 60\n",
		"a/modules/alb/main.tf", "variable \"delay\" { default = 300 }\nresource \"aws_lb_target_group\" \"g\" {\n  deregistration_delay = var.delay\n}\noutput \"group\" { value = aws_lb_target_group.g.arn }\n")
	root := files[0].Docs[0].Root
	task, service := root.Blocks("resource")[0], root.Blocks("resource")[1]
	group := files[3].Docs[0].Root.Blocks("resource")[0]
	containers := task.Get("container_definitions").List()
	for _, c := range []struct {
		n     *tree.Node
		value string
		place string
		text  string // in the file; empty: not one piece of text
	}{
		{task.Get("family"), "shop-web", "a/ecs.tf:3:30", ""},
		{task.Get("requires_compatibilities").List()[0], "FARGATE", "a/ecs.tf:4:31", `"FARGATE"`},
		{task.Get("cpu"), "256", "a/ecs.tf:5:30", "256"},
		{containers[0].Get("name"), "web", "a/ecs.tf:8:21", `"web"`},
		{containers[0].Get("stopTimeout"), "60", "a/ecs.tf:9:21", ""},
		{containers[0].Get("essential"), "true", "a/vars.tf:11:27", "true"},
		{containers[1].Get("name"), "envoy", "a/vars.tf:12:22", `"envoy"`},
		{service.Get("name"), "shop-service", "a/ecs.tf:16:21", ""},
		{service.Get("desired_count"), "3", "a/ecs.tf:18:21", ""},
		{group.Get("deregistration_delay"), "120", "a/modules/alb/main.tf:3:26", ""},
	} {
		text := ""
		if c.n != nil && c.n.End > 0 {
			text = string(c.n.Doc.File.Data[c.n.Start:c.n.End])
		}
		if c.n.Text() != c.value || c.n.Pos().String() != c.place || text != c.text {
			t.Errorf("%q at %s as %q, want %q at %s as %q", c.n.Text(), c.n.Pos(), text, c.value, c.place, c.text)
		}
	}
	if n := containers[1].Get("image"); !n.Unknown {
		t.Errorf("an undeclared variable is %q", n.Value)
	}
	if n := service.Get("network_configuration"); !n.Unknown || !n.Get("assign_public_ip").Unknown {
		t.Error("a block that may not be there is decided")
	}
	if n := service.Get("load_balancer"); n == nil || n.Unknown {
		t.Error("a block that is there is undecided or missing")
	}
	if got := task.Pos().String(); got != "a/ecs.tf:2:1" {
		t.Error(got)
	}
}

func TestHCLReferences(t *testing.T) {
	files := parsedHCL(t, "a/ecs.tf", ecsTF, "a/vars.tf", varsTF,
		"a/modules/alb/main.tf", "output \"group\" { value = one(aws_lb_target_group.g[*].arn) }\n")
	service := files[0].Docs[0].Root.Blocks("resource")[1]
	for _, c := range []struct {
		n    *tree.Node
		want []tree.Ref
	}{
		{service.Get("task_definition"), []tree.Ref{{Scope: "a", Path: "aws_ecs_task_definition.shop.arn"}}},
		{service.Get("load_balancer", "target_group_arn"), []tree.Ref{{Scope: "a/modules/alb", Path: "aws_lb_target_group.g"}}},
	} {
		if diff := cmp.Diff(c.want, c.n.Refs); diff != "" {
			t.Error(diff)
		}
	}
}

func TestHCLCallersDisagree(t *testing.T) {
	const module = "variable \"delay\" { default = 300 }\nlocals { d = var.delay }\nresource \"aws_lb_target_group\" \"g\" { deregistration_delay = local.d }\n"
	delay := func(main string) *tree.Node {
		files := parsedHCL(t, "a/main.tf", main, "a/m/main.tf", module)
		return files[1].Docs[0].Root.Blocks("resource")[0].Get("deregistration_delay")
	}
	const one, two, plain = "module \"x\" {\n source = \"./m\"\n delay = 30\n}\n", "module \"y\" {\n source = \"./m\"\n delay = 60\n}\n", "module \"z\" {\n source = \"./m\"\n}\n"
	if got := delay(one).Text(); got != "30" {
		t.Errorf("one caller: %q", got)
	}
	if got := delay(plain).Text(); got != "300" {
		t.Errorf("a caller that says nothing: %q", got)
	}
	if n := delay(one + two); !n.Unknown {
		t.Errorf("two callers that disagree: %q", n.Value)
	}
	if n := delay(one + plain); !n.Unknown {
		t.Errorf("a caller that says nothing beside one that does: %q", n.Value)
	}
}

func TestHCLHeredoc(t *testing.T) {
	const src = `variable "image" { default = "shop:1" }
resource "aws_ecs_task_definition" "shop" {
  container_definitions = <<-EOF
    [
      {
        "name": "web",
        "image": "${var.image}",
        "cpu": ${var.cpu},
        "stopTimeout": 45
      }
    ]
  EOF
}
`
	files := parsedHCL(t, "task.tf", src)
	c := files[0].Docs[0].Root.Blocks("resource")[0].Get("container_definitions").List()
	if len(c) != 1 {
		t.Fatal("the JSON was not read")
	}
	if n := c[0].Get("image"); n.Text() != "shop:1" {
		t.Errorf("image is %q", n.Value)
	}
	if n := c[0].Get("cpu"); !n.Unknown {
		t.Errorf("cpu is decided: %q", n.Value)
	}
	n := c[0].Get("stopTimeout")
	if got := n.Pos().String(); n.Text() != "45" || got != "task.tf:9:24" || src[n.Start:n.End] != "45" {
		t.Errorf("%q at %s", n.Value, got)
	}
}

// Directives, escapes and what is no JSON leave a text as it is.
func TestHCLHeredocOthers(t *testing.T) {
	for name, body := range map[string]string{
		"directive": "[{\"a\": ${var.x}, \"b\": %{ if var.y }1%{ else }2%{ endif }}]",
		"script":    "#!/bin/sh\necho ${var.x}",
		"nested":    "{\"a\": \"${var.x == \"}\" ? \"y\" : \"z\"}\"}",
	} {
		f, notes := source.Parse("a.tf", tree.HCL, []byte("variable \"x\" { default = 1 }\nv = <<E\n"+body+"\nE\n"))
		if len(notes) > 0 {
			t.Fatal(name, notes)
		}
		n := f.Docs[0].Root.Get("v")
		if name == "nested" {
			if got := n.Get("a").Text(); got != "z" {
				t.Errorf("nested: %q", got)
			}
		} else if n.Kind != tree.Scalar {
			t.Errorf("%s was read as JSON", name)
		}
	}
}

// What would exhaust memory or the stack is refused or undecided.
func TestHCLBounds(t *testing.T) {
	var doubled strings.Builder
	doubled.WriteString("locals {\n  l0 = \"0123456789abcdef\"\n")
	for i := range 40 {
		name := func(i int) string { return "l" + strings.Repeat("x", i) }
		if i == 0 {
			doubled.WriteString("  l = local.l0\n")
		}
		doubled.WriteString("  " + name(i+1) + " = \"${local." + name(i) + "}${local." + name(i) + "}\"\n")
	}
	doubled.WriteString("}\nx = local.l" + strings.Repeat("x", 40) + "\n")
	f, notes := source.Parse("a.tf", tree.HCL, []byte(doubled.String()))
	if len(notes) > 0 || !f.Docs[0].Root.Get("x").Unknown {
		t.Error("a value doubled forty times is decided", notes)
	}
	for _, src := range []string{
		"x = " + strings.Repeat("(", 100_000), "x = " + strings.Repeat("[", 100_000) + "1", "x = 1" + strings.Repeat("+1", 100_000),
		"x = " + strings.Repeat("!", 100_000) + "true", "x = " + strings.Repeat("true?", 50_000) + "1", strings.Repeat("a {\n", 50_000),
	} {
		if f, notes := source.Parse("a.tf", tree.HCL, []byte(src)); f != nil || len(notes) == 0 {
			t.Errorf("%.20s… was read", src)
		}
	}
	diamond := "locals {\n"
	for i := range 12 {
		diamond += fmt.Sprintf("  l%d = [%s]\n  m%d = \"%s\"\n", i, strings.Repeat(fmt.Sprintf("local.l%d, ", i+1), 40), i, strings.Repeat(fmt.Sprintf("${local.m%d}", i+1), 40))
	}
	for _, src := range []string{diamond + "}\nx = local.l0\n", diamond + "}\nx = local.m0\n", "x = " + strings.Repeat("concat(", 140) + "[" + strings.Repeat("1, ", 200_000) + "], var.x" + strings.Repeat(")", 140) + "\n"} {
		if f, _ := source.Parse("a.tf", tree.HCL, []byte(src)); f != nil && count(f.Docs[0].Root) > 2*hclNodes {
			t.Errorf("%.20s… has %d nodes", src, count(f.Docs[0].Root))
		}
	}
	for _, src := range []string{"x = \"${1e999999999}\"", "x = format(\"%999999999d\", 1)", "x = 1e999999999"} {
		if f, _ := source.Parse("a.tf", tree.HCL, []byte(src)); f != nil && !f.Docs[0].Root.Get("x").Unknown {
			t.Errorf("%s is decided", src)
		}
	}
}

const hclNodes = 100_000 // of a file, as the package bounds them

func count(n *tree.Node) int {
	sum := 1
	for _, c := range n.Items {
		sum += count(c)
	}
	return sum
}

func FuzzHCL(f *testing.F) {
	f.Add(ecsTF)
	f.Add(varsTF)
	f.Add("x = <<E\n{\"a\": ${b}}\nE\n")
	f.Fuzz(func(t *testing.T, src string) {
		file, _ := source.Parse("a.tf", tree.HCL, []byte(src))
		if file == nil {
			return
		}
		var see func(n *tree.Node)
		see = func(n *tree.Node) {
			if n.Start < 0 || n.End > len(file.Data) || n.End > 0 && n.End < n.Start || n.Line < 1 || n.Column < 1 {
				t.Fatalf("%s: bytes %d to %d at %d:%d", n.Path(), n.Start, n.End, n.Line, n.Column)
			}
			for _, c := range n.Items {
				if c.Parent != n {
					t.Fatalf("%s: a child of something else", c.Path())
				}
				see(c)
			}
		}
		see(file.Docs[0].Root)
	})
}
