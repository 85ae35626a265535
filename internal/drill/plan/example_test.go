package plan_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/evenkeel/evenkeel/internal/drill/plan"
)

const examples = "../../../examples/drill"

func ExampleLoad() {
	p, err := plan.Load(filepath.Join(examples, "json-api.yaml"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p)
	for _, e := range p.Events.Do {
		fmt.Printf("%q %q\n", e.Kubectl.RolloutRestart, e.Kubectl.Scale)
	}
	// Output:
	// 2 users at http://127.0.0.1:8080 for 1m0s
	// "deploy/api" ""
	// "" "deploy/api"
	// "" "deploy/api"
}

// What is shown to be copied is valid.
func TestExamples(t *testing.T) {
	t.Setenv("DRILL_PASSWORD", "x")
	t.Setenv("EVENKEEL_PROBE_SECRET", "a secret of at least twenty-four bytes")
	files, err := os.ReadDir(examples)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range files {
		if filepath.Ext(f.Name()) != ".yaml" || f.Name() == "github-actions.yaml" {
			continue
		}
		n++
		if _, err := plan.Load(filepath.Join(examples, f.Name())); err != nil {
			t.Error(err)
		}
	}
	if n < 3 {
		t.Errorf("found %d examples", n)
	}
}
