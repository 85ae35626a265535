package model

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// built is the model of one YAML file.
func built(t *testing.T, pol *policy.Policy, text string) *Model {
	t.Helper()
	f, notes := source.Parse("x.yaml", tree.YAML, []byte(text))
	if len(notes) > 0 {
		t.Fatal(notes)
	}
	if pol == nil {
		pol = &policy.Policy{}
	}
	return Build([]*tree.File{f}, pol)
}

const shop = `
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: shop, namespace: web}
  spec:
    template:
      metadata: {labels: {app: shop, tier: front}}
      spec:
        containers:
        - {name: shop, ports: [{containerPort: 8080}], lifecycle: {preStop: {exec: {command: [sh, -c, "sleep 7 && echo"]}}}}
        - {name: proxy, lifecycle: {preStop: {sleep: {seconds: 9}}}}
        initContainers:
        - {name: setup}
        - {name: mesh, restartPolicy: Always}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec: {template: {metadata: {labels: {app: shop}}, spec: {terminationGracePeriodSeconds: 60}}}
---
{apiVersion: v1, kind: Service, metadata: {name: shop, namespace: web}, spec: {selector: {app: shop}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: db}, spec: {clusterIP: None, selector: {app: shop}, ports: [{port: 5432}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: none}, spec: {ports: [{port: 80}]}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, namespace: web, annotations: {nginx.ingress.kubernetes.io/affinity: cookie}}
spec: {rules: [{host: shop.example, http: {paths: [{backend: {service: {name: shop}}}]}}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop, namespace: web}
spec: {rules: [{backendRefs: [{name: shop}, {kind: Other, name: x}]}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: shop, namespace: web}
spec: {minReplicas: 2, scaleTargetRef: {kind: Deployment, name: shop}}
---
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: shop, namespace: web}, spec: {selector: {matchLabels: {tier: front}}}}
`

func TestClusterIsJoined(t *testing.T) {
	m := built(t, nil, shop)
	if len(m.Services) != 2 {
		t.Fatalf("%d services", len(m.Services))
	}
	s, db := m.Services[0], m.Services[1]
	w := s.Workload
	got := fmt.Sprintf("%v: %d containers, services %v, ingress %v, routes %d, scaler %v, budgets %d; %v; %v; least %v; web %v %v",
		s, len(w.Containers), w.Services, w.Ingresses[0].Router, len(w.Routes), w.Scaler, len(w.Budgets), s.PreStop, s.Grace, s.Replicas.V, w.Web(), db.Workload.Web())
	want := "Deployment web/shop: 3 containers, services [Service web/shop], ingress ingress-nginx, routes 1, scaler HorizontalPodAutoscaler web/shop, " +
		"budgets 1; preStop 9 s; terminationGracePeriodSeconds 30 s (default); least 2; web true false"
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if !w.Containers[2].Sidecar || w.Containers[2].Name != "mesh" {
		t.Errorf("the sidecar: %+v", w.Containers[2])
	}
	if s.Needs.Withdraw.D != 8*time.Second || s.Needs.Requests.D != 30*time.Second || s.Needs.Requests.Stated {
		t.Errorf("needs %+v", s.Needs)
	}
}

func TestAnnotationsAreNearerThanThePolicy(t *testing.T) {
	path := filepath.Join(t.TempDir(), policy.FileName)
	if err := os.WriteFile(path, []byte("version: 1\nservice: a\nsession: {store: memory}\nshutdown: {requests: 20s, streams: 1m, flush: 0s}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	pol, err := policy.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	m := built(t, pol, `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, annotations: {evenkeel.dev/sessions: external}},
 spec: {template: {metadata: {annotations: {evenkeel.dev/streams: 5s}}, spec: {containers: [{command: [/evenkeel-run, --, /a]}]}}}}`)
	s := m.Services[0]
	if got, want := s.Needs.String(), "requests 20 s"; got != want || !s.Needs.LameDuck || !s.Needs.Flush.Stated {
		t.Errorf("%s, want %s: %+v", got, want, s.Needs)
	}
	if s.Sessions.Home != session.External || s.Sessions.Node == nil {
		t.Errorf("%+v", s.Sessions)
	}
	if m.Policy.Service("b") != nil {
		t.Error("a named policy speaks of another service")
	}
}

// What cannot be meant is a note; what a template decides, and objects of
// others, are none.
func TestDoubts(t *testing.T) {
	m := built(t, nil, `apiVersion: apps/v9
kind: Deployment
metadata: {name: a, labels: [x], annotations: {evenkeel.dev/requests: "30", evenkeel.dev/sessions: cookie}}
spec:
  replicas: many
  template: {spec: {terminationGracePeriodSeconds: [1], containers: {}}}
---
{apiVersion: serving.knative.dev/v9, kind: Service, metadata: [x], spec: 7}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: b}, spec: {replicas: "{{ .Values.n }}", template: {spec: {terminationGracePeriodSeconds: 60}}}}
`)
	var got []string
	for _, n := range m.Notes {
		got = append(got, fmt.Sprintf("%d %s", n.Line, strings.SplitN(n.Message, ":", 2)[0]))
	}
	slices.Sort(got)
	want := []string{"1 apiVersion", "3 metadata.annotations.evenkeel.dev/requests", "3 metadata.annotations.evenkeel.dev/sessions", "3 metadata.labels",
		"5 spec.replicas", "6 spec.template.spec.containers", "6 spec.template.spec.terminationGracePeriodSeconds"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
