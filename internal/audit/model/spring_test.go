package model

import (
	"slices"
	"testing"
	"time"

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

// settings of the only application there is.
func settings(t *testing.T, files ...string) *Settings {
	t.Helper()
	m := springModel(t, files...)
	if len(m.Spring) != 1 {
		t.Fatalf("%d applications", len(m.Spring))
	}
	return m.Spring[0].Configs[0]
}

const inProgram = "src/main/resources/application.yml"

// Spring Boot's reference: relaxed binding.
func TestSpringNames(t *testing.T) {
	for _, text := range []string{
		"spring:\n  lifecycle:\n    timeout-per-shutdown-phase: 5s\n",
		"spring:\n  lifecycle:\n    timeoutPerShutdownPhase: 5s\n",
		"spring:\n  lifecycle:\n    timeout_per_shutdown_phase: 5s\n",
		"spring.lifecycle.TIMEOUT-PER-SHUTDOWN-PHASE: 5s\n",
		"spring.lifecycle:\n  timeoutpershutdownphase: 5s\n",
	} {
		v := settings(t, inProgram, text).Duration("spring.lifecycle.timeout-per-shutdown-phase", time.Millisecond, Value[Duration]{})
		if v.V != 5*time.Second || !v.Written() {
			t.Errorf("%q: %v, state %d", text, v.V, v.State)
		}
	}
}

func TestSpringDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30": 30 * time.Millisecond, "30s": 30 * time.Second, "1m": time.Minute, "2H": 2 * time.Hour, "1d": 24 * time.Hour, "500ms": 500 * time.Millisecond,
		"PT30S": 30 * time.Second, "PT1M30S": 90 * time.Second, "P1DT1H": 25 * time.Hour, "-1": -time.Millisecond, "+5s": 5 * time.Second, "pt0.5s": 500 * time.Millisecond,
	} {
		if got, ok := springDuration(text, time.Millisecond); !ok || got != want {
			t.Errorf("%q: %v %t, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "s", "1x", "1 s", "1m30s", "P", "PT", "1.5s", "99999999999999d"} {
		if got, ok := springDuration(text, time.Millisecond); ok {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

func TestSpringPlaceholders(t *testing.T) {
	s := settings(t, inProgram, "a: x\nb: ${a}\nc: ${NONE:d}\nd: ${NONE}\ne: ${NONE:${a:y}}-${c}\nf: ${f}\ng: '#{1}'\nh: '@project.version@'\ni: ${NONE:}\nj: '${a'\n")
	for name, want := range map[string]string{"a": "x", "b": "x", "c": "d", "e": "x-d", "i": "", "j": "${a"} {
		if v := s.Text(name, Value[string]{}); !v.Written() || v.V != want {
			t.Errorf("%s: %q, state %d, want %q", name, v.V, v.State, want)
		}
	}
	for _, name := range []string{"d", "f", "g", "h"} {
		if v := s.Text(name, Value[string]{}); v.State != Unknown || v.Node == nil {
			t.Errorf("%s: %q, state %d, want unknown", name, v.V, v.State)
		}
	}
}

func TestSpringProfileExpressions(t *testing.T) {
	for when, want := range map[string]bool{
		"": true, "prod": true, "dev": false, "!dev": true, "!prod": false, "prod & eu": true, "prod & us": false, "dev | eu": true,
		"(prod & us) | (!dev & eu)": true, "!(prod | dev)": false, "prod &": false, "(": false,
	} {
		if got := holds(when, []string{"prod", "eu"}); got != want {
			t.Errorf("%q: %t", when, got)
		}
	}
}

// What stands nearer to the program's start wins: the order of Spring Boot's
// reference, "Externalized Configuration".
func TestSpringOrder(t *testing.T) {
	m := springModel(t,
		"src/main/resources/bootstrap.yml", "x: bootstrap\nname: bootstrap\n",
		"src/main/resources/application.properties", "x=properties\n",
		inProgram, "x: yaml\ny: yaml\nz: yaml\n---\nspring.config.activate.on-profile: prod\nx: document\ny: document\n---\nspring.config.activate.on-profile: dev\nx: dev\n",
		"src/main/resources/application-prod.yml", "x: profile\n",
		"src/main/resources/config/application.yml", "z: config\n",
		"src/test/resources/application.yml", "x: test\n")
	if len(m.Spring) != 1 || len(m.Spring[0].Configs) != 2 {
		t.Fatalf("%d applications", len(m.Spring))
	}
	for i, want := range []string{"properties yaml config bootstrap", "profile document config bootstrap"} {
		c := m.Spring[0].Configs[i]
		got := ""
		for _, name := range []string{"x", "y", "z", "name"} {
			got += c.Text(name, Value[string]{}).V + " "
		}
		if got != want+" " {
			t.Errorf("with profile %q: %s, want %s", c.Profile, got, want)
		}
	}
}

func TestSpringGroups(t *testing.T) {
	m := springModel(t, inProgram, "spring:\n  profiles:\n    include: common\n    group:\n      prod: [db, eu]\n",
		"src/main/resources/application-eu.yml", "x: eu\n", "src/main/resources/application-common.yml", "y: common\n", "src/main/resources/application-prod.yml", "z: 1\n")
	for _, c := range m.Spring[0].Configs {
		x, y := c.Text("x", Value[string]{}).V, c.Text("y", Value[string]{}).V
		if y != "common" || (x == "eu") != (c.Profile == "eu" || c.Profile == "prod") {
			t.Errorf("with profile %q: x %q, y %q", c.Profile, x, y)
		}
	}
}

func TestSpringFolders(t *testing.T) {
	for folder, want := range map[string]bool{
		"src/main/resources": true, "shop/src/main/resources/config": true, "config": true, ".": true, "home/src/test/shop/src/main/resources": true,
		"src/test/resources": false, "shop/src/integrationTest/resources/config": false, "build/resources/main": false, "bin/main": false, "out/production/resources": false,
	} {
		if got := len(springModel(t, folder+"/application.yml", "a: 1\n").Spring) == 1; got != want {
			t.Errorf("%s: read %t", folder, got)
		}
	}
	for folder, want := range map[string]string{"a/src/main/resources": "a", "src/main/resources": ".", "/x/src/main/resources/src/main/resources": "/x/src/main/resources", "deploy": "deploy"} {
		if got := moduleOf(folder); got != want {
			t.Errorf("%s: %s, want %s", folder, got, want)
		}
	}
}

// A default counts only where nothing that was not read could say otherwise.
func TestSpringPartial(t *testing.T) {
	for name, c := range map[string]struct {
		file, text string
		want       State
	}{
		"whole":     {inProgram, "a: 1\n", Default},
		"outside":   {"deploy/application.yml", "a: 1\n", Unknown},
		"imported":  {inProgram, "spring.config.import: 'optional:configserver:'\n", Unknown},
		"classpath": {inProgram, "spring.config.import: classpath:more.yml\n", Default},
		"config":    {"src/main/resources/bootstrap.yml", "spring.cloud.config.uri: http://config\n", Unknown},
	} {
		if v := settings(t, c.file, c.text).Bool("b", true); v.State != c.want {
			t.Errorf("%s: state %d, want %d", name, v.State, c.want)
		}
	}
}

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
		if v := c.Text(name, Value[string]{}); v.V != want {
			t.Errorf("%s: %q, want %q", name, v.V, want)
		}
	}
	for _, name := range []string{"server.port", "limit.b"} {
		if v := c.Text(name, Value[string]{}); v.State != Unknown {
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

func TestSpringSessions(t *testing.T) {
	pom := func(library string) string {
		return "<project><dependencies><dependency><artifactId>" + library + "</artifactId></dependency></dependencies></project>"
	}
	for name, c := range map[string]struct {
		files  []string
		home   Home
		cookie string
		idle   time.Duration
	}{
		"library":  {[]string{inProgram, "server.servlet.session.timeout: 10m\n", "pom.xml", pom("spring-session-data-redis")}, External, "SESSION", 10 * time.Minute},
		"store":    {[]string{inProgram, "spring.session.store-type: jdbc\nspring.session.timeout: 90\n"}, External, "SESSION", 90 * time.Second},
		"settings": {[]string{inProgram, "spring.session.data.redis.namespace: x\nserver.servlet.session.cookie.name: C\n"}, External, "C", 30 * time.Minute},
		"memory":   {[]string{inProgram, "server.servlet.session.timeout: 15m\n", "pom.xml", pom("spring-boot-starter-web")}, Memory, "JSESSIONID", 15 * time.Minute},
		"none":     {[]string{inProgram, "server.servlet.session.timeout: 15m\nspring.session.store-type: none\n"}, Memory, "JSESSIONID", 15 * time.Minute},
		"unknown":  {[]string{inProgram, "server.servlet.session.timeout: 15m\n"}, HomeUnknown, "", 15 * time.Minute},
		"nothing":  {[]string{inProgram, "a: 1\n", "pom.xml", pom("spring-boot-starter-web")}, HomeUnknown, "", 0},
		"profiles": {[]string{inProgram, "server.servlet.session.timeout: 15m\n", "src/main/resources/application-prod.yml", "spring.session.store-type: redis\n", "pom.xml", pom("x")}, HomeUnknown, "", 15 * time.Minute},
	} {
		got := springModel(t, c.files...).Services[0].Sessions
		cookie := ""
		if got.Cookie.Known() {
			cookie = got.Cookie.V
		}
		if got.Home != c.home || cookie != c.cookie || got.Timeout.V != c.idle {
			t.Errorf("%s: %q, cookie %q, timeout %v", name, got.Home, cookie, got.Timeout.V)
		}
	}
}

func TestBootVersion(t *testing.T) {
	parent := "<project><parent><artifactId>spring-boot-starter-parent</artifactId><version>3.2.1</version></parent></project>"
	m := springModel(t, "pom.xml", parent, "shop/pom.xml", "<project><artifactId>shop</artifactId></project>", "shop/"+inProgram, "a: 1\n")
	if got := m.Spring[0].Boot.String(); got != "3.2" {
		t.Errorf("Spring Boot %q", got)
	}
}
