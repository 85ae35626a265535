package manifests

import (
	"testing"

	"github.com/evenkeel/evenkeel/internal/policy"
	"github.com/evenkeel/evenkeel/internal/render"
)

var policies = []string{"default", "streams", "memory", "spot", "spring", "aws"}

// rendered are a target's files for a policy, with change made to it.
func rendered(t *testing.T, name, target string, change func(*policy.Service)) []render.File {
	t.Helper()
	p, err := policy.Load("../../internal/policy/testdata/policies/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := &p.Services[0]
	if change != nil {
		change(s)
	}
	files, err := render.Render([]string{target}, p, s)
	if err != nil {
		t.Fatal(err)
	}
	return files
}
