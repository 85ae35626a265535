package kube

import (
	"fmt"
	"testing"
)

// Whom users reach, by what leads to it and what it is.
func TestWeb(t *testing.T) {
	const ingress = "---\n{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i}, spec: {defaultBackend: {service: {name: a}}}}\n"
	for _, c := range []struct {
		name, kind, image, spec, service, more string
		web                                    bool
	}{
		{name: "a port called http", service: "ports: [{name: http, port: 9000}]", web: true},
		{name: "a port called http-api", service: "ports: [{name: http-api, port: 9000}]", web: true},
		{name: "port 80 by any name", service: "ports: [{name: main, port: 80}]", web: true},
		{name: "port 8080 without a name", service: "ports: [{port: 8080}]", web: true},
		{name: "a protocol that is said", service: "ports: [{port: 9000, appProtocol: kubernetes.io/h2c}]", web: true},
		{name: "a port of which nothing is said", service: "ports: [{port: 9000}]"},
		{name: "the same behind an Ingress", service: "ports: [{port: 9000}]", more: ingress, web: true},
		{name: "the same behind a balancer", service: "type: LoadBalancer, ports: [{port: 9000}]", web: true},
		{name: "a store behind a balancer", service: "type: LoadBalancer, ports: [{port: 5432}]"},
		{name: "UDP", service: "ports: [{name: web, port: 80, protocol: UDP}]"},
		{name: "metrics", service: "ports: [{name: http-metrics, port: 80}]"},
		{name: "a broker with a page", service: "ports: [{name: amqp, port: 5672}, {name: http, port: 15672}]"},
		{name: "headless", service: "clusterIP: None, ports: [{name: http, port: 80}]"},
		{name: "no Service", service: ""},
		{name: "a store by its image", image: "registry.example/mirror/elasticsearch:8", service: "ports: [{name: http, port: 9200}]", more: ingress},
		{name: "an image with a store in its name", image: "registry.example/redis-browser:8", service: "ports: [{name: http, port: 80}]", web: true},
		{name: "a digest", image: "grafana/grafana:11@sha256:abc", service: "ports: [{name: http, port: 80}]"},
		{name: "with volumes of its own", kind: "StatefulSet", spec: "volumeClaimTemplates: [{}], ", service: "ports: [{name: http, port: 80}]"},
		{name: "the same behind an Ingress", kind: "StatefulSet", spec: "volumeClaimTemplates: [{}], ", service: "ports: [{name: http, port: 80}]", more: ingress, web: true},
		{name: "a StatefulSet without", kind: "StatefulSet", service: "ports: [{name: http, port: 80}]", web: true},
		{name: "on every machine", kind: "DaemonSet", service: "ports: [{name: http, port: 80}]"},
		{name: "a webhook", service: "ports: [{port: 443}]",
			more: "---\n{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, metadata: {name: m}, webhooks: [{clientConfig: {service: {name: a, namespace: default}}}]}\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.kind == "" {
				c.kind = "Deployment"
			}
			if c.image == "" {
				c.image = "registry.example/a:1"
			}
			text := fmt.Sprintf("{apiVersion: apps/v1, kind: %s, metadata: {name: a}, spec: {%stemplate: {metadata: {labels: {app: a}}, spec: {containers: [{name: a, image: '%s'}]}}}}\n", c.kind, c.spec, c.image)
			if c.service != "" {
				text += fmt.Sprintf("---\n{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {selector: {app: a}, %s}}\n", c.service)
			}
			if got := readYAML(t, text+c.more).Workloads[0].Web(); got != c.web {
				t.Errorf("users reach it: %v, want %v", got, c.web)
			}
		})
	}
}

// Which containers serve, by the ports that Services lead to.
func TestServing(t *testing.T) {
	for _, c := range []struct{ containers, ports, want string }{
		{"{name: a}", "{port: 80}", "[a]"},
		{"{name: a}, {name: b}", "{port: 80}", "[]"},
		{"{name: a}, {name: b, ports: [{containerPort: 80}]}", "{port: 80}", "[b]"},
		{"{name: a, ports: [{containerPort: 81}]}, {name: b, ports: [{name: web, containerPort: 8080}]}", "{port: 80, targetPort: web}", "[b]"},
		{"{name: a, ports: [{containerPort: 8080}]}, {name: b, ports: [{containerPort: 9090}]}", "{name: http, port: 80, targetPort: 8080}, {name: metrics, port: 90, targetPort: 9090}", "[a]"},
		{"{name: a}, {name: istio-proxy}", "{port: 80}", "[a]"},
	} {
		all := readYAML(t, "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {template: {metadata: {labels: {app: a}}, spec: {containers: ["+c.containers+"]}}}}\n"+
			"---\n{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {selector: {app: a}, ports: ["+c.ports+"]}}\n")
		names := []string{}
		for _, s := range all.Workloads[0].Serving() {
			names = append(names, s.Name)
		}
		if got := fmt.Sprint(names); got != c.want {
			t.Errorf("%s with %s: %s, want %s", c.containers, c.ports, got, c.want)
		}
	}
}
