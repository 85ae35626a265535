package model

import (
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// springModel builds the model of files: name and text in turn.
func springModel(t *testing.T, files ...string) *Model {
	t.Helper()
	var all []*tree.File
	for i := 0; i < len(files); i += 2 {
		format, ok := source.FormatOf(files[i])
		if !ok {
			t.Fatalf("%s is not read", files[i])
		}
		f, notes := source.Parse(files[i], format, []byte(files[i+1]))
		if len(notes) > 0 {
			t.Fatal(notes)
		}
		all = append(all, f)
	}
	return Build(all, &policy.Policy{})
}

const inProgram = "src/main/resources/application.yml"

const springPod = `apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  template:
    spec:
      containers:
        - name: main
          image: registry.example.com/shop:1
          args: ["--server.port=9000"]
          env:
            - {name: SPRING_PROFILES_ACTIVE, value: prod}
            - {name: SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE, value: 7s}
            - {name: LIMIT, value: "12"}
            - {name: SECRET, valueFrom: {secretKeyRef: {name: s, key: k}}}
          envFrom: [{configMapRef: {name: env}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: env}
data: {SERVER_SHUTDOWN: graceful}
`

func TestSpringEnvironment(t *testing.T) {
	m := springModel(t, inProgram, "spring.application.name: shop\nserver: {port: 8080, shutdown: immediate}\nlimit.a: ${LIMIT:1}\nlimit.b: ${SECRET:1}\n",
		"src/main/resources/application-prod.yml", "p: prod\n", "src/main/resources/application-eu.yml", "p: eu\n", "k8s/shop.yaml", springPod)
	if len(m.Services) != 1 || m.Services[0].App == nil || len(m.Services[0].App.Configs) != 1 {
		t.Fatalf("%d services", len(m.Services))
	}
	c := m.Services[0].App.Configs[0]
	for name, want := range map[string]string{"server.shutdown": "graceful", "spring.lifecycle.timeout-per-shutdown-phase": "7s", "limit.a": "12", "p": "prod"} {
		if v := c.Text(name, value.Value[string]{}); v.V != want {
			t.Errorf("%s: %q, want %q", name, v.V, want)
		}
	}
	for _, name := range []string{"server.port", "limit.b"} {
		if v := c.Text(name, value.Value[string]{}); v.State != value.Unknown {
			t.Errorf("%s: %q, state %d, want unknown", name, v.V, v.State)
		}
	}
}

func TestSpringJoin(t *testing.T) {
	pod := func(name, container, image string) string {
		return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + name + "}\nspec: {selector: {matchLabels: {app: " + name + "}}, template: {metadata: {labels: {app: " + name +
			"}}, spec: {containers: [{name: " + container + ", image: " + image + ", ports: [{name: http, containerPort: 8080}]}]}}}\n---\n" +
			"apiVersion: v1\nkind: Service\nmetadata: {name: " + name + "}\nspec: {selector: {app: " + name + "}, ports: [{name: http, port: 80}]}\n"
	}
	app := func(name string) string { return "spring.application.name: " + name + "\n" }
	for name, c := range map[string]struct {
		files []string
		want  []string // SERVICE=APPLICATION
	}{
		"name":           {[]string{"a/" + inProgram, app("shop"), "b/" + inProgram, app("stock"), "k8s/a.yaml", pod("shop", "x", "x"), "k8s/b.yaml", pod("other", "x", "x")}, []string{"shop=shop", "other=", "stock=stock"}},
		"container":      {[]string{"a/" + inProgram, app("shop"), "b/" + inProgram, app("stock"), "k8s/a.yaml", pod("front", "shop", "x")}, []string{"front=shop", "stock=stock"}},
		"only one":       {[]string{inProgram, app("a"), "k8s/a.yaml", pod("shop", "x", "x")}, []string{"shop=a"}},
		"folder":         {[]string{"one/" + inProgram, app("a"), "one/k8s.yaml", pod("x", "x", "x"), "two/" + inProgram, app("b"), "two/k8s.yaml", pod("y", "y", "y")}, []string{"x=a", "y=b"}},
		"two apps":       {[]string{"one/" + inProgram, app("a"), "two/" + inProgram, app("b"), "k8s.yaml", pod("x", "x", "x")}, []string{"x=", "a=a", "b=b"}},
		"two workloads":  {[]string{inProgram, app("a"), "k8s.yaml", pod("x", "x", "x"), "more.yaml", pod("y", "y", "y")}, []string{"x=", "y=", "a=a"}},
		"not a program":  {[]string{inProgram, app("a"), "k8s.yaml", pod("x", "x", "nginx:1.27")}, []string{"x=", "a=a"}},
		"same name":      {[]string{"a/" + inProgram, app("shop"), "b/" + inProgram, app("shop"), "k8s.yaml", pod("shop", "x", "x")}, []string{"shop=", "shop=shop", "shop=shop"}},
		"staging and it": {[]string{inProgram, app("a"), "staging/k8s.yaml", pod("x", "x", "x"), "prod/k8s.yaml", pod("x", "x", "x")}, []string{"x=a", "x=a"}},
	} {
		var got []string
		for _, s := range springModel(t, c.files...).Services {
			joined := s.Name + "="
			if s.App != nil {
				joined += s.App.Name
			}
			got = append(got, joined)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
