package main

// application is what is downloaded, and which of its folders are audited.
type application struct {
	name    string
	from    registry
	module  string // its name in the registry
	version string
	paths   []string          // folders and files in it
	rename  map[string]string // files whose names the program's own start changes
}

// registry says how an application is downloaded.
type registry string

const (
	goModule registry = "Go module"    // by go mod download
	maven    registry = "Java archive" // by mvn dependency:copy
)

var applications = []application{
	{
		name: "podinfo", from: goModule,
		module: "github.com/stefanprodan/podinfo", version: "v1.8.1-0.20250910200901-e86405a8674e",
		paths: []string{"deploy", "kustomize", "otel"},
	},
	{
		name: "argo-cd", from: goModule,
		module: "github.com/argoproj/argo-cd/v2", version: "v2.13.0",
		paths: []string{"manifests/base", "manifests/cluster-rbac", "manifests/ha/base", "manifests/namespace-install", "manifests/install.yaml", "examples"},
	},
	{
		name: "flagger", from: goModule,
		module: "github.com/fluxcd/flagger", version: "v1.36.1",
		paths: []string{"kustomize", "test", "artifacts"},
	},
	{
		name: "knative-serving", from: goModule,
		module: "knative.dev/serving", version: "v0.51.0",
		paths: []string{"config", "third_party"},
	},
	{
		name: "ingress-nginx", from: goModule,
		module: "k8s.io/ingress-nginx", version: "v0.0.0-20240708192948-52c50467d67d",
		paths: []string{"deploy", "docs/examples"},
	},
	{
		name: "aws-load-balancer-controller", from: goModule,
		module: "sigs.k8s.io/aws-load-balancer-controller", version: "v1.1.9",
		paths: []string{"docs/examples"},
	},
	{
		name: "istio", from: goModule,
		module: "istio.io/istio", version: "v0.0.0-20260827124520-eed52ebb66ad",
		paths: []string{
			"samples/bookinfo/platform/kube/bookinfo.yaml", "samples/bookinfo/networking", "samples/bookinfo/gateway-api",
			"samples/curl", "samples/extauthz", "samples/helloworld/helloworld.yaml", "samples/httpbin", "samples/ratelimit", "samples/tcp-echo", "samples/websockets",
		},
	},
	{
		name: "argo-rollouts", from: goModule,
		module: "github.com/argoproj/argo-rollouts", version: "v1.7.2",
		paths: []string{"examples", "manifests"},
	},
	{
		name: "gateway-api", from: goModule,
		module: "sigs.k8s.io/gateway-api", version: "v1.2.1",
		paths: []string{"examples"},
	},
	{
		name: "kubernetes", from: goModule,
		module: "k8s.io/kubernetes", version: "v1.36.3",
		paths: []string{"cluster/addons"},
	},
	{
		name: "terratest", from: goModule,
		module: "github.com/gruntwork-io/terratest", version: "v0.48.0",
		paths: []string{"examples"},
	},
	{
		name: "terraform-provider-aws", from: goModule,
		module: "github.com/hashicorp/terraform-provider-aws", version: "v1.60.0",
		paths: []string{"examples"},
	},
	{
		name: "zipkin-server", from: maven,
		module: "io.zipkin:zipkin-server", version: "3.4.4",
		paths: []string{"zipkin-server-shared.yml", "zipkin-server.yml"},
		// The program starts with spring.config.name=zipkin-server.
		rename: map[string]string{"zipkin-server-shared.yml": "application-shared.yml", "zipkin-server.yml": "application.yml"},
	},
}
