package hcl_test

import (
	"fmt"

	"github.com/evenkeel/evenkeel/internal/audit/source/hcl"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

func ExampleLink() {
	main := &tree.File{Name: "shop/main.tf", Format: tree.HCL, Data: []byte("resource \"aws_lb_target_group\" \"shop\" {\n  deregistration_delay = var.delay\n}\n")}
	variables := &tree.File{Name: "shop/variables.tf", Format: tree.HCL, Data: []byte("variable \"delay\" {\n  default = 30\n}\n")}
	files := []*tree.File{main, variables}
	for _, f := range files {
		if err := hcl.Parse(f); err != nil {
			fmt.Println(err)
		}
	}
	delay := func() *tree.Node { return main.Docs[0].Root.Get("resource", "deregistration_delay") }
	fmt.Println(delay().Unknown)
	hcl.Link(files)
	fmt.Println(delay().Pos(), delay().Text())
	// Output:
	// true
	// shop/main.tf:2:26 30
}
