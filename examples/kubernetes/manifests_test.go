// Package kubernetes holds manifests: its tests compare them with the programs
// that they start.
package kubernetes

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/internal/platform/kubernetes"
	"github.com/evenkeel/evenkeel/internal/runner"
)

// document is what the tests look at, of all kinds.
type document struct {
	Kind  string
	Rules []struct {
		APIGroups []string `yaml:"apiGroups"`
		Resources []string
		Verbs     []string
	}
	Metadata struct{ Name string }
	Spec     struct {
		Template struct {
			Spec struct {
				ServiceAccountName string `yaml:"serviceAccountName"`
				Grace              int64  `yaml:"terminationGracePeriodSeconds"`
				Containers         []struct {
					Args []string
					Env  []struct {
						Name, Value string
						ValueFrom   struct {
							FieldRef struct {
								FieldPath string `yaml:"fieldPath"`
							} `yaml:"fieldRef"`
						} `yaml:"valueFrom"`
					}
					Lifecycle struct {
						PreStop struct{ Exec struct{ Command []string } } `yaml:"preStop"`
					}
				}
			}
		}
	}
}

func documents(t *testing.T, name string) (all []document, text string) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for d := yaml.NewDecoder(bytes.NewReader(b)); ; {
		var doc document
		if err := d.Decode(&doc); errors.Is(err, io.EOF) {
			return all, string(b)
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, doc)
	}
}

func TestTheSumFitsTheGracePeriod(t *testing.T) {
	docs, text := documents(t, "deployment.yaml")
	pod := docs[0].Spec.Template.Spec
	c := pod.Containers[0]
	opt, err := runner.Parse(c.Args, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	grace := time.Duration(pod.Grace) * time.Second
	b := opt.Budget
	if fit, err := b.Fit(grace); err != nil || fit != b {
		t.Errorf("the budget: %v, %v", fit, err)
	}
	if _, err := b.Fit(grace - 5*time.Second); err == nil {
		t.Error("control: the budget fits also 5 s less")
	}
	sum := fmt.Sprintf("# %g + max(%g, %g) + %g + margin %g = %g s", b.Withdraw.Seconds(), b.Requests.Seconds(), b.Streams.Seconds(),
		b.Flush.Seconds(), b.Margin().Seconds(), (b.Needed() + b.Margin()).Seconds())
	if !strings.Contains(text, sum) {
		t.Errorf("the sum is %s", sum)
	}
	hook := c.Lifecycle.PreStop.Exec.Command
	if want := []string{"/evenkeel-run", "drain", "--wait", (b.Withdraw + max(b.Requests, b.Streams)).String()}; !slices.Equal(hook, want) {
		t.Errorf("preStop is %q, want %q", hook, want)
	}
}

func TestThePodFindsItself(t *testing.T) {
	docs, _ := documents(t, "deployment.yaml")
	env := map[string]string{"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
	for _, e := range docs[0].Spec.Template.Spec.Containers[0].Env {
		env[e.Name] = e.Value + e.ValueFrom.FieldRef.FieldPath
	}
	want := map[string]string{"POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace", "EVENKEEL_POD_DELETION_COST": "true"}
	for name, value := range want {
		if env[name] != value {
			t.Errorf("%s is %q, want %q", name, env[name], value)
		}
	}
	if kubernetes.Detect(func(k string) string { return env[k] }, slog.Default()) == nil {
		t.Error("it is not recognised")
	}
}

func TestTheRoleIsWhatTheProgramAsksFor(t *testing.T) {
	docs, _ := documents(t, "rbac.yaml")
	deployment, _ := documents(t, "deployment.yaml")
	if len(docs) != 3 || docs[0].Metadata.Name != deployment[0].Spec.Template.Spec.ServiceAccountName {
		t.Fatalf("%d documents, account %s", len(docs), docs[0].Metadata.Name)
	}
	r := docs[1].Rules
	if len(r) != 1 || !slices.Equal(r[0].APIGroups, []string{""}) || !slices.Equal(r[0].Resources, []string{"pods"}) || !slices.Equal(r[0].Verbs, []string{"get", "patch"}) {
		t.Errorf("rules %+v", r)
	}
}
